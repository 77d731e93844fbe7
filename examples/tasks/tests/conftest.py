"""The application with a queue in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from fractals import create_app

from erlen import Erlen


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Erlen:
    """An application of its own for each test; nobody works on its queue."""
    monkeypatch.setenv("FRACTALS_INSTANCE", str(tmp_path))
    return create_app({"TESTING": True, "SECRET_KEY": "for tests"})
