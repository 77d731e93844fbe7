"""The websocket driver: from an ASGI scope to a view, and from its end to a close code.

The steps around the view (URL processors, hooks, error handlers, teardown functions)
run in a thread, if there are any, so that each may be sync or async and may block. The
view runs on the server's event loop, or wholly in a thread if it is a plain function.
"""

from __future__ import annotations

import asyncio
import typing as t
from functools import partial

from ...http.closecodes import GOING_AWAY, INTERNAL_ERROR
from ...state import epoch, reset_current, set_current
from ..lifespan import abegin
from . import steps
from .connection import Connection
from .context import WebsocketContext
from .reading import NEW, OPEN, Limits
from .registry import Sockets, sockets_of
from .registry import close_all as close_all
from .session import accept_headers, save_at_end
from .thread import OneThread, Threads

Event = dict[str, t.Any]
_UNLIMITED = Limits(None, 1, None, None)
_BUSY = b"Too many websockets are open."


def serve(
    app: t.Any,
    scope: Event,
    receive: t.Callable[[], t.Awaitable[Event]],
    send: t.Callable[[Event], t.Awaitable[None]],
) -> t.Awaitable[None]:
    """Serve one websocket.

    Args:
        app: The application.
        scope: The ASGI scope, of type ``websocket``.
        receive: The server's.
        send: The server's.
    """
    serving = _serve(app, scope, receive, send)
    task = t.cast("asyncio.Task[None]", asyncio.current_task())
    if type(task).cancel is asyncio.Task.cancel:
        return serving
    # Granian has tasks that can't be cancelled, but a view has to be when its peer goes.
    return asyncio.create_task(serving)


async def _serve(app: t.Any, scope: Event, receive: t.Any, send: t.Any) -> None:
    if (await receive())["type"] != "websocket.connect":
        return
    if not app._begun:
        # A server without lifespans, or a mounted application.
        await abegin(app)
    sockets = sockets_of(app)
    connection = Connection(scope, receive, send, sockets.sweep, _UNLIMITED)
    if not sockets.admits(app.config):
        await connection.refuse(503, [("Content-Type", "text/plain")], _BUSY)
        return
    ctx = WebsocketContext(app, scope, connection)
    sockets.connections.add(connection)
    token = set_current(ctx)
    try:
        await Serving(app, ctx, connection, sockets).run()
    finally:
        reset_current(token)
        sockets.remove(connection)
        ctx.leave()


class Serving:
    """One websocket from its handshake to its teardown.

    Args:
        app: The application.
        ctx: The websocket's context, which is the current one.
        connection: The connection.
        sockets: The application's websockets.
    """

    __slots__ = ("app", "ctx", "connection", "sockets", "threads")

    def __init__(
        self, app: t.Any, ctx: WebsocketContext, connection: Connection, sockets: Sockets
    ) -> None:
        self.app = app
        self.ctx = ctx
        self.connection = connection
        self.sockets = sockets
        self.threads = Threads(app)

    async def run(self) -> None:
        """Serve it."""
        connection = self.connection
        connection.on_accept = self._accept_headers
        error: BaseException | None = None
        try:
            await self._answer()
        except asyncio.CancelledError as raised:
            # Ours, or that of the server.
            if not connection.ended:
                error = raised
                raise
        except Exception as raised:
            error = raised
            await self._answer_failure(raised)
        finally:
            cancelled = await connection.take_back()
            await connection.finish()
            await self._tear_down(error)
            error = None
        if cancelled:
            raise asyncio.CancelledError

    async def _accept_headers(self) -> list[tuple[str, str]]:
        return await accept_headers(self.ctx, self.threads)

    # -- up to the end of the view ---------------------------------------------------

    def _plan(self) -> t.Any:
        app, ctx = self.app, self.ctx
        plans = app._plans
        if plans.epoch != epoch.value:
            plans = app._freeze()
        app._got_first_request = True
        ctx.find_plan(plans)
        self.connection.limits = ctx.plan.limits
        return ctx.plan

    async def _answer(self) -> None:
        """Run hooks and view, and answer with what they come to."""
        ctx, plan = self.ctx, self._plan()
        if not plan.is_async and not self._take_thread():
            await self.connection.refuse(503, [("Content-Type", "text/plain")], _BUSY)
            return
        # No function of its own for the view: each costs every open websocket a frame.
        try:
            plan.check_origin(ctx.scope)
            rv = None
            if plan.first is not None:
                rv = await self.threads.run(partial(steps.begin, ctx))
            if rv is None:
                view = steps.view_of(ctx)
                if plan.is_async:
                    rv = await view(**steps.arguments_of(ctx))
                else:
                    rv = await self.threads.run(partial(view, **steps.arguments_of(ctx)))
        except BaseExceptionGroup as group:
            rv = await self.threads.run(partial(plan.recover, steps.cause_of(group)))
        except Exception as error:
            rv = await self.threads.run(partial(plan.recover, error))
        await self._end(rv)

    def _take_thread(self) -> bool:
        """Keep a thread for this websocket; False if there are too many."""
        most = self.app.config.get("WEBSOCKET_MAX_THREADS")
        if most is not None and self.sockets.threads >= most:
            return False
        self.sockets.threads += 1
        self.connection.blocking = True
        self.threads = OneThread(
            self.app,
            lambda: self.connection.abandon(GOING_AWAY, "The server ends."),
        )
        return True

    # -- the answer --------------------------------------------------------------------

    async def _end(self, rv: t.Any) -> None:
        """Refuse the handshake with what was returned, or close with its code."""
        connection = self.connection
        if connection.state == NEW:
            await connection.refuse(*await self.threads.run(partial(steps.refusal, self.ctx, rv)))
            return
        code, reason = 1000, ""
        plan = self.ctx.plan
        if rv is not None or plan.after or self.ctx.after_websocket or steps.told_of_end():
            code, reason = await self.threads.run(partial(steps.outcome, self.ctx, rv))
        await save_at_end(self.ctx, self.threads)
        await connection.close(code, reason)

    async def _answer_failure(self, error: Exception) -> None:
        """Answer an error that nobody took: 500, or close with 1011."""
        connection, run = self.connection, self.threads.run
        try:
            if connection.state == NEW:
                await connection.refuse(*await run(partial(steps.failure, self.ctx, error)))
            else:
                code, reason = await run(partial(steps.late_failure, self.ctx, error))
                await connection.close(code, reason)
        except Exception:
            if connection.state == OPEN:
                await connection.close(INTERNAL_ERROR)
            raise

    async def _tear_down(self, error: BaseException | None) -> None:
        ctx = self.ctx
        if ctx.plan is None or ctx.plan.teardown is not None:
            await self.threads.run(partial(steps.tear_down, ctx, error))
        elif ctx._request is not None:
            ctx.close_request()
        if self.connection.blocking:
            self.sockets.threads -= 1
        self.threads.stop()
