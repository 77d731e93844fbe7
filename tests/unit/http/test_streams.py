"""Streams are encoded chunk by chunk, without read-ahead, and close once."""

from __future__ import annotations

import gc
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from erlen.http.streams import Stream, encoded


class Bytes(bytes):
    """A subclass, as some libraries hand out."""


CHUNK = st.one_of(
    st.text(max_size=3),
    st.text(max_size=3).map(Markup),
    st.binary(max_size=3),
    st.binary(max_size=3).map(Bytes),
    st.binary(max_size=3).map(bytearray),
    st.binary(max_size=3).map(memoryview),
)


@given(st.lists(CHUNK))
def test_chunks_are_those_given(chunks: list[t.Any]) -> None:
    want = [chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks]
    assert list(encoded(chunks)) == want


@given(st.lists(CHUNK, min_size=1))
def test_no_read_ahead(chunks: list[t.Any]) -> None:
    asked = []

    def generate() -> t.Iterator[t.Any]:
        for number, chunk in enumerate(chunks):
            asked.append(number)
            yield chunk

    iterator = encoded(generate())
    assert asked == []
    for number in range(len(chunks)):
        next(iterator)
        assert asked == list(range(number + 1))
    with pytest.raises(StopIteration):
        next(iterator)


def test_bytes_are_not_copied() -> None:
    chunk = b"x" * 100
    assert next(encoded([chunk])) is chunk


def test_lone_surrogate_raises_when_it_is_reached() -> None:
    iterator = encoded(["a", "\ud800"])
    assert next(iterator) == b"a"
    with pytest.raises(UnicodeEncodeError):
        next(iterator)


def test_stream_is_an_iterator_of_its_own() -> None:
    stream = Stream(iter(["a", b"b", "c"]), lambda: None)
    assert next(stream) == b"a"
    assert next(iter(stream)) == b"b"
    assert list(stream) == [b"c"]


def test_close_once() -> None:
    calls: list[int] = []
    stream = Stream([], lambda: calls.append(1))
    stream.close()
    stream.close()
    assert calls == [1]


def test_close_that_raises_is_not_repeated() -> None:
    def close() -> None:
        raise RuntimeError

    stream = Stream([], close)
    with pytest.raises(RuntimeError):
        stream.close()
    stream.close()


def test_body_that_cannot_be_iterated() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(Stream(5, lambda: None))  # type: ignore[arg-type]


def test_generator_can_be_closed_midway() -> None:
    closed = []

    def generate() -> t.Iterator[str]:
        try:
            while True:
                yield "a"
        finally:
            closed.append(1)

    generator = generate()
    stream = Stream(generator, generator.close)  # type: ignore[attr-defined]
    assert next(iter(stream)) == b"a"
    stream.close()
    assert closed == [1]


def test_nothing_is_left_for_the_collector() -> None:
    def serve(take: int) -> None:
        generator = (chunk for chunk in ["a", b"b", "c"])
        stream = Stream(generator, generator.close)
        for _, _ in zip(range(take), stream):
            pass
        stream.close()

    serve(9)
    gc.collect()
    gc.disable()
    try:
        serve(9)
        serve(2)
        assert gc.collect() == 0
    finally:
        gc.enable()
