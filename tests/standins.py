"""Small objects in the place of the application, for tests of the layers below it."""

from __future__ import annotations

import contextlib
import typing as t

import flask
from werkzeug.wrappers import Response

from erlen import state
from erlen.config import Config, ConfigAttribute
from erlen.json.provider import DefaultJSONProvider


class StandInApp:
    """What configuration, JSON and sessions need to know of an application."""

    secret_key: ConfigAttribute[t.Any] = ConfigAttribute("SECRET_KEY")
    permanent_session_lifetime: ConfigAttribute[t.Any] = ConfigAttribute(
        "PERMANENT_SESSION_LIFETIME"
    )
    response_class: t.Any = Response
    name = "standin"
    provider_class: t.Any = DefaultJSONProvider

    def __init__(self, **settings: t.Any) -> None:
        self.config = Config(".", dict(flask.Flask.default_config))
        self.config.update(settings)
        self.json = self.provider_class(self)

    @property
    def debug(self) -> bool:
        return bool(self.config["DEBUG"])


class StandInContext:
    """What the lower layers read from a context."""

    def __init__(self, app: t.Any, environ: dict[str, t.Any] | None = None) -> None:
        self.app = app
        self.environ = environ
        self.has_request = environ is not None


@contextlib.contextmanager
def context_of(app: t.Any, environ: dict[str, t.Any] | None = None) -> t.Iterator[None]:
    """Make a stand-in context current."""
    token = state.set_current(t.cast(t.Any, StandInContext(app, environ)))
    try:
        yield
    finally:
        state.reset_current(token)


def flask_app(**settings: t.Any) -> flask.Flask:
    """The real thing with the same settings."""
    app = flask.Flask("standin")
    app.config.update(settings)
    return app
