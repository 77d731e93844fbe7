"""Who is signed in, kept on the server: the cookie holds a random number and nothing else.

Tokens are too big for a cookie, and none of a browser's business; and a login that is kept here can
be ended from here. Where it is kept is said by the setting ``SESSION_STORE``.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from erlen import current_app
from erlen.sessionstores import session, sign_out

REFRESH_TAKES = 60  # seconds after which a refresh that was begun counts as lost


class Login(NamedTuple):
    """One login of one person."""

    claims: dict[str, Any]
    tokens: dict[str, Any]
    begun: float
    ends: float


def start(claims: dict[str, Any], tokens: dict[str, Any]) -> None:
    """Make the current session that of a person.

    Whatever the session was before ends, and it gets a new number: somebody may have planted the
    old one (session fixation).
    """
    now = time.time()
    session.clear()
    session.update(
        # A number at one provider may be somebody else at another. An address of mail is no number:
        # providers let people change it.
        user_id=f"{claims['iss']} {claims['sub']}",
        claims=claims,
        tokens=tokens,
        begun=now,
        ends=now + current_app.config["LOGIN_LIFETIME"],
    )
    session.regenerate()


def current() -> Login | None:
    """The login of this session, if it has one that has not ended."""
    if session.get("ends", 0) < time.time():
        return None
    return Login(session["claims"], session["tokens"], session["begun"], session["ends"])


def end(everywhere: bool = False) -> None:
    """End this session; or all of this person's, on all devices."""
    if everywhere and "user_id" in session:
        sign_out(session["user_id"])
    session.clear()


def may_refresh(login: Login) -> bool:
    """Whether it's on this request to refresh the tokens; of several at a time, one is told so.

    A refresh token can be used once. A provider that sees it twice takes it for stolen, and ends
    everything; so a request that read the session before another's refresh must not try, either.
    """
    mine, now = login.tokens["refresh_token"], time.time()

    def claim(data: dict[str, Any]) -> bool:
        busy = now - data.get("refreshing", 0) < REFRESH_TAKES
        if busy or data["tokens"].get("refresh_token") != mine:
            return False
        data["refreshing"] = now
        return True

    return session.update_atomic(claim)


def keep_tokens(tokens: dict[str, Any] | None) -> None:
    """Store what a refresh has given; None if it has failed and may be tried again."""

    def keep(data: dict[str, Any]) -> None:
        data["refreshing"] = 0
        if tokens is not None:
            data["tokens"] = tokens

    session.update_atomic(keep)
