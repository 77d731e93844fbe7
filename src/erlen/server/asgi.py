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
from .outgoing import Answer, Returned, answer_of, ready, send_answer
from .receiving import GONE, AsyncBody, receive_body
from .scope import EXTRA, MEDIA_TYPES, METHODS, Scope, ScopeContext, split_path
from .sending import HTML, JSON, LENGTHS, Receive, Send, raw_length
from .steps import NativePlan

#: The headers that decide which way a request goes.
_TELLING = frozenset(
    (b"host", b"cookie", b"content-type", b"content-length", b"transfer-encoding", b"upgrade")
)
#: Methods without a body, unless a header announces one.
_BODILESS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_NONE: dict[str, t.Any] = {}

_new = t.cast("t.Callable[[type[ScopeContext]], t.Any]", object.__new__)


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
                length = value
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
            args = plan.constants.copy() if plan.constants is not None else _NONE
        else:
            found = native.find(path, method)
            if found:
                args = found[1]
                plan = native.by_target.get(found[0])
            elif found is None and method in METHODS:
                args = _NONE
                plan = native.missing
            if plan is None:
                plan, args = native.resolve(path, method)
    body: t.Any = b""
    if length is not None or (method not in _BODILESS and scope.get("http_version", "") > "1.1"):
        body = await _receive(native, plan, receive, length)
        if body is GONE:
            return
    if plan is None:
        await inthread.serve(app, scope, receive, send, body)
        return
    if ctx is None:
        # What ``ScopeContext`` does: calling a class costs more than all of this.
        ctx = _new(ScopeContext)
        ctx.app = app
        ctx.scope = scope
        ctx.cookie = cookie
        ctx.plan = plan
        ctx.view_args = args
        ctx.touched = False
        ctx._request = ctx._opened = ctx._g = None
    if body:
        ctx.set_body(body)
        if type(body) is bytes and length == b"%d" % len(body):
            ctx.media_type = MEDIA_TYPES.get(media)
    error: BaseException | None = None
    answer: Answer | None = None
    token = set_current(ctx)
    try:
        try:
            if plan.bare:
                args = ctx.view_args
                rv = plan.view(**args) if args else plan.view()
                if not plan.direct:
                    rv = await rv
            else:
                rv = await arun(plan, ctx)
            kind = type(rv)
            # A bare value comes from a light plan only.
            if ctx.touched or not plan.light:
                if plan.bare:
                    rv = await arun(t.cast(t.Any, Returned(plan, rv)), ctx)
                answer = answer_of(ctx, rv)
            elif ctx._opened is not None or cookie is not None:
                answer = ready(native, plan, ctx, rv)
            elif kind is str:
                text, pair = rv.encode(), HTML
            elif kind is dict and native.json_line is not None:
                text, pair = native.json_line(rv), JSON
            else:
                answer = ready(native, plan, ctx, rv)
        except Exception as exc:
            error = exc
            answer, error = await _recover(native, plan, ctx, exc)
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
            status, headers = 200, [pair, LENGTHS.get(size) or raw_length(size)]
        else:
            status, headers, text = answer
            if type(text) is not bytes:
                await _send_long(native, plan, ctx, answer, receive, send)
                return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})
    finally:
        if ctx.touched:
            ctx.start_background()


async def _recover(
    native: NativePlans, plan: NativePlan, ctx: ScopeContext, error: Exception
) -> tuple[Answer, Exception | None]:
    """Answer what was raised, and say what the teardown functions are told of it."""
    try:
        if plan.bare:
            # The walk of other plans has done this.
            try:
                rv = await plan.recover(error)
                if ctx.touched:
                    rv = await arun(t.cast(t.Any, Returned(plan, rv)), ctx)
                    return answer_of(ctx, rv), None
                return ready(native, plan, ctx, rv), None
            except Exception as again:
                error = again
        return answer_of(ctx, await unhandled(native, error)), error
    finally:
        del error


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
