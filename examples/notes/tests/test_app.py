from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from notes import create_app, pages

from conftest import Person
from erlen import Erlen


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/api/notes", "/notes/1"])
def test_every_answer_has_the_headers(visitor: Person, path: str) -> None:
    headers = visitor.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_static_files_may_be_kept(visitor: Person) -> None:
    response = visitor.get("/static/style.css")
    assert response.headers["Cache-Control"] == "no-cache" and response.headers["ETag"]
    assert "Vary" not in response.headers
    response.close()


def test_pages_need_nothing_inline(anna: Person) -> None:
    note = anna.write("Title")
    for page in ("/", note, "/login", "/nothing", "/notes/new"):
        text = anna.get(page).text
        assert "<script" not in text and "style=" not in text and "<style" not in text


def test_not_found(visitor: Person) -> None:
    response = visitor.get("/nothing")
    assert response.status_code == 404 and "There is nothing at this address" in response.text


def test_wrong_method(visitor: Person) -> None:
    response = visitor.get("/logout")
    assert response.status_code == 405 and "POST" in response.headers["Allow"]
    assert "405" in response.text


@pytest.mark.parametrize("path", ["/", "/api/notes"])
def test_a_crash_is_a_page_that_tells_nothing(
    make_app: Callable[..., Erlen], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    anna = Person(make_app(PROPAGATE_EXCEPTIONS=False)).enter("anna")

    def broken(*values: Any) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(pages.store, "find", broken)
    response = anna.get(path)
    assert response.status_code == 500
    assert "It has been logged" in response.text and "secret" not in response.text
    assert response.is_json == path.startswith("/api/")


def test_the_page_for_a_crash_works_without_a_database(
    make_app: Callable[..., Erlen], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(PROPAGATE_EXCEPTIONS=False)
    anna = Person(app).enter("anna")
    app.config["DATA_FOLDER"] = "/nonexistent"
    response = anna.get("/")
    assert response.status_code == 500 and "It has been logged" in response.text


def test_dates_are_readable() -> None:
    assert pages.day("2026-03-07T12:00:00.000+00:00") == "7 March 2026"


def test_the_data_outlive_the_application(make_app: Callable[..., Erlen]) -> None:
    Person(make_app()).enter("anna").write("Still here")
    again = Person(make_app())
    again.send("/login", name="anna", password="four quiet trees")
    assert "Still here" in again.get("/").text


def test_init_db_deletes_nothing(app: Erlen, anna: Person) -> None:
    anna.write("Still here")
    result = app.test_cli_runner().invoke(args=["init-db"])
    assert result.exit_code == 0 and "is ready." in result.output
    assert "Still here" in anna.get("/").text


def test_the_secret_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = create_app({"DATA_FOLDER": str(tmp_path / "data")})
    second = create_app({"DATA_FOLDER": str(tmp_path / "data")})
    path = tmp_path / "data" / "secret_key"
    assert first.secret_key == second.secret_key == path.read_text() and len(path.read_text()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(entry.name for entry in path.parent.iterdir() if "notes" not in entry.name) == [
        "secret_key"
    ]


def test_settings_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTES_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("NOTES_SESSION_COOKIE_SECURE", "true")
    monkeypatch.setenv("NOTES_SECRET_KEY", "from the environment")
    app = create_app()
    assert app.secret_key == "from the environment" and app.config["SESSION_COOKIE_SECURE"] is True
    assert (tmp_path / "notes.sqlite").exists() and not (tmp_path / "secret_key").exists()


def test_one_connection_per_request_and_closed_after_it(app: Erlen) -> None:
    import sqlite3

    from notes.db import get_db

    with app.app_context():
        db = get_db()
        assert get_db() is db
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")
