"""A project's application: extensions initialised, and idle on the route that is asked for."""

from __future__ import annotations

from typing import Any

from workloads import SECRET, SESSION

#: What a row of the table initialises.
SETS = {
    "nothing": "",
    "Flask-Login": "login",
    "Flask-WTF": "wtf",
    "Flask-SQLAlchemy": "sqlalchemy",
    "Flask-Session": "session",
    "all four": "login wtf sqlalchemy session",
    "all four, and a session": "login wtf sqlalchemy session",
}


def extend(app: Any, names: str) -> None:
    """Initialise the named extensions as their documentation shows."""
    app.secret_key = SECRET
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    for name in names.split():
        globals()[name](app)
    app.add_url_rule("/", "hello", lambda: "Hello, world!")


def login(app: Any) -> None:
    """Flask-Login, with a user loader."""
    from flask_login import LoginManager

    LoginManager(app).user_loader(lambda number: None)


def wtf(app: Any) -> None:
    """Flask-WTF's protection of every form."""
    from flask_wtf import CSRFProtect

    CSRFProtect(app)


def sqlalchemy(app: Any) -> None:
    """Flask-SQLAlchemy."""
    from flask_sqlalchemy import SQLAlchemy

    SQLAlchemy(app)


def session(app: Any) -> None:
    """Flask-Session in the process's memory, so that no store's time is measured."""
    from cachelib import SimpleCache
    from flask_session import Session

    store = SimpleCache(default_timeout=0)
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=store)
    Session(app)
    store.set(f"session:{SESSION}", {"user": "Ada"})
