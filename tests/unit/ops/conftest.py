"""Requests in both colours, and logs that are put back as they were."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import typing as t
from collections.abc import Callable, Iterator

import pytest

from erlen import Erlen

Headers = dict[str, str]


class Answer(t.NamedTuple):
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def json(self) -> t.Any:
        return json.loads(self.body)


def by_wsgi(app: t.Any, path: str, headers: Headers, method: str) -> Answer:
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    environ = EnvironBuilder(path=path, method=method, headers=headers).get_environ()
    environ["REMOTE_ADDR"] = "10.0.0.9"
    chunks, status, found = run_wsgi_app(app, environ, buffered=True)
    return Answer(int(status[:3]), list(found), b"".join(chunks))


def scope_of(path: str, headers: Headers, method: str) -> dict[str, t.Any]:
    path, _, query = path.partition("?")
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), *raw],
        "server": ("localhost", 80),
        "client": ("10.0.0.9", 5),
    }


async def by_asgi_here(app: t.Any, path: str, headers: Headers, method: str) -> Answer:
    sent: list[dict[str, t.Any]] = []
    gone = asyncio.Event()
    asked = False

    async def receive() -> dict[str, t.Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, t.Any]) -> None:
        sent.append(message)

    await app(scope_of(path, headers, method), receive, send)
    found = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], found, body)


def by_asgi(app: t.Any, path: str, headers: Headers, method: str) -> Answer:
    return asyncio.run(by_asgi_here(app, path, headers, method))


Ask = Callable[..., Answer]


@pytest.fixture(params=["wsgi", "asgi"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Sends a request: ``ask(app, "/path", {"Header": "value"}, method="GET")``."""
    call = by_wsgi if request.param == "wsgi" else by_asgi

    def send(app: Erlen, path: str, headers: Headers | None = None, method: str = "GET") -> Answer:
        return call(app, path, headers or {}, method)

    send.colour = request.param  # type: ignore[attr-defined]
    return send


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Takes away what was set up for the logs of the whole process."""
    root, access = logging.getLogger(), logging.getLogger("erlen.access")
    factory, level = logging.getLogRecordFactory(), root.level
    yield
    logging.setLogRecordFactory(factory)
    root.setLevel(level)
    access.setLevel(logging.NOTSET)
    for logger in (root, access):
        # pytest has handlers of its own there.
        logger.handlers[:] = [h for h in logger.handlers if type(h).__module__ != "erlen.ops.logs"]


class Lines:
    """The lines of JSON that were logged."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, logger: str | None = None) -> list[dict[str, t.Any]]:
        sys.stderr.flush()
        found = [json.loads(line) for line in self._capsys.readouterr().err.splitlines()]
        return [line for line in found if logger in (None, line["logger"])]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was logged since it was last asked for."""
    return Lines(capsys)
