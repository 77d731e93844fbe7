"""Pages for machines, answered in front of the application: no hook, no session, no host check.

A liveness page that ran the application's hooks would fail with the database that a hook
asks, and the orchestrator would restart workers that are well.
"""

from __future__ import annotations

import json
import typing as t

if t.TYPE_CHECKING:
    from ..server.checks import Readiness

#: Status, content type and body.
Answer = tuple[str, str, bytes]

_JSON = "application/json"
_STATUS = {200: "200 OK", 503: "503 Service Unavailable"}


class Page:
    """A page that is answered in front of the application."""

    def answer(self, header: t.Callable[[str], str]) -> Answer:
        """Make the answer, in a thread.

        Args:
            header: Gives a header of the request by its name in lower case.
        """
        raise NotImplementedError

    async def answer_async(self, header: t.Callable[[str], str]) -> Answer:
        """Make the answer, on an event loop, without a thread of the application's.

        Args:
            header: As for :meth:`answer`.
        """
        raise NotImplementedError


class Alive(Page):
    """Says that the process answers. Nothing else: what is missing is readiness's business."""

    _answer: Answer = ("200 OK", _JSON, b'{"status":"alive"}\n')

    def answer(self, header: t.Callable[[str], str]) -> Answer:
        """See :class:`Page`."""
        return self._answer

    async def answer_async(self, header: t.Callable[[str], str]) -> Answer:
        """See :class:`Page`."""
        return self._answer


class Ready(Page):
    """Says whether the worker wants requests.

    Args:
        readiness: Knows it.
    """

    def __init__(self, readiness: Readiness) -> None:
        self.readiness = readiness

    def answer(self, header: t.Callable[[str], str]) -> Answer:
        """See :class:`Page`."""
        return _as_json(*self.readiness.answer())

    async def answer_async(self, header: t.Callable[[str], str]) -> Answer:
        """See :class:`Page`."""
        return _as_json(*await self.readiness.answer_async())


def _as_json(content: dict[str, t.Any], status: int) -> Answer:
    text = json.dumps(content, separators=(",", ":")) + "\n"
    return _STATUS[status], _JSON, text.encode()


def headers_of(page: Answer) -> list[tuple[str, str]]:
    """The headers of an answer."""
    return [
        ("Content-Type", page[1]),
        ("Content-Length", str(len(page[2]))),
        ("Cache-Control", "no-store"),
    ]


def answer_wsgi(page: Page, environ: t.Any, start_response: t.Any) -> t.Iterable[bytes]:
    """Answer a request for a page by WSGI.

    Args:
        page: The page.
        environ: The WSGI environ.
        start_response: As PEP 3333 has it.
    """
    method = environ["REQUEST_METHOD"]
    if method not in ("GET", "HEAD"):
        start_response("405 Method Not Allowed", [("Allow", "GET, HEAD"), ("Content-Length", "0")])
        return []
    answer = page.answer(
        lambda name: str(environ.get("HTTP_" + name.upper().replace("-", "_"), ""))
    )
    start_response(answer[0], headers_of(answer))
    return [answer[2]] if method == "GET" else []


async def answer_asgi(page: Page, scope: dict[str, t.Any], send: t.Any) -> None:
    """Answer a request for a page by ASGI.

    Args:
        page: The page.
        scope: The scope, of type ``http``.
        send: The server's.
    """
    start: dict[str, t.Any] = {"type": "http.response.start"}
    if scope["method"] not in ("GET", "HEAD"):
        headers = [(b"allow", b"GET, HEAD"), (b"content-length", b"0")]
        await send({**start, "status": 405, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return

    def header(name: str) -> str:
        wanted = name.encode()
        return ",".join(v.decode("latin-1") for key, v in scope["headers"] if key == wanted)

    answer = await page.answer_async(header)
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers_of(answer)]
    await send({**start, "status": int(answer[0][:3]), "headers": pairs})
    body = answer[2] if scope["method"] == "GET" else b""
    await send({"type": "http.response.body", "body": body})
