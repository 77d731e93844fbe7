"""The application with a model that was trained once for all tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from modelserver import create_app, training

from erlen import Erlen


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a trained model is."""
    found = tmp_path_factory.mktemp("model")
    training.train(found, version="7")
    return found


@pytest.fixture
def settings(folder: Path) -> dict[str, Any]:
    """Settings for a test, which may change them before it makes the application."""
    return {"TESTING": True, "MODEL_FOLDER": str(folder), "TRAIN_IF_MISSING": False}


@pytest.fixture
def app(settings: dict[str, Any]) -> Erlen:
    """An application of its own for each test."""
    return create_app(settings)
