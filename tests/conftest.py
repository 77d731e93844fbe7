"""Options for all tests."""

from __future__ import annotations

import pytest

#: Services whose fixtures are one for the whole session.
pytest_plugins = ["services.postgres"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The protocol that requests of tests travel by."""
    parser.addoption("--colour", choices=["wsgi", "asgi", "native"], default="wsgi")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about WSGI itself, where requests travel by ASGI."""
    if config.getoption("--colour") != "wsgi":
        about_wsgi = [item for item in items if item.get_closest_marker("wsgi") is not None]
        config.hook.pytest_deselected(items=about_wsgi)
        items[:] = [item for item in items if item not in about_wsgi]
