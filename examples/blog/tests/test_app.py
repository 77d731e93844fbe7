"""What holds for the whole application."""

from __future__ import annotations

from pathlib import Path

import pytest
from blog import create_app
from blog.database import db
from blog.safety import stored_secret_key
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import inspect

from conftest import Person
from erlen import Erlen


def test_migrations_make_what_the_models_say(app: Erlen) -> None:
    with app.app_context():
        check()  # ends the program where they differ
        downgrade()
        assert "draft" not in {column["name"] for column in inspect(db.engine).get_columns("post")}
        with pytest.raises(SystemExit):
            check()
        upgrade()
        check()


def test_headers(visitor: Person) -> None:
    for path in ("/", "/nothing"):
        headers = visitor.client.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_database_that_does_not_answer() -> None:
    url = "postgresql://blog:x@127.0.0.1:1/blog"
    app = create_app({"DATABASE_URL": url, "SECRET_KEY": "for tests"})
    answer = app.test_client().get("/")
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    assert "The database does not answer." in answer.text


def test_the_secret_key_is_made_once(tmp_path: Path) -> None:
    key = stored_secret_key(tmp_path / "instance")
    assert len(key) == 64 and stored_secret_key(tmp_path / "instance") == key
    assert (tmp_path / "instance" / "secret_key").stat().st_mode & 0o077 == 0
