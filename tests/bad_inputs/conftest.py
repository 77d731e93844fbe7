"""The protocol that the requests of these tests travel by."""

from __future__ import annotations

import pytest

from colours import paint


@pytest.fixture(autouse=True)
def colour(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--colour asgi`` or ``native``, requests travel through ``asgi_app``."""
    colour = request.config.getoption("--colour")
    if colour != "wsgi":
        paint(monkeypatch, colour == "native")
