"""The interface with an empty database, and a client that may write."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shelf import create_app
from shelf.database import Base

from erlen import Erlen
from erlen.testing import FlaskClient

EMMA: dict[str, Any] = {
    "title": "Emma",
    "author": "Jane Austen",
    "year": 1815,
    "isbn": "978-0-14-143958-7",
}
TOKEN = {"Authorization": "Bearer a token"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Erlen]:
    """On SQLite, or on the database of `SHELF_TEST_DATABASE_URL`."""
    url = os.environ.get("SHELF_TEST_DATABASE_URL") or f"sqlite:///{tmp_path}/shelf.sqlite"
    tokens = {"tester": hashlib.sha256(b"a token").hexdigest()}
    app = create_app({"DATABASE_URL": url, "TOKENS": tokens, "PAGE_SIZE": 2})
    result = app.test_cli_runner().invoke(args=["init-db"])
    assert result.exit_code == 0, result.output
    yield app
    engine = app.extensions["engine"]
    Base.metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
def client(app: Erlen) -> FlaskClient:
    return app.test_client()


def isbn(number: int) -> str:
    """A valid one for each number below a thousand million."""
    digits = f"978{number:09}"
    checked = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits))
    return digits + str(-checked % 10)
