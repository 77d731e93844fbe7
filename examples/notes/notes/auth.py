"""Registering, logging in and logging out."""

from __future__ import annotations

import functools
import re
import sqlite3
from collections.abc import Callable
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from erlen import (
    Blueprint,
    Erlen,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from .db import get_db
from .safety import local_path

bp = Blueprint("auth", __name__)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{2,31}")
PASSWORD_LENGTH = range(10, 257)


def current_user() -> sqlite3.Row | None:
    """Return who is logged in. A page that never asks opens neither session nor database."""
    if "user" not in g:
        find = "SELECT id, name FROM user WHERE id = ?"
        number = session.get("user_id")
        g.user = number and get_db().execute(find, (number,)).fetchone()
    return g.user


def user_id() -> int:
    """Return the number of who is logged in, or stop with 401."""
    user = current_user()
    if user is None:
        abort(401, "Log in first.")
    return user["id"]


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Send visitors to the login page, and back again afterwards."""

    @functools.wraps(view)
    def guarded(**values: Any) -> Any:
        if current_user() is None:
            wanted = request.full_path.rstrip("?") if request.method == "GET" else None
            return redirect(url_for("auth.login", next=wanted))
        return view(**values)

    return guarded


@bp.route("/register", methods=["GET", "POST"])
def register() -> Any:
    name = request.form.get("name", "").strip()
    errors: dict[str, str] = {}
    if request.method == "POST":
        password = request.form.get("password", "")
        if not NAME.fullmatch(name):
            errors["name"] = "Use 3 to 32 letters, digits, dots, dashes or underscores."
        if len(password) not in PASSWORD_LENGTH:
            errors["password"] = "Use 10 to 256 characters."
        if not errors and not add_user(name, password):
            errors["name"] = "This name is taken."
        if not errors:
            flash("Your account is ready. Log in to write your first note.", "success")
            return redirect(url_for("auth.login"))
    return render_template("auth/register.html", name=name, errors=errors), 400 if errors else 200


def add_user(name: str, password: str) -> bool:
    """Store a new user; false if the name is taken."""
    hashed = generate_password_hash(password, current_app.config["PASSWORD_METHOD"])
    try:
        with get_db() as db:
            db.execute("INSERT INTO user (name, password) VALUES (?, ?)", (name, hashed))
    except sqlite3.IntegrityError:
        return False
    return True


@bp.route("/login", methods=["GET", "POST"])
def login() -> Any:
    name = request.form.get("name", "").strip()
    target = local_path(request.values.get("next"), url_for("notes.index"))
    error = None
    if request.method == "POST":
        number = verify(name, request.form.get("password", ""))
        if number is not None:
            # A fresh session: nothing that was planted before the login outlives it.
            session.clear()
            session["user_id"] = number
            return redirect(target)
        error = "Name or password is wrong."
    page = render_template("auth/login.html", name=name, target=target, error=error)
    return page, 400 if error else 200


def verify(name: str, password: str) -> int | None:
    """Return the user's number if the password is right."""
    user = get_db().execute("SELECT id, password FROM user WHERE name = ?", (name,)).fetchone()
    # An unknown name costs the same hash, so the time taken doesn't tell which names exist.
    stored = user["password"] if user else current_app.config["PASSWORD_METHOD"] + "$salt$none"
    is_right = check_password_hash(stored, password[: PASSWORD_LENGTH.stop])
    return user["id"] if user and is_right else None


@bp.post("/logout")
def logout() -> Any:
    session.clear()
    flash("You are logged out.", "success")
    return redirect(url_for("notes.index"))


def init_app(app: Erlen) -> None:
    app.register_blueprint(bp)
    app.add_template_global(current_user)
