"""The encoders fall back where the fast ways aren't there or don't fit."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert fast._c_encoder(SETTINGS, fast.COMPACT, _default, True) is None
    monkeypatch.setattr("json.encoder.c_make_encoder", lambda *args: lambda obj, level: ("?",))
    assert fast._c_encoder(SETTINGS, fast.COMPACT, _default, True) is None


def test_the_c_encoder_is_there() -> None:
    assert fast._c_encoder(SETTINGS, fast.COMPACT, _default, True) is not None


class Word(str):
    pass


@pytest.mark.parametrize(
    "value",
    [
        1,
        "text",
        {1: 2},
        {Word("a"): 1},
        {"a": Word("x")},
        {"a": 1e16},
        {"a": -1e16},
        [9.9e-5],
        [float("nan")],
        {"a": [{"b": b"x"}]},
        [{1}],
        {"a": "\ud800"},
        {"a": "é\\x"},
        {"a": 10**5000},
    ],
)
def test_quick_encoder_declines(value: object) -> None:
    assert fast.quick_encoder(SETTINGS)(value) is None


@pytest.mark.parametrize(
    "value",
    [
        {"b": 2**70, "a": 'x\n"', "c": None, "d": True},
        {"b": [1.5, -0.0, (1e-4, 9999999999999998.0)], "a": {"z": [], "y": {}}},
        [],
    ],
)
def test_quick_encoder_writes(value: object) -> None:
    expected = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    assert fast.quick_encoder(SETTINGS)(value) == expected


@given(st.lists(st.text(st.sampled_from('a\\xuU"\x7f\x80é\xff€\uffff\U00010000😀\U0010ffff\n'))))
def test_text_that_is_not_ascii(value: list[str]) -> None:
    expected = json.dumps(value, separators=(",", ":")).encode()
    assert fast.line_encoder(SETTINGS)(value) == expected + b"\n"
    assert fast.line_encoder(SETTINGS)({"a": value}) == b'{"a":' + expected + b"}\n"
    assert fast.quick_encoder(SETTINGS)(value) in (None, expected)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats(value: float) -> None:
    for near in (value, math.nextafter(value, math.inf), round(value, 3)):
        assert fast.quick_encoder(SETTINGS)([near]) in (None, f"[{near!r}]".encode())


def test_quick_encoder_rests_after_a_value_in_vain() -> None:
    encode = fast.quick_encoder(SETTINGS)
    assert encode([1]) == b"[1]"
    assert encode([{1}]) is None
    assert [encode([1]) for _ in range(fast._REST)] == [None] * fast._REST
    assert encode([1]) == b"[1]"


def test_characters_as_they_are() -> None:
    encode = fast.quick_encoder(fast.EncoderSettings(_default, False, False))
    value = {"é": "\u2028\x7f", "a": "\U0001f600"}
    expected = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert encode(value) == expected


def test_circle_and_depth() -> None:
    circle: list[object] = []
    circle.append(circle)
    assert fast.quick_encoder(SETTINGS)(circle) is None
    with pytest.raises(ValueError, match="Circular reference detected"):
        fast.line_encoder(SETTINGS)(circle)


def test_integer_of_too_many_digits() -> None:
    with pytest.raises(ValueError, match="4300 digits"):
        fast.line_encoder(SETTINGS)({"a": 10**5000})


def test_msgspec_is_imported_at_first_use_only() -> None:
    code = (
        "import sys, erlen.json.provider, erlen.sessions;"
        "assert 'msgspec' not in sys.modules;"
        "assert 'itsdangerous' not in sys.modules;"
        "from erlen.json import fast; fast.loads(b'1');"
        "assert 'msgspec' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
