"""The ASGI driver: a scope and two channels in, messages out.

Only what needs it costs anything: no environ is made for a request that does not look
at its headers, no response object for a plan without after hooks.
"""

from __future__ import annotations

import typing as t

from ..http.request import Request
from ..runner import arun
from ..state import epoch, get_current, reset_current, set_current
from . import inthread
from .closing import end, leave, unhandled
from .lifespan import abegin
from .native import NativePlans
from .outgoing import Answer, answer_of, ready, send_answer
from .receiving import GONE, AsyncBody, receive_body
from .scope import EXTRA, Scope, ScopeContext, split_path
from .sending import HTML, JSON, LENGTHS, Receive, Send, raw_length
from .steps import NativePlan

#: The headers that decide which way a request goes.
_TELLING = frozenset((b"host", b"cookie", b"content-length", b"transfer-encoding", b"upgrade"))
#: Methods without a body, unless a header announces one.
_BODILESS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


async def asgi_app(app: t.Any, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection; this is ``Erlen.asgi_app``.

    Args:
        app: The application.
        scope: The ASGI scope: ``http``, ``websocket`` or ``lifespan``.
        receive: Gives the next message of the client.
        send: Takes the next message for the client.
    """
    if scope["type"] != "http":
        await _serve_other(app, scope, receive, send)
        return
    native: NativePlans = app._native
    if native.epoch != epoch.value:
        native = freeze(app)
    host = cookie = length = None
    unusual = False
    for name, value in scope["headers"]:
        if name in _TELLING:
            if name == b"host":
                unusual = host is not None
                host = value
            elif name == b"cookie":
                cookie = value if cookie is None else cookie + b"; " + value
            elif name == b"upgrade":
                unusual = True
            elif value != b"0":
                length = value
    crumbs = "" if cookie is None else cookie.decode("latin-1")
    method: str = scope["method"]
    ctx: ScopeContext | None = None
    # The known hosts are none where the application needs Flask's way of matching.
    if unusual or host not in native.hosts or get_current(None) is not None or EXTRA in scope:
        native, ctx = await _prepare(app, scope, crumbs)
        plan = None if ctx is None else t.cast(NativePlan, ctx.plan)
        args: t.Any = None
    else:
        path: str = split_path(scope)[1] if scope.get("root_path") else scope["path"]
        methods = native.static.get(path)
        plan = methods.get(method) if methods is not None else None
        if plan is None:
            plan, args = native.resolve(path, method)
        else:
            args = plan.constants.copy() if plan.constants is not None else {}
    body: t.Any = b""
    if length is not None or (method not in _BODILESS and scope.get("http_version", "") > "1.1"):
        body = await _receive(native, plan, receive, length)
        if body is GONE:
            return
    if plan is None:
        await inthread.serve(app, scope, receive, send, body)
        return
    if ctx is None:
        ctx = ScopeContext(app, scope, crumbs, plan, args)
    if body:
        ctx.set_body(body)
    error: BaseException | None = None
    answer: Answer | None = None
    token = set_current(ctx)
    try:
        try:
            rv = await arun(plan, ctx)
            kind = type(rv)
            # A bare value comes from a light plan only.
            if ctx._opened is not None or cookie is not None:
                answer = ready(native, plan, ctx, rv)
            elif kind is str:
                text, pair = rv.encode(), HTML
            elif kind is dict and native.json_line is not None:
                text, pair = native.json_line(rv), JSON
            else:
                answer = ready(native, plan, ctx, rv)
        except Exception as exc:
            error = exc
            answer = answer_of(ctx, await unhandled(native, exc))
        if answer is not None and type(answer[2]) is not bytes and plan.teardown:
            ctx.hold()
    except BaseException as exc:
        error = exc
        ctx.start_background()
        raise
    finally:
        try:
            if plan.teardown or ctx.touched:
                await _end(native, plan, ctx, error)
            else:
                request = ctx._request
                if request is not None and (
                    type(request) is not Request or request.__dict__.get("files")
                ):
                    ctx.close_request()
        finally:
            reset_current(token)
            # The frame in the error's traceback must not keep the error itself.
            error = None
            if (plan.teardown or ctx.touched) and not ctx.held:
                await leave(native, ctx)
    try:
        if answer is None:
            size = len(text)
            headers = [pair, LENGTHS.get(size) or raw_length(size)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": text})
        elif type(answer[2]) is bytes:
            await send({"type": "http.response.start", "status": answer[0], "headers": answer[1]})
            await send({"type": "http.response.body", "body": answer[2]})
        else:
            await _send_long(native, plan, ctx, answer, receive, send)
    finally:
        if ctx.touched:
            ctx.start_background()


async def _prepare(
    app: t.Any, scope: Scope, cookie: str
) -> tuple[NativePlans, ScopeContext | None]:
    """Look at a request that is not known to be an ordinary one.

    Returns:
        The plans, and a context with a plan; None if the request is one for a thread.
    """
    if not app._begun:
        await abegin(app)
    app._got_first_request = True
    native: NativePlans = app._native
    if native.epoch != epoch.value:
        native = freeze(app)
    ctx = ScopeContext(app, scope, cookie)
    ctx._outer = get_current(None)
    token = set_current(ctx)
    try:
        if not native.prepare(ctx):
            return native, None
    finally:
        reset_current(token)
    if ctx.plan is None:
        ctx.plan, ctx.view_args = native.resolve(split_path(scope)[1], scope["method"])
    if preserve(ctx) is not None:
        ctx.touched = True
    return native, None if ctx.plan is None else ctx


async def _receive(
    native: NativePlans, plan: NativePlan | None, receive: Receive, length: bytes | None
) -> t.Any:
    """The body of a request, or what receives it later."""
    maximum = native.max_body
    if plan is not None and plan.streams_body:
        return AsyncBody(receive, native.hop)
    if maximum is not None and length is not None and length.isdigit() and int(length) > maximum:
        # Refused when somebody asks for it, as the limit can be raised until then.
        return AsyncBody(receive, native.hop)
    return await receive_body(receive, maximum, native.hop)


async def _end(
    native: NativePlans, plan: NativePlan, ctx: ScopeContext, error: BaseException | None
) -> None:
    keep = preserve(ctx)
    if keep is not None:
        keep(ctx)
        if ctx.held:
            ctx.held -= 1
    if ctx.held:
        ctx._error = error
    else:
        await end(native, plan, ctx, error)


def preserve(ctx: ScopeContext) -> t.Any:
    """What a test client left in the environ to get hold of the context, or None."""
    return ctx.scope.get(EXTRA, {}).get("werkzeug.debug.preserve_context")


async def _send_long(
    native: NativePlans,
    plan: NativePlan,
    ctx: ScopeContext,
    answer: Answer,
    receive: Receive,
    send: Send,
) -> None:
    """Send what may take its time; then the request has ended."""
    error: BaseException | None = None
    try:
        await send_answer(native, ctx.scope, answer, receive, send)
    except BaseException as exc:
        error = exc
        raise
    finally:
        if ctx.held:
            ctx.held -= 1
            token = set_current(ctx)
            try:
                await end(native, plan, ctx, error or ctx._error)
            finally:
                reset_current(token)
                await leave(native, ctx)
        ctx._error = error = None


def freeze(app: t.Any) -> NativePlans:
    """Compile what was declared; called when the epoch has moved.

    Args:
        app: The application.
    """
    native = app.__dict__["_native"] = NativePlans(app)
    return native


async def _serve_other(app: t.Any, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        from .websocket import serve

        await serve(app, scope, receive, send)
    elif scope["type"] == "lifespan":
        from .lifespan import serve_lifespan

        await serve_lifespan(app, receive, send)
    else:
        raise RuntimeError(f"This application knows no scope of type {scope['type']!r}.")
