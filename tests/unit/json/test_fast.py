"""The encoders fall back where the fast ways aren't there or don't fit."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from erlen.json import fast
from erlen.json.provider import _default

SETTINGS = fast.EncoderSettings(_default, True, True)
VALUE = {"b": [1.5, "é", None], "a": {"z": True, "y": (1, 2)}}


def test_without_the_c_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("json.encoder.c_make_encoder", None)
    write = fast.text_encoder(SETTINGS, fast.COMPACT)
    assert write(VALUE) == json.dumps(VALUE, sort_keys=True, separators=(",", ":"))


def test_another_c_encoder_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("json.encoder.c_make_encoder", lambda: None)
    assert fast._c_encoder(SETTINGS, fast.COMPACT) is None
    monkeypatch.setattr("json.encoder.c_make_encoder", lambda *args: lambda obj, level: ("?",))
    assert fast._c_encoder(SETTINGS, fast.COMPACT) is None


def test_the_c_encoder_is_there() -> None:
    assert fast._c_encoder(SETTINGS, fast.COMPACT) is not None


@pytest.mark.parametrize(
    "value", [{"a": 1.5}, {1: 2}, {"a": []}, {"é": 1}, {"a": "\x7f"}, {"a": "\ud800"}, {"a": b""}]
)
def test_flat_encoder_declines(value: dict[object, object]) -> None:
    assert fast.flat_encoder(SETTINGS)(value) is None


def test_flat_encoder_writes() -> None:
    value = {"b": 2**70, "a": 'x\n"', "c": None, "d": True}
    expected = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    assert fast.flat_encoder(SETTINGS)(value) == expected


def test_integer_of_too_many_digits() -> None:
    value = {"a": 10**5000}
    assert fast.flat_encoder(SETTINGS)(value) is None
    with pytest.raises(ValueError, match="4300 digits"):
        fast.line_encoder(SETTINGS)(value)


def test_msgspec_is_imported_at_first_use_only() -> None:
    code = (
        "import sys, erlen.json.provider, erlen.sessions;"
        "assert 'msgspec' not in sys.modules;"
        "assert 'itsdangerous' not in sys.modules;"
        "from erlen.json import fast; fast.loads(b'1');"
        "assert 'msgspec' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
