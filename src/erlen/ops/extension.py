"""The extension that turns on, by settings, what operating an application takes."""

from __future__ import annotations

import logging
import typing as t

from ..server.checks import Check, Readiness, check_of
from .observer import Observing
from .probes import Alive, Page, Ready

F = t.TypeVar("F", bound=t.Callable[..., t.Any])

_DEFAULTS: dict[str, t.Any] = {
    "HEALTH_PATH": None,
    "READINESS_PATH": None,
    "READINESS_TIMEOUT": 1.0,
    "REQUEST_ID_HEADER": None,
    "REQUEST_ID_TRUSTED": True,
    "LOG_FORMAT": None,
    "LOG_LEVEL": None,
    "ACCESS_LOG": False,
    "METRICS_PATH": None,
    "METRICS_BUCKETS": None,
    "TRACING": False,
}
#: What may be the name of a header (RFC 9110, 5.1), as far as anybody uses it.
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


class Ops:
    """Health, readiness, request ids, logs, metrics and traces of applications.

    Each is off until its setting asks for it. The settings are read once, by
    :meth:`init_app`; what is off is not there at run time. ::

        ops = Ops()

        @ops.check
        def database():
            db.session.execute(text("SELECT 1"))

        def create_app():
            app = Erlen(__name__)
            app.config.update(HEALTH_PATH="/health", READINESS_PATH="/ready")
            ops.init_app(app)
            return app

    Args:
        app: Passed to :meth:`init_app`, if given.
        registry: A ``CollectorRegistry`` of prometheus-client for the metrics; its own
            default registry if None.
    """

    def __init__(self, app: t.Any = None, *, registry: t.Any = None) -> None:
        self.registry = registry
        self.checks: list[Check] = []
        if app is not None:
            self.init_app(app)

    @t.overload
    def check(self, f: F, /) -> F: ...

    @t.overload
    def check(
        self, /, *, name: str | None = None, timeout: float | None = None
    ) -> t.Callable[[F], F]: ...

    def check(
        self, f: t.Any = None, /, *, name: str | None = None, timeout: float | None = None
    ) -> t.Any:
        """Register what readiness asks; a decorator, with or without arguments.

        It runs in an application context, in a thread or, a coroutine function under
        ASGI, on the event loop.

        Args:
            f: Raises or returns False if something is missing.
            name: For answers and logs; the function's own by default.
            timeout: Seconds that it may take; ``READINESS_TIMEOUT`` by default.
        """

        def register(function: F) -> F:
            self.checks.append(check_of(function, name, timeout))
            return function

        return register if f is None else register(f)

    def init_app(self, app: t.Any) -> None:
        """Turn on what the settings of an application ask for.

        Args:
            app: An application, with its settings made.

        Raises:
            ValueError: A setting makes no sense.
            ModuleNotFoundError: Metrics or traces need a package that is missing.
            RuntimeError: It was done before.
        """
        if "erlen.ops" in app.extensions:
            raise RuntimeError(
                f"Ops.init_app() was called twice for the application {app.name!r}:"
                " its settings are read once."
            )
        config = app.config
        for key, value in _DEFAULTS.items():
            config.setdefault(key, value)
        header = config["REQUEST_ID_HEADER"]
        if header is not None and not (isinstance(header, str) and header and set(header) <= _NAME):
            raise ValueError(f"REQUEST_ID_HEADER is not the name of a header: {header!r}")
        observing = Observing(app, self._pages(app), header, bool(config["REQUEST_ID_TRUSTED"]))
        self._set_up_parts(app, observing)
        observing.for_logs = config["LOG_FORMAT"] is not None
        _set_up_logs(app)
        app.extensions["erlen.ops"] = observing
        if observing.pages or observing.observes:
            observing.install()

    def _pages(self, app: t.Any) -> dict[str, Page]:
        config = app.config
        timeout = config["READINESS_TIMEOUT"]
        if not isinstance(timeout, (int, float)) or not timeout > 0:
            raise ValueError(f"READINESS_TIMEOUT is a number of seconds, not {timeout!r}")
        pages: dict[str, Page] = {}
        if config["HEALTH_PATH"]:
            pages[_path(config, "HEALTH_PATH", pages)] = Alive()
        if config["READINESS_PATH"]:
            from ..server.draining import watch_for_end

            ready = Ready(Readiness(app, self.checks, timeout))
            pages[_path(config, "READINESS_PATH", pages)] = ready
            watch_for_end(app)
        if config["METRICS_PATH"]:
            from .metrics import MetricsPage

            pages[_path(config, "METRICS_PATH", pages)] = MetricsPage(self.registry)
        return pages

    def _set_up_parts(self, app: t.Any, observing: Observing) -> None:
        config = app.config
        if config["TRACING"]:
            from .tracing import Tracing

            tracing = Tracing(app)
            # It lives as long as the application: signals hold their receivers weakly.
            app.extensions["erlen.tracing"] = tracing
            observing.begins += (tracing.begin,)
        if config["METRICS_PATH"]:
            from .metrics import metrics_of

            metrics = metrics_of(self.registry, config["METRICS_BUCKETS"])
            observing.begins += (metrics.begin,)
            observing.ends += (metrics.end,)
        if config["ACCESS_LOG"]:
            from .logs import write_access

            observing.ends += (write_access,)
        if config["TRACING"]:
            # Behind the others, whose records may name the span.
            observing.ends += (tracing.end,)


def _path(config: t.Any, key: str, pages: dict[str, Page]) -> str:
    path = config[key]
    if not isinstance(path, str) or not path.startswith("/") or "?" in path:
        raise ValueError(f"{key} is a path that begins with a slash, not {path!r}")
    if path in pages:
        raise ValueError(f"{key} is {path!r}, where another page is already.")
    return path


def _set_up_logs(app: t.Any) -> None:
    config = app.config
    form = config["LOG_FORMAT"]
    if form not in (None, "json"):
        raise ValueError(f"LOG_FORMAT is 'json' or None, not {form!r}")
    wanted = config["REQUEST_ID_HEADER"] or config["TRACING"] or config["ACCESS_LOG"] or form
    if not wanted:
        return
    from . import logs

    logs.install_records()
    if form == "json":
        logs.log_as_json(app.name)
    if config["LOG_LEVEL"] is not None:
        logging.getLogger().setLevel(config["LOG_LEVEL"])
    if config["ACCESS_LOG"]:
        logs.access_logger()
