"""Notes in the database. Every query names the owner, so nobody reaches another's note."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .db import get_db, has_index

TITLE_LENGTH = 200
BODY_LENGTH = 100_000
QUERY_WORDS = 12


@dataclass
class Draft:
    """What somebody typed, tidied, with an error text for each field that won't do."""

    title: str = ""
    body: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Draft:
        """Take title and body from a form or a JSON object."""
        title, body = data.get("title", ""), data.get("body", "")
        draft = cls()
        if _is_text(title):
            draft.title = " ".join(title.replace("\0", "").split())
        if _is_text(body):
            draft.body = body.replace("\0", "").replace("\r\n", "\n").rstrip()
        if not 1 <= len(draft.title) <= TITLE_LENGTH:
            draft.errors["title"] = f"Give the note a title of at most {TITLE_LENGTH} characters."
        if not _is_text(body) or len(draft.body) > BODY_LENGTH:
            draft.errors["body"] = f"The text may have {BODY_LENGTH:,} characters at most."
        return draft


@dataclass
class Page:
    """Some of the notes, newest first, and where they are in the whole."""

    notes: list[sqlite3.Row]
    number: int
    count: int
    total: int


def add(user_id: int, draft: Draft) -> int:
    """Store a note and return its number."""
    add_note = "INSERT INTO note (user_id, title, body, created, updated) VALUES (?, ?, ?, ?, ?)"
    now = _now()
    with get_db() as db:
        note_id = db.execute(add_note, (user_id, draft.title, draft.body, now, now)).lastrowid
    assert note_id is not None
    return note_id


def get(user_id: int, note_id: int) -> sqlite3.Row | None:
    """Return a note of this user."""
    find = "SELECT * FROM note WHERE id = ? AND user_id = ?"
    return get_db().execute(find, (note_id, user_id)).fetchone()


def change(user_id: int, note_id: int, draft: Draft) -> bool:
    """Replace a note's title and text; false if there is no such note of this user."""
    change_note = "UPDATE note SET title = ?, body = ?, updated = ? WHERE id = ? AND user_id = ?"
    with get_db() as db:
        values = (draft.title, draft.body, _now(), note_id, user_id)
        return db.execute(change_note, values).rowcount == 1


def remove(user_id: int, note_id: int) -> bool:
    """Delete a note; false if there is no such note of this user."""
    with get_db() as db:
        remove_note = "DELETE FROM note WHERE id = ? AND user_id = ?"
        return db.execute(remove_note, (note_id, user_id)).rowcount == 1


def find(user_id: int, query: str, number: int, size: int) -> Page:
    """Return one page of the notes that have every word of ``query`` in title or text."""
    where, values = _condition(query)
    where, values = f"user_id = ?{where}", [user_id, *values]
    db = get_db()
    total = db.execute(f"SELECT count(*) FROM note WHERE {where}", values).fetchone()[0]
    count = max(1, -(-total // size))
    number = min(max(1, number), count)
    notes = db.execute(
        "SELECT *, (SELECT count(*) FROM attachment WHERE note_id = note.id) AS attachments"
        f" FROM note WHERE {where} ORDER BY updated DESC, id DESC LIMIT ? OFFSET ?",
        [*values, size, (number - 1) * size],
    ).fetchall()
    return Page(notes, number, count, total)


def _condition(query: str) -> tuple[str, list[Any]]:
    """Return the SQL for the words of a query. The words themselves are always parameters."""
    words = query.replace("\0", " ").split()[:QUERY_WORDS]
    if not words:
        return "", []
    if has_index(get_db()):
        # Quoted, a word is text to FTS5 and never one of its operators.
        phrases = " ".join('"' + word.replace('"', '""') + '"*' for word in words)
        return " AND id IN (SELECT rowid FROM note_index WHERE note_index MATCH ?)", [phrases]
    condition, values = "", []
    for word in words:
        for special in "\\%_":
            word = word.replace(special, "\\" + special)
        condition += r" AND (title LIKE ? ESCAPE '\' OR body LIKE ? ESCAPE '\')"
        values += [f"%{word}%"] * 2
    return condition, values


def _is_text(value: Any) -> bool:
    """Say whether the database can hold the value: JSON allows half a surrogate pair."""
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
