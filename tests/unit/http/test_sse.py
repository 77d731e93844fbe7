"""The format of server-sent events, read back as a browser would."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlen.http.sse import HEARTBEAT, Event, encode

Fields = dict[str, t.Any]


def parse(stream: bytes, last_id: str = "") -> list[Fields]:
    """The events of a stream by the algorithm of the standard (9.2.6)."""
    text = stream.decode()
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    events: list[Fields] = []
    data: list[str] = []
    name = retry = ""
    for line in text.split("\n"):
        field, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                events.append({"data": "\n".join(data), "id": last_id, "event": name or "message"})
            data, name = [], ""
        elif field == "" and colon:
            continue
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and value.isascii() and value.isdigit():
            retry = value
    if retry:
        events.append({"retry": int(retry)})
    return events


def test_all_fields() -> None:
    event = Event("a\nb", 7, "price", 3000, "note\nto self")
    assert bytes(event) == (
        b": note\n: to self\nevent: price\nid: 7\nretry: 3000\ndata: a\ndata: b\n\n"
    )
    assert parse(bytes(event)) == [
        {"data": "a\nb", "id": "7", "event": "price"},
        {"retry": 3000},
    ]
    assert repr(event).startswith("<Event ': note")
    assert (event.data, event.id, event.event, event.retry) == ("a\nb", "7", "price", 3000)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", ""),
        (" leading", " leading"),
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("\n", "\n"),
        ("id: 1", "id: 1"),
        (": no comment", ": no comment"),
        ("a\x00b", "a\x00b"),
        ("a\u2028b\x85c\x0bd", "a\u2028b\x85c\x0bd"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (["a\nb"], '["a\\nb"]'),
        (0, "0"),
        (False, "false"),
    ],
)
def test_data(data: t.Any, expected: str) -> None:
    found = parse(bytes(Event(data)))
    if isinstance(data, (dict, list)):
        assert json.loads(found[0]["data"]) == data
    else:
        assert found == [{"data": expected, "id": "", "event": "message"}]


def test_an_event_without_data() -> None:
    assert bytes(Event(id="5")) == b"id: 5\n\n"
    assert parse(bytes(Event(id="5")) + bytes(Event("x"))) == [
        {"data": "x", "id": "5", "event": "message"}
    ]
    assert parse(bytes(Event("x", id=""))) == [{"data": "x", "id": "", "event": "message"}]
    assert parse(HEARTBEAT) == []


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\r\n", "\n", "a\0b", "1\ndata: evil"])
@pytest.mark.parametrize("field", ["id", "event"])
def test_no_field_begins_another(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"The {field} of an event"):
        Event("x", **{field: text})


@pytest.mark.parametrize("retry", [-1, 1.5, "1000", True])
def test_retry(retry: t.Any) -> None:
    with pytest.raises(ValueError, match="milliseconds"):
        Event(retry=retry)


def test_half_a_character() -> None:
    for options in ({"data": "\ud800"}, {"id": "\ud800"}, {"comment": "\udfff"}):
        with pytest.raises(ValueError, match="UTF-8"):
            Event(**options)


def test_bytes_are_not_data() -> None:
    with pytest.raises(TypeError, match="Decode bytes"):
        encode(b"x")
    with pytest.raises(TypeError):
        encode(object())


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_any_text_comes_back(texts: list[str]) -> None:
    stream = b"".join(encode(text) for text in texts)
    expected = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]
    assert [event["data"] for event in parse(stream)] == expected


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists))
def test_any_json_comes_back(value: t.Any) -> None:
    if isinstance(value, str) or value is None:
        return
    try:
        found = parse(encode(value))
    except ValueError:
        # JSON that is written as it is may hold half a character.
        assert any(0xD800 <= ord(character) < 0xE000 for character in str(value))
    else:
        assert json.loads(found[0]["data"]) == value


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")))
def test_any_id_comes_back(id: str) -> None:
    # One space behind the colon is not part of a value.
    assert parse(bytes(Event("x", id=id)))[0]["id"] == id
