"""An application in an empty folder, and people who use it."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from jinja2 import FileSystemBytecodeCache
from notes import create_app
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from erlen import Erlen

PASSWORD = "four quiet trees"


class Person:
    """A browser of one person: sends forms with the token that the page gave."""

    def __init__(self, app: Erlen) -> None:
        self.client = app.test_client()

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, buffered=True, **options)

    def token(self, page: str = "/login") -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page).text)
        assert found, f"no form on {page}"
        return found[1]

    def send(self, path: str, page: str | None = None, **fields: Any) -> Any:
        """Open ``page`` (by default the form's own), fill in its form, send it to ``path``."""
        data = {"csrf_token": self.token(page or path), **fields}
        return self.client.post(path, data=data)

    def enter(self, name: str) -> Person:
        assert self.send("/register", name=name, password=PASSWORD).status_code == 302
        assert self.send("/login", name=name, password=PASSWORD).status_code == 302
        return self

    def write(self, title: str, body: str = "") -> str:
        """Write a note; gives its address."""
        response = self.send("/notes/new", title=title, body=body)
        assert response.status_code == 302
        return response.location

    def attach(self, note: str, name: str, content: bytes = b"content") -> Any:
        fields = {"csrf_token": self.token(note), "file": FileStorage(BytesIO(content), name)}
        # Encoded here: for a large body the test client would leave a temporary file open.
        boundary, body = encode_multipart(fields)
        kind = f"multipart/form-data; boundary={boundary}"
        return self.client.post(f"{note}/files", data=body, content_type=kind)


@pytest.fixture(params=[True, False], ids=["fts5", "like"])
def search_kind(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """The templates, compiled once for the many applications that the tests make."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_app(tmp_path: Path, compiled: FileSystemBytecodeCache) -> Callable[..., Erlen]:
    def make(**config: Any) -> Erlen:
        app = create_app(
            {
                "TESTING": True,
                "SECRET_KEY": "test",
                "DATA_FOLDER": str(tmp_path / "data"),
                # One round: these tests are not about the strength of the hash.
                "PASSWORD_METHOD": "pbkdf2:sha256:1",
                **config,
            }
        )
        app.jinja_env.bytecode_cache = compiled
        return app

    return make


@pytest.fixture
def app(make_app: Callable[..., Erlen]) -> Erlen:
    return make_app()


@pytest.fixture
def visitor(app: Erlen) -> Person:
    return Person(app)


@pytest.fixture
def anna(app: Erlen) -> Person:
    return Person(app).enter("anna")


@pytest.fixture
def bert(app: Erlen) -> Person:
    return Person(app).enter("bert")
