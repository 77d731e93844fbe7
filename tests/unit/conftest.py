"""What a test leaves behind for the whole process is taken away again."""

from __future__ import annotations

from collections.abc import Iterator

import flask.signals
import pytest

import erlen.signals
from colours import paint

SIGNALS = [
    signal
    for module in (flask.signals, erlen.signals)
    for signal in vars(module).values()
    if hasattr(signal, "receivers")
]


@pytest.fixture(autouse=True)
def colour(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--colour asgi`` or ``native``, requests travel through ``asgi_app``."""
    colour = request.config.getoption("--colour")
    if colour != "wsgi":
        paint(monkeypatch, colour == "native")


@pytest.fixture(autouse=True)
def no_receivers_left() -> Iterator[None]:
    """A receiver that lives on makes the requests of other tests do more."""
    yield
    for signal in SIGNALS:
        if signal.receivers:
            signal._clear_state()
