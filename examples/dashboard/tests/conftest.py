"""The application, without the pretended counter."""

from __future__ import annotations

from pathlib import Path

import pytest
from dashboard import create_app

from erlen import Erlen


@pytest.fixture
def app(tmp_path: Path) -> Erlen:
    """An application of its own for each test."""
    settings = {"TESTING": True, "UPLOAD_FOLDER": str(tmp_path), "DEMO_SECONDS": 0}
    return create_app({**settings, "READINGS_TOKEN": "for tests", "KEPT_UPLOADS": 3})


@pytest.fixture
def client(app: Erlen):
    """Asks the application."""
    return app.test_client()
