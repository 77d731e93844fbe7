"""Tagged JSON is Flask's, to the byte."""

from __future__ import annotations

import typing as t
import uuid
from collections import OrderedDict
from datetime import UTC, datetime

import pytest
from flask.json.tag import TaggedJSONSerializer as FlaskSerializer
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from erlen.json.tag import JSONTag, TaggedJSONSerializer
from standins import StandInApp, context_of, flask_app

TAGS = [" di", " t", " b", " m", " u", " d"]
KEYS = st.one_of(
    st.text(max_size=3),
    st.sampled_from([*TAGS, *(f"{tag}__" for tag in TAGS), *(f"{tag}____" for tag in TAGS)]),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=5),
        st.binary(max_size=5),
        st.uuids(),
        st.text(max_size=5).map(Markup),
        st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
            lambda moment: moment.replace(microsecond=0)
        ),
    ),
    lambda items: st.one_of(
        st.lists(items, max_size=3),
        st.lists(items, max_size=3).map(tuple),
        st.dictionaries(KEYS, items, max_size=3),
    ),
    max_leaves=8,
)
FLASK = flask_app()
APP = StandInApp()


@given(VALUES)
def test_same_text_and_back(value: t.Any) -> None:
    ours, theirs = TaggedJSONSerializer(), FlaskSerializer()
    with context_of(APP), FLASK.app_context():
        text = ours.dumps(value)
        assert text == theirs.dumps(value)
        assert ours.loads(text) == theirs.loads(text) == value
    outside = ours.dumps(value)
    assert outside == theirs.dumps(value)
    assert ours.loads(outside) == value


@given(
    st.recursive(
        st.one_of(st.text(max_size=4), st.integers(), st.just("AAAA")),
        lambda items: st.one_of(
            st.lists(items, max_size=3), st.dictionaries(KEYS, items, max_size=2)
        ),
        max_leaves=6,
    )
)
def test_reading_anything(value: t.Any) -> None:
    """Also what no serializer writes, such as bytes that aren't Base64."""
    import json

    def outcome(serializer: t.Any) -> t.Any:
        try:
            return repr(serializer.loads(json.dumps(value)))
        except Exception as error:
            return type(error), str(error)

    assert outcome(TaggedJSONSerializer()) == outcome(FlaskSerializer())


def test_js_17_tag_keys_of_a_user_stay_a_dictionary() -> None:
    serializer = TaggedJSONSerializer()
    hostile = {" b": "AAAA", " di": {" t": [1]}}
    for value in (hostile, {" b": "AAAA"}, {" di": {" b__": "x"}}, {"x": {" u": "no"}}):
        assert serializer.loads(serializer.dumps(value)) == value


def test_duplicate_tag() -> None:
    class TagDate(JSONTag):
        key = " d"

    serializer = TaggedJSONSerializer()
    with pytest.raises(KeyError, match="Tag ' d' is already registered."):
        serializer.register(TagDate)
    serializer.register(TagDate, force=True, index=0)
    assert isinstance(serializer.tags[" d"], TagDate)
    assert isinstance(serializer.order[0], TagDate)


def test_custom_tag_in_front() -> None:
    class TagOrdered(JSONTag):
        __slots__ = ()
        key = " od"

        def check(self, value: t.Any) -> bool:
            return isinstance(value, OrderedDict)

        def to_json(self, value: t.Any) -> t.Any:
            return [[key, self.serializer.tag(item)] for key, item in value.items()]

        def to_python(self, value: t.Any) -> t.Any:
            return OrderedDict(value)

    serializer = TaggedJSONSerializer()
    serializer.register(TagOrdered, index=0)
    value = {"x": OrderedDict([("b", (1,)), ("a", uuid.UUID(int=1))])}
    read = serializer.loads(serializer.dumps(value))
    assert read == value
    assert type(read["x"]) is OrderedDict


def test_order_of_registration() -> None:
    class First(JSONTag):
        key = " 1"

    class Second(JSONTag):
        key = " 2"

    serializer = TaggedJSONSerializer()
    serializer.register(First, index=-1)
    assert isinstance(serializer.order[-2], First)
    serializer.register(Second, index=None)
    assert isinstance(serializer.order[-1], Second)


def test_tag_interface() -> None:
    tag = JSONTag(t.cast(t.Any, None))
    for method in (tag.check, tag.to_json, tag.to_python):
        with pytest.raises(NotImplementedError):
            method(None)


def test_names_are_flasks() -> None:
    import flask.json.tag

    import erlen.json.tag

    public = {name for name in vars(flask.json.tag) if name.startswith(("Tag", "Pass", "JSONTag"))}
    assert public <= set(vars(erlen.json.tag))
    ours = [tag.__name__ for tag in TaggedJSONSerializer.default_tags]
    assert ours == [tag.__name__ for tag in FlaskSerializer.default_tags]
