"""The application with an empty database, and authors."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blog import create_app
from blog.database import db
from flask_migrate import downgrade, upgrade

from erlen import Erlen
from erlen.testing import FlaskClient

PASSWORD = "four quiet trees"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Erlen]:
    """On SQLite, or on the database of `BLOG_TEST_DATABASE_URL`."""
    url = os.environ.get("BLOG_TEST_DATABASE_URL") or f"sqlite:///{tmp_path}/blog.sqlite"
    app = create_app(
        {
            "DATABASE_URL": url,
            "PASSWORD_METHOD": "pbkdf2:sha256:1",
            "POSTS_PER_PAGE": 3,
            "SECRET_KEY": "for tests",
            "TESTING": True,
        }
    )
    with app.app_context():
        upgrade()
    yield app
    with app.app_context():
        downgrade(revision="base")
        db.engine.dispose()


class Person:
    """A browser with somebody in front of it."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> str:
        return self.client.get(path, follow_redirects=True).text

    def send(self, path: str, expect: int = 200, form: str = "", **fields: str) -> str:
        """Fill a page's form and send it; follows to the next page, whose text this gives."""
        page = self.get(form or path)
        found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page)
        assert found, page
        fields["csrf_token"] = found[1]
        answer = self.client.post(path, data=fields, follow_redirects=True)
        assert answer.status_code == expect, answer.text
        return answer.text


@pytest.fixture
def visitor(app: Erlen) -> Person:
    """Somebody who only reads."""
    return Person(app.test_client())


@pytest.fixture
def enter(app: Erlen) -> Callable[[str], Person]:
    """Registers somebody and logs them in."""

    def enter(name: str) -> Person:
        person = Person(app.test_client())
        person.send("/register", name=name, password=PASSWORD, again=PASSWORD)
        person.send("/login", name=name, password=PASSWORD)
        return person

    return enter
