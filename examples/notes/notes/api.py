"""The same notes as JSON, for programs that hold a logged-in session."""

from __future__ import annotations

import sqlite3
from typing import Any

from erlen import Blueprint, Erlen, abort, current_app, request, url_for

from . import files, store
from .auth import user_id
from .csrf import SAFE_METHODS

bp = Blueprint("api", __name__, url_prefix="/api")


@bp.before_request
def guard() -> None:
    """Let in who is logged in, and no write that another site's page started."""
    # A foreign page can send forms but not JSON, PUT or DELETE without this server's consent;
    # browsers moreover keep a SameSite=Lax cookie back and say where a request comes from.
    origin = request.headers.get("Sec-Fetch-Site", "none")
    if request.method not in SAFE_METHODS and origin not in {"same-origin", "none"}:
        abort(403, "Requests from other sites are refused.")
    user_id()


def own_note(note_id: int) -> sqlite3.Row:
    """Return a note of the user, or stop with 404."""
    return store.get(user_id(), note_id) or abort(404)


def read_draft() -> store.Draft:
    """Read the JSON body; 415 if it is not JSON, 400 if it is no note."""
    data = request.get_json()
    if not isinstance(data, dict):
        abort(400, "Send a JSON object with a title and a body.")
    draft = store.Draft.read(data)
    if draft.errors:
        abort(400, " ".join(draft.errors.values()))
    return draft


def as_json(note: sqlite3.Row) -> dict[str, Any]:
    """Return what the API says of a note."""
    return {key: note[key] for key in ("id", "title", "body", "created", "updated")}


@bp.get("/notes")
def list_notes() -> Any:
    number = request.args.get("page", 1, type=int)
    size = current_app.config["NOTES_PER_PAGE"]
    page = store.find(user_id(), request.args.get("q", ""), number, size)
    notes = [as_json(note) for note in page.notes]
    return {"notes": notes, "page": page.number, "pages": page.count, "total": page.total}


@bp.post("/notes")
def add_note() -> Any:
    note_id = store.add(user_id(), read_draft())
    return as_json(own_note(note_id)), 201, {"Location": url_for(".get_note", note_id=note_id)}


@bp.get("/notes/<id:note_id>")
def get_note(note_id: int) -> Any:
    note = own_note(note_id)
    attachments = [
        {
            "name": file["name"],
            "size": file["size"],
            "url": url_for("notes.download", note_id=note_id, file_id=file["id"]),
        }
        for file in files.of_note(note_id)
    ]
    return {**as_json(note), "attachments": attachments}


@bp.put("/notes/<id:note_id>")
def change_note(note_id: int) -> Any:
    note = own_note(note_id)
    store.change(note["user_id"], note_id, read_draft())
    return as_json(own_note(note_id))


@bp.delete("/notes/<id:note_id>")
def remove_note(note_id: int) -> Any:
    note = own_note(note_id)
    attachments = files.of_note(note_id)
    store.remove(note["user_id"], note_id)
    files.discard(attachments)
    return "", 204


def init_app(app: Erlen) -> None:
    app.register_blueprint(bp)
