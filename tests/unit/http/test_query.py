"""Query strings: what urllib and Werkzeug make of them, in linear time."""

from __future__ import annotations

import pickle
import time
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequestKeyError

from erlen.http.query import decode_body, multidict, parse_query, unquote

QUERYISH = st.text(alphabet="ab=&+%;c3dA9Ff0 \n\r_é\u20ac\U0001f600\x00\xff", max_size=40)


def reference(query: str) -> ImmutableMultiDict[str, str]:
    return ImmutableMultiDict(parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote"))


@given(QUERYISH)
def test_same_as_urllib(query: str) -> None:
    expected = reference(query)
    parsed = parse_query(query)
    assert isinstance(parsed, ImmutableMultiDict)
    assert repr(parsed) == repr(expected)
    assert list(parsed.items(multi=True)) == list(expected.items(multi=True))
    assert list(parsed.lists()) == list(expected.lists())


@given(st.text(max_size=30))
def test_any_text(query: str) -> None:
    try:
        expected = reference(query)
    except UnicodeError:
        expected = None  # urllib can't take a lone surrogate beside an escape
    if expected is not None:
        assert parse_query(query) == expected


@given(st.binary(max_size=30))
def test_raw_bytes_read_as_if_they_had_been_encoded(raw: bytes) -> None:
    escaped = "".join(f"%{byte:02X}" if byte > 127 else chr(byte) for byte in raw)
    assert parse_query(decode_body(raw)) == reference(escaped)


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", []),
        ("a=1;b=2", [("a", "1;b=2")]),  # FF-04
        ("a=%zz&b=%&c=%ff", [("a", "%zz"), ("b", "%"), ("c", "%FF")]),  # FF-05
        ("a=%00", [("a", "\x00")]),  # FF-08
        ("a&=b&&c==d", [("a", ""), ("", "b"), ("c", "=d")]),
        ("a+b=c%2Bd%20e", [("a b", "c+d e")]),
        ("x=%C3%A9&x=\u00e9%C3", [("x", "\u00e9"), ("x", "\u00e9%C3")]),
    ],
)
def test_known_cases(query: str, pairs: list[tuple[str, str]]) -> None:
    assert list(parse_query(query).items(multi=True)) == pairs


def test_result_is_immutable() -> None:
    with pytest.raises(TypeError, match="immutable"):
        parse_query("a=1")["a"] = "2"  # type: ignore[index]


def test_multidict_keeps_the_order() -> None:
    pairs = [("b", "1"), (None, "2"), ("b", "3")]
    made = multidict(pairs)
    assert made == ImmutableMultiDict(pairs)
    assert made.getlist("b") == ["1", "3"]


@pytest.mark.parametrize("unit", ["&", "a=1&", "%", "%C3", "a=%41&", "+", "=", "a%"])
def test_time_is_linear(unit: str) -> None:
    """FF-01, FF-02, FF-11: eight times the input takes about eight times as long."""

    def cost(count: int) -> float:
        text = unit * count
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            parse_query(text)
            best = min(best, time.process_time() - began)
        return best

    assert cost(160_000) < 32 * max(cost(20_000), 1e-4)


def test_unquote_leaves_plus_alone() -> None:
    assert unquote("a+b%20c") == "a+b c"


@given(QUERYISH, st.sampled_from(["a", "b", "", None]), st.sampled_from([None, int, len]))
def test_look_ups_are_those_of_werkzeug(query: str, key: str, kind: Any) -> None:
    ours, theirs = parse_query(query), reference(query)
    assert ours.get(key) == theirs.get(key)
    assert ours.get(key, "d") == theirs.get(key, "d")
    assert ours.get(key, 7, type=kind) == theirs.get(key, 7, type=kind)
    assert ours.getlist(key) == theirs.getlist(key)
    assert (key in ours) == (key in theirs)
    if key in theirs:
        assert ours[key] == theirs[key]
    else:
        with pytest.raises(BadRequestKeyError):
            ours[key]
    assert pickle.loads(pickle.dumps(ours)) == theirs
    assert ours.to_dict() == theirs.to_dict()
    assert hash(ours) == hash(theirs)
