"""From what a native plan ended with to what goes out: status, headers, body."""

from __future__ import annotations

import typing as t

from ...http.filebody import FileBody
from ...http.response import Response
from ...http.statuses import SILENT, with_body
from ...http.streams import Stream
from ...recover import body_failed, propagates
from ...respond import Prepared
from ...state import reset_current, set_current
from ..scope import ScopeContext
from . import inthread
from .plans import NativePlans
from .sending import (
    HTML,
    JSON,
    LENGTHS,
    RawHeaders,
    Receive,
    Send,
    code_of,
    raw_headers,
    raw_length,
    send_chunks,
    send_file,
)
from .steps import NativePlan

#: What goes out: status code, headers, body.
Answer = tuple[int, RawHeaders, t.Any]


def ready(native: NativePlans, plan: NativePlan, ctx: ScopeContext, rv: t.Any) -> Answer:
    """What the runner gave, ready to go out.

    Args:
        native: The application's plans.
        plan: The plan that was run.
        ctx: The request's context.
        rv: What a light plan returned.
    """
    plans, kind = native.plans, type(rv)
    session = more = None
    if ctx._opened is not None or ctx.cookie is not None:
        session = ctx.session_to_save(plans)
    if kind is Response:
        return answer_of(ctx, rv if session is None else plan.close(ctx, rv))
    if session is not None:
        more = plans.session_headers(session)
    if session is None or more is not None:
        status, value = 200, rv
        if kind is tuple and len(rv) == 2 and type(rv[1]) is int and rv[1] in with_body:
            value, status = rv
            kind = type(value)
        body: t.Any = None
        if kind is str:
            body, pair = value.encode(), HTML
        elif (kind is dict or kind is list) and plans.json_line is not None:
            body, pair = plans.json_line(value), JSON
        if body is not None:
            headers = [pair, LENGTHS.get(len(body)) or raw_length(len(body))]
            return status, headers + raw_headers(more) if more else headers, body
        if kind is Prepared and value is rv:
            raw = native.pages.get(rv)
            if raw is None:
                raw = native.pages[rv] = code_of(rv.status), raw_headers(rv.headers), rv.body
            if ctx.scope["method"] == "HEAD":
                raw = (*raw[:2], b"")
            return (raw[0], raw[1] + raw_headers(more), raw[2]) if more else raw
    rv = plan.respond(rv)
    return answer_of(ctx, rv if session is None else plan.close(ctx, rv))


class Returned:
    """A bare plan whose view has returned: what is left to run is what comes after it.

    Args:
        plan: The plan.
        rv: What its view returned.
    """

    processors = before = after = ()
    light = False
    finalize = None

    def __init__(self, plan: NativePlan, rv: t.Any) -> None:
        self.endpoint, self.respond, self.close = plan.endpoint, plan.respond, plan.close
        self.recover = plan.recover
        self._rv = rv

    async def view(self, **values: t.Any) -> t.Any:
        """Return it again."""
        return self._rv


class AsyncStream:
    """A body made by an asynchronous iterable.

    Args:
        chunks: Text or bytes.
        ctx: The request's context.
        close: What to call at the end, if anything; it may block.
    """

    __slots__ = ("chunks", "close", "_ctx")

    def __init__(
        self,
        chunks: t.AsyncIterable[t.Any],
        ctx: ScopeContext,
        close: t.Callable[[], t.Any] | None = None,
    ) -> None:
        self.chunks = chunks
        self.close = close
        self._ctx = ctx

    def failed(self, error: BaseException) -> None:
        """Log what broke the body off; the server will hear of it, too."""
        ctx = self._ctx
        ctx._error = error
        if not propagates(ctx.app):
            token = set_current(ctx)
            try:
                ctx.app.log_exception((type(error), error, error.__traceback__))
            finally:
                reset_current(token)


def answer_of(ctx: ScopeContext, response: t.Any) -> Answer:
    """What a response object sends.

    Args:
        ctx: The request's context.
        response: The response.
    """
    if type(response) is Response:
        answer = _quick_answer(ctx, response)
        if answer is not None:
            return answer
    status, pairs = "", []

    def start_response(line: str, headers: t.Any, exc_info: t.Any = None) -> None:
        nonlocal status, pairs
        status, pairs = line, headers

    stock = type(response) is Response
    if stock and not response.autocorrect_location_header:
        body = response({"REQUEST_METHOD": ctx.scope["method"]}, start_response)
    else:
        chunks = getattr(response, "response", None)
        if hasattr(chunks, "__aiter__") and ctx.scope["method"] != "HEAD":
            # Werkzeug's way of sending would iterate it.
            status = response.status
            pairs = response.get_wsgi_headers(ctx.environ).to_wsgi_list()
            body = Stream(t.cast(t.Any, chunks), response.close)
        else:
            body = response(ctx.environ, start_response)
    kind = type(body)
    if kind is list or kind is tuple:
        body = body[0] if len(body) == 1 and type(body[0]) is bytes else b"".join(body)
    elif kind is Stream:
        body = _stream(body, ctx, stock and not response._watched)
    return code_of(status), raw_headers(pairs), body


def _quick_answer(ctx: ScopeContext, response: Response) -> Answer | None:
    """What a response sends that is made of one piece; None where it takes more to tell."""
    body, pairs = response.response, response._lazy
    if (
        type(body) is FileBody
        and pairs is not None
        and response.direct_passthrough
        and ctx.scope["method"] == "GET"
        and response._status_code not in SILENT
    ):
        return response._status_code, raw_headers(pairs), body
    if (
        response._watched
        or response.direct_passthrough
        or response.autocorrect_location_header
        or response._status_code in SILENT
        or ctx.scope["method"] == "HEAD"
    ):
        return None
    if type(body) is not list:
        if pairs is None or not hasattr(body, "__aiter__"):
            return None
        return response._status_code, raw_headers(pairs), AsyncStream(t.cast(t.Any, body), ctx)
    if len(body) != 1 or type(body[0]) is not bytes:
        return None
    if pairs is None:
        pairs = response._ready()
    elif not response._sized:
        return None
    return None if pairs is None else (response._status_code, raw_headers(pairs), body[0])


def _stream(body: Stream, ctx: ScopeContext, quiet: bool) -> t.Any:
    """A streamed body, in its own colour.

    Args:
        body: The body.
        ctx: The request's context.
        quiet: Whether nobody waits for its end.
    """
    chunks: t.Any = body.chunks
    if hasattr(chunks, "__aiter__"):
        return AsyncStream(chunks, ctx, None if quiet else body.close)
    if quiet and chunks == ():
        # To HEAD, or a 304: what was opened for it is closed at once.
        body.close()
        return b""
    body.on_failure = (body_failed, ctx)
    return body


async def send_answer(
    native: NativePlans, scope: t.Any, answer: Answer, receive: Receive, send: Send
) -> None:
    """Send an answer whose body is not just bytes.

    Args:
        native: The application's plans.
        scope: The scope.
        answer: The answer.
        receive: The server's.
        send: The server's.
    """
    status, headers, body = answer
    if type(body) is FileBody:
        by_path = "http.response.pathsend" in (scope.get("extensions") or ())
        await send_file(send, status, headers, body, native.hop, by_path)
    elif type(body) is AsyncStream:
        try:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send_chunks(send, receive, body.chunks, body.failed)
        finally:
            if body.close is not None:
                await native.hop(body.close)
    else:
        await inthread.send_iterable(native.app, status, headers, body, receive, send)
