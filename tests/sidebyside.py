"""One application, made once on Flask and once on Erlen, and asked the same things.

An application is a function ``make(fw, log)``: ``fw`` is the package (``flask`` or
``erlen``), ``log`` a list for what happens on the way. Erlen is asked twice: the
general way, which is Flask's protocol, and the planned way.
"""

from __future__ import annotations

import contextlib
import logging
import re
import typing as t
from dataclasses import dataclass, field
from types import ModuleType

import flask
import flask.views
from werkzeug.test import EnvironBuilder

import colours
import erlen
from erlen.server import wsgi

Make = t.Callable[[t.Any, list[t.Any]], t.Any]
HOST = "localhost"

#: For tests that run on both without comparing.
BOTH = (flask, erlen)


@dataclass
class Answer:
    """What a server sees of a request."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    error: str = ""
    log: list[t.Any] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None


@dataclass
class Call:
    """One request: path, method and what else ``EnvironBuilder`` takes."""

    path: str = "/"
    method: str = "GET"
    options: dict[str, t.Any] = field(default_factory=dict)
    environ: dict[str, t.Any] = field(default_factory=dict)

    def make_environ(self) -> dict[str, t.Any]:
        builder = EnvironBuilder(self.path, method=self.method, **self.options)
        try:
            return {**builder.get_environ(), **self.environ}
        finally:
            builder.close()


def call(path: str = "/", method: str = "GET", **options: t.Any) -> Call:
    return Call(path, method, options, options.pop("environ", {}))


def serve(app: t.Any, wanted: Call | str = "/") -> Answer:
    """What a server does with a request: call, iterate, close."""
    if isinstance(wanted, str):
        wanted = Call(wanted)
    answer = Answer()

    def start_response(status: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
        assert not answer.status, "start_response was called twice"
        assert type(headers) is list
        status, headers = colours.seen(status, headers)
        answer.headers = [(name, _timeless(name, value)) for name, value in headers]
        answer.status = status

    body: t.Any = ()
    try:
        body = app(wanted.make_environ(), start_response)
        answer.body = b"".join(body)
    except BaseException as error:
        answer.error = f"{type(error).__name__}: {error}"
    finally:
        if hasattr(body, "close"):
            body.close()
    return answer


def _timeless(name: str, value: str) -> str:
    """A header without what differs from second to second, or from set to set."""
    if name == "Allow":
        return ", ".join(sorted(value.split(", ")))
    if name == "Set-Cookie":
        value = re.sub(r"\.[\w-]{6}\.[\w-]{27}", ".time.signature", value)
        value = re.sub(r"Expires=[^;]+", "Expires=then", value)
    return value


@contextlib.contextmanager
def counted_general() -> t.Iterator[list[t.Any]]:
    """The requests that take the general way."""
    taken: list[t.Any] = []
    original = wsgi.general

    def general(app: t.Any, environ: t.Any, start_response: t.Any) -> t.Any:
        taken.append(environ.get("PATH_INFO"))
        return original(app, environ, start_response)

    wsgi.general = general
    try:
        yield taken
    finally:
        wsgi.general = original


def quiet(app: t.Any) -> None:
    """Errors are expected; they needn't be printed."""
    logger = logging.getLogger(app.name)
    logger.handlers = [logging.NullHandler()]
    logger.propagate = False


def plan(app: t.Any, *hosts: str) -> None:
    """Let the next request take the planned way, if there is one for this application."""
    plans = app._current_plans()
    for host in hosts or (HOST,):
        if not plans.general:
            plans.accept_host(host)


def answers(fw: ModuleType, make: Make, calls: t.Sequence[Call], way: str = "") -> list[Answer]:
    log: list[t.Any] = []
    app = make(fw, log)
    quiet(app)
    found = []
    for wanted in (*calls, *calls):
        if way == "planned":
            plan(app)
        elif way == "general":
            plans = app._current_plans()
            plans.general, plans.hosts = True, set()
        log.clear()
        answer = serve(app, wanted)
        answer.log = list(log)
        found.append(answer)
    return found


def _expect(expected: list[Answer], found: list[Answer], way: str, calls: list[Call]) -> None:
    for number, (theirs, ours) in enumerate(zip(expected, found, strict=True)):
        wanted = calls[number % len(calls)]
        again = " again" if number >= len(calls) else ""
        what = f"{wanted.method} {wanted.path}{again}, the {way} way"
        assert ours == theirs, f"{what}:\nErlen {ours}\nFlask {theirs}"


def compare(make: Make, *wanted: Call | str, general: int | None = 0) -> list[Answer]:
    """Ask Flask and Erlen the same, everything twice.

    Args:
        make: The application.
        wanted: The requests, or their paths.
        general: How many of them can't take the planned way; None: no matter.

    Returns:
        Erlen's answers to the first round.
    """
    calls = [Call(item) if isinstance(item, str) else item for item in wanted]
    expected = answers(flask, make, calls)
    _expect(expected, answers(erlen, make, calls, "general"), "general", calls)
    with counted_general() as taken:
        planned = answers(erlen, make, calls, "planned")
    _expect(expected, planned, "planned", calls)
    if general is not None and not colours.painted:
        assert len(taken) == 2 * general, taken
    return planned[: len(calls)]
