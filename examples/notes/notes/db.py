"""One SQLite connection per request, opened when a view first asks for it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click

from erlen import Erlen, current_app, g
from erlen.cli import with_appcontext


def get_db() -> sqlite3.Connection:
    """Return this request's connection; ``with get_db() as db:`` is one transaction."""
    if "db" not in g:
        g.db = sqlite3.connect(Path(current_app.config["DATA_FOLDER"]) / "notes.sqlite")
        g.db.row_factory = sqlite3.Row
        g.db.execute("PRAGMA foreign_keys = ON")
    return g.db


def close_db(error: BaseException | None = None) -> None:
    """Close the connection if the request opened one."""
    if (db := g.pop("db", None)) is not None:
        db.close()


def prepare() -> None:
    """Create what is missing: the tables and, where SQLite has FTS5, the search index."""
    db = get_db()
    with db:
        db.executescript(_script("schema.sql"))
        if current_app.config["FULL_TEXT_SEARCH"] and _has_fts5(db) and not has_index(db):
            db.executescript("BEGIN IMMEDIATE;" + _script("search.sql") + "COMMIT;")


def has_index(db: sqlite3.Connection) -> bool:
    """Say whether the full-text index exists."""
    return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'note_index'").fetchone())


def _has_fts5(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0])


def _script(name: str) -> str:
    with current_app.open_resource(name, "r") as file:
        return file.read()


@click.command("init-db")
@with_appcontext
def init_db_command() -> None:
    """Create the tables that are missing. Nothing is deleted."""
    prepare()
    click.echo(f"The database in {current_app.config['DATA_FOLDER']} is ready.")


def init_app(app: Erlen) -> None:
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db_command)
    with app.app_context():
        prepare()
