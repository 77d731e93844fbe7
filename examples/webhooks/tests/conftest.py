"""A receiver of its own for each test, and what the vendors send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from webhooks import create_app

from erlen import Erlen

SECRET, TOKEN = "whsec_for_tests", "token_for_tests"


@pytest.fixture
def app(tmp_path: Path) -> Erlen:
    return create_app(
        {
            "TESTING": True,
            "DATABASE": str(tmp_path / "webhooks.sqlite"),
            "STRIPE_SECRET": SECRET,
            "TWILIO_TOKEN": TOKEN,
        }
    )


@pytest.fixture
def client(app: Erlen) -> Any:
    return app.test_client()


@pytest.fixture
def counts(client: Any) -> Any:
    """How much there is of everything."""
    return lambda: client.get("/").json
