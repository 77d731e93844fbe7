"""Attachments: bytes in the data folder under a random name, everything else in a table."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename

from erlen import Response, current_app, send_from_directory

from .db import get_db

PER_NOTE = 20
NAME_LENGTH = 100


def folder() -> Path:
    """Return the folder of the stored files, made when first needed."""
    path = Path(current_app.config["DATA_FOLDER"]) / "files"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def of_note(note_id: int) -> list[sqlite3.Row]:
    """Return the attachments of a note, oldest first."""
    find = "SELECT * FROM attachment WHERE note_id = ? ORDER BY id"
    return get_db().execute(find, (note_id,)).fetchall()


def add(note_id: int, upload: FileStorage) -> str:
    """Keep an uploaded file and return the name it is shown by."""
    name = secure_filename(upload.filename or "")[-NAME_LENGTH:].lstrip("._-") or "file"
    stored = secrets.token_hex(16)
    path = folder() / stored
    try:
        upload.save(path)
        with get_db() as db:
            db.execute(
                "INSERT INTO attachment (note_id, name, stored, size) VALUES (?, ?, ?, ?)",
                (note_id, name, stored, path.stat().st_size),
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return name


def remove(attachment: sqlite3.Row) -> None:
    """Forget an attachment and its bytes."""
    with get_db() as db:
        db.execute("DELETE FROM attachment WHERE id = ?", (attachment["id"],))
    discard([attachment])


def discard(attachments: list[sqlite3.Row]) -> None:
    """Delete the bytes of attachments whose rows are gone."""
    for attachment in attachments:
        (folder() / attachment["stored"]).unlink(missing_ok=True)


def send(attachment: sqlite3.Row) -> Response:
    """Answer with the file, to be saved and never shown in the page's own origin."""
    response = send_from_directory(
        folder(), attachment["stored"], as_attachment=True, download_name=attachment["name"]
    )
    response.cache_control.private = True
    return response
