"""The ASGI driver: a scope and two channels in, messages out.

Only what needs it costs anything: no environ is made for a request that does not look
at its headers, no response object for a plan without after hooks.
"""

from __future__ import annotations

import typing as t

from ..http.request import Request
from ..runner import arun
from ..state import epoch, get_current, reset_current, set_current
from .lifespan import abegin
from .loop import inthread
from .loop.answers import Answer, Returned, answer_of, ready, send_answer
from .loop.closing import end, leave, unhandled
from .loop.plans import NativePlans
from .loop.receiving import GONE, AsyncBody, receive_body
from .loop.sending import HTML, JSON, LENGTHS, Receive, Send, raw_length, send_whole
from .loop.steps import NativePlan
from .scope import EXTRA, MEDIA_TYPES, METHODS, Scope, ScopeContext, scope_context, split_path

#: The headers that decide which way a request goes.
_TELLING = frozenset(
    (b"host", b"cookie", b"content-type", b"content-length", b"transfer-encoding", b"upgrade")
)
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
    host = cookie = media = length = ctx = None
    unusual = False
    for name, value in scope["headers"]:
        if name in _TELLING:
            if name == b"host":
                unusual = host is not None
                host = value
            elif name == b"cookie":
                cookie = value if cookie is None else cookie + b"; " + value
            elif name == b"content-type":
                media = value
            elif name == b"upgrade":
                unusual = True
            elif value != b"0":
                # Two of these are left to who makes an environ of them.
                length = value if length is None else b""
    method: str = scope["method"]
    plan: t.Any
    # The known hosts are none where the application needs Flask's way of matching.
    if unusual or host not in native.hosts or get_current(None) is not None or EXTRA in scope:
        native, ctx = await _prepare(app, scope, cookie)
        plan = None if ctx is None else ctx.plan
    else:
        path: str = split_path(scope)[1] if scope.get("root_path") else scope["path"]
        methods = native.static.get(path)
        plan = methods.get(method) if methods is not None else None
        if plan is not None:
            args = plan.constants.copy() if plan.constants is not None else {}
        else:
            find = native.find
            found = find(path, method)
            if found:
                args = found[1]
                plan = native.by_target.get(found[0])
            elif found is None and method in METHODS:
                args = {}
                plan = native.missing
            if plan is None:
                plan, args = native.resolve(path, method)
    body: t.Any = b""
    if length is not None or (method not in _BODILESS and scope.get("http_version", "") > "1.1"):
        body = await _receive(native, plan, receive, length)
        if body is GONE:
            await _refuse_half(send)
            return
    if plan is None:
        await inthread.serve(app, scope, receive, send, body)
        return
    if ctx is None:
        ctx = scope_context(app, scope, cookie, plan, args)
    if body:
        ctx.set_body(body)
        if type(body) is bytes and length == b"%d" % len(body):
            ctx.media_type = MEDIA_TYPES.get(media)
    error: BaseException | None = None
    answer: Answer | None = None
    walked = False
    token = set_current(ctx)
    try:
        if plan.bare:
            view, args = plan.view, ctx.view_args
            rv = view(**args) if args else view()
            if not plan.direct:
                rv = await rv
        else:
            rv = await arun(plan, ctx)
        walked = True
        kind = type(rv)
        # A bare value comes from a light plan only.
        if ctx.touched or ctx._opened is not None or cookie is not None or not plan.light:
            answer = await _answer(native, plan, ctx, rv)
        elif kind is str:
            text, pair = rv.encode(), HTML
        elif kind is dict and (line := native.json_line) is not None:
            text, pair = line(rv), JSON
        else:
            answer = ready(native, plan, ctx, rv)
    except Exception as exc:
        error = exc
        answer, error = await _recover(native, plan, ctx, exc, walked)
    except BaseException as exc:
        error = exc
        raise
    finally:
        if plan.teardown or ctx.touched:
            await _close(native, plan, ctx, token, answer, error)
        else:
            reset_current(token)
            request = ctx._request
            if request is not None and (
                type(request) is not Request or "files" in request.__dict__
            ):
                ctx.close_request()
        # The frame in the error's traceback must not keep the error itself.
        error = None
    if answer is None:
        size = len(text)
        status, headers = 200, [pair, LENGTHS.get(size) or raw_length(size)]
    elif type(answer[2]) is bytes and not ctx.touched:
        status, headers, text = answer
    else:
        await _send(native, plan, ctx, answer, receive, send)
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


async def _answer(native: NativePlans, plan: NativePlan, ctx: ScopeContext, rv: t.Any) -> Answer:
    """What goes out for what the walk of a plan, or the view of a bare one, returned."""
    if plan.light and not ctx.touched:
        return ready(native, plan, ctx, rv)
    if plan.bare:
        rv = await arun(t.cast(t.Any, Returned(plan, rv)), ctx)
    return answer_of(ctx, rv)


async def _recover(
    native: NativePlans, plan: NativePlan, ctx: ScopeContext, error: Exception, walked: bool
) -> tuple[Answer, Exception | None]:
    """Answer what was raised, and say what the teardown functions are told of it."""
    try:
        if plan.bare and not walked:
            # The walk of other plans has done this.
            try:
                return await _answer(native, plan, ctx, await plan.recover(error)), None
            except Exception as again:
                error = again
        return answer_of(ctx, await unhandled(native, error)), error
    finally:
        del error


async def _close(
    native: NativePlans,
    plan: NativePlan,
    ctx: ScopeContext,
    token: t.Any,
    answer: Answer | None,
    error: BaseException | None,
) -> None:
    """End a request that somebody waits for; not yet, if its answer is a stream."""
    keep = preserve(ctx)
    try:
        if answer is None:
            # The error goes on to the server.
            ctx.start_background()
        elif type(answer[2]) is not bytes and plan.teardown and keep is None:
            ctx.hold()
        if keep is not None:
            keep(ctx)
        if ctx.held:
            ctx._error = error
        else:
            await end(native, plan, ctx, error)
    finally:
        reset_current(token)
        if not ctx.held:
            await leave(native, ctx)
        error = None


async def _send(
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
        if type(answer[2]) is bytes:
            await send_whole(send, *answer)
        else:
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
        ctx.start_background()
        ctx._error = error = None


async def _prepare(
    app: t.Any, scope: Scope, cookie: bytes | None
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
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return message.get("body", b"")
    return await receive_body(receive, maximum, native.hop, message=message)


async def _refuse_half(send: Send) -> None:
    """Answer a client that sent half a body: some servers wait for an answer, though."""
    try:
        text = b"The body of this request is not complete."
        await send_whole(send, 400, [HTML, raw_length(len(text))], text)
    except Exception:
        # To send to who has gone is an error for other servers.
        pass


def preserve(ctx: ScopeContext) -> t.Any:
    """What a test client left in the environ to get hold of the context, or None."""
    return ctx.scope.get(EXTRA, {}).get("werkzeug.debug.preserve_context")


def freeze(app: t.Any) -> NativePlans:
    """Compile what was declared; called when the epoch has moved.

    Args:
        app: The application.
    """
    native = app.__dict__["_native"] = NativePlans(app)
    return native


async def _serve_other(app: t.Any, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        from .ws.driver import serve

        await serve(app, scope, receive, send)
    elif scope["type"] == "lifespan":
        from .lifespan import serve_lifespan

        await serve_lifespan(app, receive, send)
    else:
        raise RuntimeError(f"This application knows no scope of type {scope['type']!r}.")
