"""Who is signed in, kept on the server: the cookie holds a random number and nothing else.

Tokens are too big for a cookie, and none of a browser's business; and a login that is a row in a
table can be ended from here. SQLite will do for one machine; with several, use their database.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from erlen import Erlen, current_app, g, session

SCHEMA = """
CREATE TABLE IF NOT EXISTS logins (
    id TEXT PRIMARY KEY, claims TEXT NOT NULL, tokens TEXT NOT NULL,
    begun REAL NOT NULL, ends REAL NOT NULL, refreshed REAL NOT NULL DEFAULT 0
)
"""
REFRESH_TAKES = 60  # seconds after which a refresh that was begun counts as lost


class Login(NamedTuple):
    """One login of one person."""

    id: str
    claims: dict[str, Any]
    tokens: dict[str, Any]
    begun: float
    ends: float


def open_database() -> sqlite3.Connection:
    """A connection that belongs to the request."""
    if "database" not in g:
        g.database = sqlite3.connect(
            current_app.config["DATABASE"], timeout=5, isolation_level=None
        )
    connection: sqlite3.Connection = g.database
    return connection


def close_database(error: BaseException | None) -> None:
    if (connection := g.pop("database", None)) is not None:
        connection.close()


def key_of(number: str) -> str:
    """What is stored for the number in the cookie: who reads the table can't use it."""
    return hashlib.sha256(number.encode()).hexdigest()


def start(claims: dict[str, Any], tokens: dict[str, Any]) -> None:
    """Make the current session that of a person.

    Whatever the session was before ends: somebody may have planted it (session fixation).
    """
    end()
    number, now = secrets.token_urlsafe(32), time.time()
    database = open_database()
    database.execute("DELETE FROM logins WHERE ends < ?", [now])
    database.execute(
        "INSERT INTO logins (id, claims, tokens, begun, ends) VALUES (?, ?, ?, ?, ?)",
        [
            key_of(number),
            json.dumps(claims),
            json.dumps(tokens),
            now,
            now + current_app.config["LOGIN_LIFETIME"],
        ],
    )
    session["login"] = number


def current() -> Login | None:
    """The login of this session, if it has one that has not ended."""
    if "login" not in session:
        return None
    if "login" not in g:
        row = (
            open_database()
            .execute(
                "SELECT id, claims, tokens, begun, ends FROM logins WHERE id = ? AND ends > ?",
                [key_of(session["login"]), time.time()],
            )
            .fetchone()
        )
        g.login = row and Login(row[0], json.loads(row[1]), json.loads(row[2]), row[3], row[4])
    found: Login | None = g.login
    return found


def end() -> None:
    """End the login of this session, and the session."""
    if "login" in session:
        open_database().execute("DELETE FROM logins WHERE id = ?", [key_of(session["login"])])
    g.pop("login", None)
    session.clear()


def may_refresh(login: Login) -> bool:
    """Whether it's on this request to refresh the tokens; of several at a time, one is told so.

    A refresh token can be used once. A provider that sees it twice takes it for stolen, and ends
    everything; so a request that has read the row before another's refresh must not try, either.
    """
    now = time.time()
    changed = open_database().execute(
        "UPDATE logins SET refreshed = ? WHERE id = ? AND refreshed < ?"
        " AND json_extract(tokens, '$.refresh_token') = ?",
        [now, login.id, now - REFRESH_TAKES, login.tokens["refresh_token"]],
    )
    return changed.rowcount == 1


def keep_tokens(login: Login, tokens: dict[str, Any] | None) -> None:
    """Store what a refresh has given; None if it has failed and may be tried again."""
    database = open_database()
    if tokens is not None:
        database.execute(
            "UPDATE logins SET tokens = ? WHERE id = ?", [json.dumps(tokens), login.id]
        )
        g.pop("login", None)
    database.execute("UPDATE logins SET refreshed = 0 WHERE id = ?", [login.id])


def init_app(app: Erlen) -> None:
    path = Path(app.config["DATABASE"])
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(SCHEMA)
    app.teardown_appcontext(close_database)
