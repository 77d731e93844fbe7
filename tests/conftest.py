"""Options for all tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The protocol that requests of tests travel by."""
    parser.addoption("--colour", choices=["wsgi", "asgi"], default="wsgi")
