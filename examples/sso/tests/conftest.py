"""The application with a provider that is never reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sso import create_app

from erlen import Erlen

# Nobody listens on port 1: whoever asks the provider is told so at once.
ISSUER = "http://127.0.0.1:1/"


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[..., Erlen]:
    """Makes applications with their own database."""

    def make_app(**settings: Any) -> Erlen:
        values = {
            "TESTING": True,
            "SECRET_KEY": "for tests",
            "ISSUER": ISSUER,
            "CLIENT_ID": "app",
            "AUDIENCE": "https://api.example.test",
            "SESSION_STORE": (tmp_path / "sessions").as_uri(),
        }
        return create_app({**values, **settings})

    return make_app


@pytest.fixture
def app(make_app: Callable[..., Erlen]) -> Erlen:
    """An application of its own for each test."""
    return make_app()
