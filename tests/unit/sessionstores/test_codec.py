"""Sessions as bytes, and what becomes of two changes at a time."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlen.sessionstores import codec

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    plain | st.binary() | st.uuids(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.sampled_from([" t", " b", " di", " t__"]), inner)
    ),
    max_leaves=8,
)
sessions = st.dictionaries(st.text() | st.sampled_from([" t", " u", "_permanent"]), values)


@given(sessions)
def test_what_is_written_is_read(data: dict[str, t.Any]) -> None:
    raw = codec.seal(data)
    assert codec.load(raw) == data
    assert -0.1 < codec.age(raw) < 60


@given(sessions)
def test_nothing_but_json_is_written(data: dict[str, t.Any]) -> None:
    assert isinstance(json.loads(codec.seal(data)[codec.HEADER :]), dict)


def test_each_write_is_another() -> None:
    assert len({codec.seal({"a": 1})[: codec.HEADER] for _ in range(1000)}) == 1000


@pytest.mark.parametrize("raw", [b"", b"x" * 10, b"0" * 24, b"0" * 24 + b"[1]", b"\x80\x04" * 30])
def test_other_bytes_are_no_session(raw: bytes) -> None:
    with pytest.raises(ValueError):
        codec.load(raw)


def test_objects_are_refused() -> None:
    with pytest.raises(TypeError):
        codec.seal({"a": object()})


def test_dates_are_kept_to_the_second() -> None:
    when = datetime.datetime(2026, 5, 6, 7, 8, 9, 999, tzinfo=datetime.UTC)
    assert codec.load(codec.seal({"when": when, "a": 1}))["when"] == when.replace(microsecond=0)


small = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2))


@given(small, small, small)
def test_merging(base: dict[str, int], mine: dict[str, int], theirs: dict[str, int]) -> None:
    merged = codec.merge(base, mine, theirs)
    for key in "abcd":
        changed_here = base.get(key) != mine.get(key)
        assert merged.get(key) == (mine if changed_here else theirs).get(key)
