"""The session of a websocket: saved with the handshake, as long as that has a response."""

from __future__ import annotations

import typing as t
from functools import partial

if t.TYPE_CHECKING:
    from .context import WebsocketContext
    from .thread import Threads


def _save(ctx: WebsocketContext, session: t.Any) -> list[tuple[str, str]]:
    """Save the session; the cookies to send."""
    app = ctx.app
    response = app.response_class()
    interface = app.session_interface
    # One that keeps sessions on the server can say so if it couldn't.
    save = getattr(interface, "store_session", interface.save_session)
    save(app, session, response)
    if ctx.plan.lazy_session:
        # From here on it tells whether there is something that can't be saved.
        session.modified = False
    return [(name, value) for name, value in response.headers if name.lower() == "set-cookie"]


async def accept_headers(ctx: WebsocketContext, threads: Threads) -> list[tuple[str, str]]:
    """The cookies that go with the answer to a handshake.

    Args:
        ctx: The websocket's context.
        threads: Where an interface that may block is called.
    """
    app = ctx.app
    session = ctx.session_to_save(app._current_plans())
    if session is None or app.session_interface.is_null_session(session):
        return []
    if ctx.plan.lazy_session:
        return _save(ctx, session)
    return t.cast("list[tuple[str, str]]", await threads.run(partial(_save, ctx, session)))


async def save_at_end(ctx: WebsocketContext, threads: Threads) -> None:
    """Save what the view changed in a session that is kept on the server.

    Args:
        ctx: The context of a websocket that was accepted.
        threads: Where an interface that may block is called.
    """
    app, session = ctx.app, ctx._opened
    if session is None or app.session_interface.is_null_session(session):
        return
    if not ctx.plan.lazy_session:
        await threads.run(partial(_save, ctx, session))
    elif session.modified:
        app.logger.warning(
            "%s changed the session after the websocket was accepted. A cookie can only be"
            " sent with the handshake: the change is lost. Change the session before the"
            " first receive() or send(), or keep sessions on the server.",
            ctx.plan.name,
        )
