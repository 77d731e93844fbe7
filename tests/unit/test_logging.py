"""The logger is set up as Flask's; what a client sent can't forge records."""

from __future__ import annotations

import io
import logging as stdlib
import sys
import typing as t
from types import SimpleNamespace

import flask.logging
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlen import logging, state
from standins import StandInApp, StandInContext, context_of


@pytest.fixture
def logger() -> t.Iterator[stdlib.Logger]:
    """A logger of one's own, out of reach of pytest's handlers at the root."""
    logger = stdlib.getLogger("standin")
    logger.propagate = False
    yield logger
    logger.handlers.clear()
    logger.setLevel(stdlib.NOTSET)
    logger.propagate = True


def test_logger_of_an_application(logger: stdlib.Logger) -> None:
    logger.handlers.clear()  # pytest's own, which it adds for the test itself
    made = logging.create_logger(StandInApp())
    assert made is logger
    assert made.level == stdlib.NOTSET
    assert made.handlers == [logging.default_handler]


def test_debug_mode_sets_the_level_only_if_unset(logger: stdlib.Logger) -> None:
    app = StandInApp(DEBUG=True)
    assert logging.create_logger(app).level == stdlib.DEBUG
    logger.setLevel(stdlib.WARNING)
    assert logging.create_logger(app).level == stdlib.WARNING


def test_existing_handler_is_enough(logger: stdlib.Logger) -> None:
    logger.addHandler(stdlib.NullHandler())
    assert logging.default_handler not in logging.create_logger(StandInApp()).handlers


@pytest.mark.parametrize("on_parent", [True, False])
@pytest.mark.parametrize("propagate", [True, False])
@pytest.mark.parametrize("level", [stdlib.NOTSET, stdlib.INFO, stdlib.ERROR])
@pytest.mark.parametrize("handler_level", [None, stdlib.DEBUG, stdlib.CRITICAL])
def test_has_level_handler(
    logger: stdlib.Logger, on_parent: bool, propagate: bool, level: int, handler_level: int | None
) -> None:
    child = stdlib.getLogger("standin.child")
    child.propagate = propagate
    child.setLevel(level)
    if handler_level is not None:
        handler = stdlib.NullHandler()
        handler.setLevel(handler_level)
        (logger if on_parent else child).addHandler(handler)
    try:
        assert logging.has_level_handler(child) == flask.logging.has_level_handler(child)
    finally:
        child.handlers.clear()
        child.propagate = True
        child.setLevel(stdlib.NOTSET)


def test_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr, errors = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert logging.wsgi_errors_stream._get_current_object() is stderr  # type: ignore[attr-defined]
    with context_of(StandInApp()):
        logging.wsgi_errors_stream.write("outside")
    with context_of(StandInApp(), {"wsgi.errors": errors}):
        logging.wsgi_errors_stream.write("inside")
    assert (stderr.getvalue(), errors.getvalue()) == ("outside", "inside")


def test_stream_of_the_request_around_an_application_context() -> None:
    errors = io.StringIO()
    app = StandInApp()
    with context_of(app, {"wsgi.errors": errors}):
        inner = StandInContext(app)
        inner.has_request = True
        inner.request = SimpleNamespace(environ={"wsgi.errors": errors})  # type: ignore[attr-defined]
        token = state.set_current(t.cast(t.Any, inner))
        logging.wsgi_errors_stream.write("x")
        state.reset_current(token)
    assert errors.getvalue() == "x"


def test_format_is_flasks() -> None:
    ours, theirs = logging.default_handler.formatter, flask.logging.default_handler.formatter
    assert ours is not None and theirs is not None
    assert ours._fmt == theirs._fmt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/boom/é \u65e5", "/boom/é \u65e5"),
        ("/boom/a\nFAKE\x1b[31m", r"/boom/a\nFAKE\x1b[31m"),
        ("\r\t\0\x7f\x85", r"\r\t\x00\x7f\x85"),
        ("\u2028\u202e\ud800\U000e0001", r"\u2028\u202e\ud800\U000e0001"),
        ("", ""),
    ],
)
def test_lg_01_printable(text: str, expected: str) -> None:
    assert logging.printable(text) == expected


@given(st.text(st.characters()))
def test_printable_is_printable_and_encodable(text: str) -> None:
    printed = logging.printable(text)
    assert printed.isprintable()
    printed.encode()
    assert (printed == text) == text.isprintable()
