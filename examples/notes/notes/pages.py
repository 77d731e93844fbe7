"""The pages on which people read and write their notes."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from erlen import (
    Blueprint,
    Erlen,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)

from . import files, store
from .auth import current_user, login_required, user_id
from .store import Draft

bp = Blueprint("notes", __name__)


def own_note(note_id: int) -> sqlite3.Row:
    """Return the note, or stop with 404: others' notes look like ones that don't exist."""
    return store.get(user_id(), note_id) or abort(404)


def own_file(note_id: int, file_id: int) -> sqlite3.Row:
    """Return an attachment of one's own note, or stop with 404."""
    for attachment in files.of_note(own_note(note_id)["id"]):
        if attachment["id"] == file_id:
            return attachment
    abort(404)


@bp.get("/")
def index() -> Any:
    user = current_user()
    if user is None:
        return render_template("welcome.html")
    query = request.args.get("q", "").strip()
    number = request.args.get("page", 1, type=int)
    page = store.find(user["id"], query, number, current_app.config["NOTES_PER_PAGE"])
    return render_template("notes/index.html", page=page, query=query)


@bp.route("/notes/new", methods=["GET", "POST"])
@login_required
def new() -> Any:
    if request.method == "GET":
        return render_template("notes/form.html", draft=Draft())
    draft = Draft.read(request.form)
    if draft.errors:
        return render_template("notes/form.html", draft=draft), 400
    note_id = store.add(user_id(), draft)
    flash("Note saved.", "success")
    return redirect(url_for(".show", note_id=note_id))


@bp.get("/notes/<id:note_id>")
@login_required
def show(note_id: int) -> Any:
    note = own_note(note_id)
    return render_template("notes/show.html", note=note, attachments=files.of_note(note_id))


@bp.route("/notes/<id:note_id>/edit", methods=["GET", "POST"])
@login_required
def edit(note_id: int) -> Any:
    note = own_note(note_id)
    if request.method == "GET":
        draft = Draft(note["title"], note["body"])
        return render_template("notes/form.html", draft=draft, note=note)
    draft = Draft.read(request.form)
    if draft.errors:
        return render_template("notes/form.html", draft=draft, note=note), 400
    store.change(note["user_id"], note_id, draft)
    flash("Changes saved.", "success")
    return redirect(url_for(".show", note_id=note_id))


@bp.route("/notes/<id:note_id>/delete", methods=["GET", "POST"])
@login_required
def delete(note_id: int) -> Any:
    note = own_note(note_id)
    attachments = files.of_note(note_id)
    if request.method == "GET":
        return render_template("notes/delete.html", note=note, attachments=attachments)
    store.remove(note["user_id"], note_id)
    files.discard(attachments)
    flash(f"“{note['title']}” is deleted.", "success")
    return redirect(url_for(".index"))


@bp.post("/notes/<id:note_id>/files")
@login_required
def attach(note_id: int) -> Any:
    own_note(note_id)
    uploads = [upload for upload in request.files.getlist("file") if upload.filename]
    if not uploads:
        flash("Choose a file first.", "error")
    elif len(files.of_note(note_id)) + len(uploads) > files.PER_NOTE:
        flash(f"A note holds {files.PER_NOTE} files at most.", "error")
    else:
        names = [files.add(note_id, upload) for upload in uploads]
        flash(f"Attached {', '.join(names)}.", "success")
    return redirect(url_for(".show", note_id=note_id))


@bp.get("/notes/<id:note_id>/files/<id:file_id>")
@login_required
def download(note_id: int, file_id: int) -> Any:
    return files.send(own_file(note_id, file_id))


@bp.post("/notes/<id:note_id>/files/<id:file_id>/delete")
@login_required
def detach(note_id: int, file_id: int) -> Any:
    attachment = own_file(note_id, file_id)
    files.remove(attachment)
    flash(f"{attachment['name']} is removed.", "success")
    return redirect(url_for(".show", note_id=note_id))


@bp.app_template_filter("day")
def day(stamp: str) -> str:
    """Show a stored time as a date, such as 7 March 2026."""
    moment = datetime.fromisoformat(stamp)
    return f"{moment.day} {moment:%B %Y}"


def init_app(app: Erlen) -> None:
    app.register_blueprint(bp)
