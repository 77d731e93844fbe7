"""The pages: a name, the list of rooms, one room."""

from __future__ import annotations

from typing import Any

from erlen import Blueprint, current_app, redirect, render_template, request, session, url_for

from .rooms import channel_of, channels

bp = Blueprint("pages", __name__)

MAX_NAME = 24


@bp.get("/")
def index() -> Any:
    """Ask for a name, or show the rooms."""
    rooms = [(room, channels().count(channel_of(room))) for room in current_app.config["ROOMS"]]
    return render_template("index.html", rooms=rooms)


@bp.post("/")
def enter() -> Any:
    """Take a name."""
    name = " ".join(request.form.get("name", "").split())
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        problem = f"A name has 1 to {MAX_NAME} characters."
        return render_template("index.html", rooms=[], problem=problem, given=name), 400
    session["name"] = name
    return redirect((request.args.get("room") and room_url()) or url_for(".index"))


def room_url() -> str:
    """Where the visitor wanted to go before giving a name."""
    room = request.args["room"]
    known = room in current_app.config["ROOMS"]
    return url_for(".room", room=room) if known else url_for(".index")


@bp.post("/leave")
def leave() -> Any:
    """Forget the name."""
    session.clear()
    return redirect(url_for(".index"))


@bp.get("/rooms/<room>")
def room(room: str) -> Any:
    """One room; what is said in it comes by websocket."""
    channel_of(room)
    if "name" not in session:
        return redirect(url_for(".index", room=room))
    return render_template("room.html", room=room)
