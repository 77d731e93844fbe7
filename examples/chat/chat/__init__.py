"""Chat: rooms over websockets, and a page that follows them over server-sent events."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from erlen import Erlen, Response
from erlen.channels import Channels

from . import live, pages, talk


def create_app(test_config: Mapping[str, Any] | None = None) -> Erlen:
    """Make the application; ``test_config`` replaces the environment."""
    app = Erlen(__name__)
    app.config.from_mapping(
        # memory:// is one process; with redis://localhost:6379/0 there may be many.
        CHANNELS_URL="memory://",
        KEPT_MESSAGES=200,
        MAX_TEXT=2000,
        ROOMS=["kitchen", "garden", "workshop", "library"],
        # A key of the moment signs everybody out with a restart; set CHAT_SECRET_KEY.
        SECRET_KEY=secrets.token_hex(),
        SESSION_COOKIE_NAME="chat_session",
        SESSION_COOKIE_SAMESITE="Lax",
        WEBSOCKET_MAX_MESSAGE_SIZE=16 * 1024,
    )
    if test_config is None:
        app.config.from_prefixed_env("CHAT")
    else:
        app.config.from_mapping(test_config)
    app.extensions["channels"] = Channels(
        app.config["CHANNELS_URL"], history=app.config["KEPT_MESSAGES"], prefix="chat"
    )
    app.after_request(harden)
    for part in (pages, talk, live):
        app.register_blueprint(part.bp)
    return app


def harden(response: Response) -> Response:
    """Let pages load nothing from elsewhere, and nobody frame them."""
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response
