"""The provider writes and reads what Flask's does."""

from __future__ import annotations

import dataclasses
import enum
import io
import json
import typing as t
import uuid
from collections import OrderedDict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import flask
import pytest
from flask.json.provider import DefaultJSONProvider as FlaskProvider
from flask.json.provider import JSONProvider as FlaskBase
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

import erlen.json
from erlen.json import fast
from erlen.json.provider import (
    DefaultJSONProvider,
    JSONProvider,
    _default,
    is_stock,
    response_dumper,
)
from standins import StandInApp, context_of, flask_app

APP = StandInApp()
FLASK = flask_app()
FLASK_DEBUG = flask_app(DEBUG=True)


@dataclasses.dataclass
class Point:
    x: int
    y: t.Any


class Color(enum.IntEnum):
    RED = 1


class Word(str):
    pass


class Page:
    def __html__(self) -> str:
        return "<p>"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(),
    st.text('\x7f\x00"\\/\n\u2028\ud800é\U0001f600a'),
    st.sampled_from(
        [
            Point(1, [Decimal("1.10")]),
            Color.RED,
            Word("w"),
            Page(),
            Markup("<b>"),
            uuid.UUID(int=7),
            Decimal("0.1"),
            date(2020, 2, 29),
            datetime(2020, 2, 29, 1, 2, 3),
            datetime(2020, 2, 29, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
            b"bytes",
            {1},
            object(),
            1j,
        ]
    ),
)
KEYS = st.one_of(st.text(max_size=4), st.sampled_from([Word("k"), 1, None, True, 1.5]))
TEXT_KEYS = st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda items: st.one_of(
        st.lists(items, max_size=4),
        st.tuples(items, items),
        st.dictionaries(TEXT_KEYS, items, max_size=4),
        st.dictionaries(KEYS, items, max_size=3),
        st.dictionaries(TEXT_KEYS, items, max_size=3).map(OrderedDict),
    ),
    max_leaves=8,
)
FLAT = st.dictionaries(
    TEXT_KEYS, st.one_of(st.none(), st.booleans(), st.integers(), st.text()), max_size=6
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "ensure_ascii": st.booleans(),
        "sort_keys": st.booleans(),
        "compact": st.sampled_from([None, True, False]),
    },
)


def outcome(call: t.Callable[[], t.Any]) -> t.Any:
    """What the call gives, or how it fails."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


@given(st.one_of(VALUES, FLAT), SETTINGS, st.booleans())
def test_output_is_flasks(value: t.Any, settings: dict[str, t.Any], debug: bool) -> None:
    ours, theirs = StandInApp(DEBUG=debug), FLASK_DEBUG if debug else FLASK
    provider, expected = ours.json, FlaskProvider(theirs)
    for name, setting in settings.items():
        setattr(provider, name, setting)
        setattr(expected, name, setting)
    wanted = outcome(lambda: expected.response(value).get_data())
    assert outcome(lambda: provider.response(value).get_data()) == wanted
    dump = response_dumper(provider)
    assert dump is not None
    assert outcome(lambda: dump(value)) == wanted
    assert outcome(lambda: provider.dumps(value)) == outcome(lambda: expected.dumps(value))
    compact = {"separators": (",", ":")}
    assert outcome(lambda: provider.dumps(value, **compact)) == outcome(
        lambda: expected.dumps(value, **compact)
    )


NESTED = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.text("aé\x7f"),
        st.text("aé").map(lambda text: text + "b" * 500),
    ),
    lambda items: st.one_of(
        st.lists(items, max_size=4), st.dictionaries(TEXT_KEYS, items, max_size=4)
    ),
    max_leaves=12,
)


@given(st.one_of(FLAT, NESTED))
def test_plain_values(value: t.Any) -> None:
    # A new one each time: after a value in vain it would leave out the quick way.
    dump = fast.line_encoder(fast.EncoderSettings(_default, True, True))
    assert dump(value) == FlaskProvider(FLASK).response(value).get_data()


@given(
    st.one_of(
        VALUES.map(lambda value: outcome(lambda: FlaskProvider(FLASK).dumps(value))).filter(
            lambda text: isinstance(text, str)
        ),
        st.text(),
        st.text('[]{}:,"\\ \n\tntrue1234567890.eE+-u00d8'),
        st.binary(),
        st.text().map(lambda text: json.dumps(text, ensure_ascii=False)),
        st.text().map(lambda text: json.dumps(text).encode("utf-16")),
        st.floats().map(repr),
        st.from_regex(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", fullmatch=True),
    )
)
def test_reading_is_flasks(text: t.Any) -> None:
    forms = [text]
    if isinstance(text, str):
        forms.append(text.encode("utf-8", "surrogatepass"))
    for form in forms:
        ours = outcome(lambda form=form: APP.json.loads(form))
        theirs = outcome(lambda form=form: FlaskProvider(FLASK).loads(form))
        # By repr: NaN isn't equal to itself, and 1 is equal to 1.0 and True.
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, "[" * 100_000])
def test_js_01_deep_nesting_is_a_value_error(data: t.Any) -> None:
    with pytest.raises(ValueError, match="Nested too deeply"):
        APP.json.loads(data)


def test_js_08_integer_of_many_digits_is_a_value_error() -> None:
    with pytest.raises(ValueError):
        APP.json.loads(b"9" * 5_000)


def test_loads_takes_options() -> None:
    assert APP.json.loads("1.5", parse_float=Decimal) == Decimal("1.5")


def test_circular_and_deep_values() -> None:
    circle: list[t.Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular reference detected"):
        APP.json.dumps(circle)
    deep: list[t.Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(RecursionError):
        APP.json.dumps(deep)
    # Unlinked one by one: the interpreter would recurse to free them.
    while deep:
        deep = deep.pop()


def test_one_object_may_be_written_by_many_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    shared = {"a": [{"b": [1.5] * 200}] * 20}
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda _: APP.json.dumps(shared), range(64)))
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((1,), {}),
        ((None,), {}),
        ((1, 2), {}),
        ((), {"a": 1}),
        (({},), {}),
        ((1,), {"a": 1}),
    ],
)
def test_arguments_of_response(args: t.Any, kwargs: t.Any) -> None:
    provider, expected = DefaultJSONProvider(APP), FlaskProvider(FLASK)
    assert outcome(lambda: provider.response(*args, **kwargs).get_data()) == outcome(
        lambda: expected.response(*args, **kwargs).get_data()
    )


def test_response_has_the_mimetype() -> None:
    app = StandInApp()
    assert app.json.response(1).mimetype == "application/json"
    app.json.mimetype = "application/problem+json"
    assert app.json.response(1).mimetype == "application/problem+json"
    assert response_dumper(app.json) is None


def test_a_users_response_class_gets_text() -> None:
    app = StandInApp()

    class Response(app.response_class):  # type: ignore[misc, name-defined]
        def __init__(self, response: t.Any = None, **kwargs: t.Any) -> None:
            assert isinstance(response, str)
            super().__init__(response, **kwargs)

    app.response_class = Response
    assert app.json.response({"a": 1}).get_data() == b'{"a":1}\n'


class TestOverrides:
    def test_attribute_of_the_instance_at_any_time(self) -> None:
        app = StandInApp()
        assert app.json.response({"b": 1, "a": 2}).get_data() == b'{"a":2,"b":1}\n'
        app.json.sort_keys = False
        assert app.json.response({"b": 1, "a": 2}).get_data() == b'{"b":1,"a":2}\n'
        assert app.json.dumps({"b": 1, "a": 2}) == '{"b": 1, "a": 2}'
        app.json.default = lambda o: "?"
        assert app.json.response([object()]).get_data() == b'["?"]\n'
        del app.json.default
        del app.json.sort_keys
        assert app.json.response({"b": 1, "a": 2}).get_data() == b'{"a":2,"b":1}\n'

    def test_attribute_of_the_class_at_any_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        app = StandInApp()
        assert app.json.dumps("é") == '"\\u00e9"'
        monkeypatch.setattr(DefaultJSONProvider, "ensure_ascii", False)
        assert app.json.dumps("é") == '"é"'
        assert app.json.response("é").get_data() == '"é"\n'.encode()
        assert not is_stock(app.json)
        monkeypatch.undo()
        assert app.json.dumps("é") == '"\\u00e9"'
        assert is_stock(app.json)

    def test_subclass_with_default_as_a_method(self) -> None:
        class Provider(DefaultJSONProvider):
            def default(self, o: t.Any) -> t.Any:
                return [type(self).__name__, str(o)]

        app = StandInApp()
        app.json = Provider(app)
        assert app.json.response(1j).get_data() == b'["Provider","1j"]\n'

    def test_subclass_with_dumps(self) -> None:
        class Provider(DefaultJSONProvider):
            def dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
                return f"{obj} {sorted(kwargs.items())}"

        app = StandInApp()
        app.json = Provider(app)
        assert response_dumper(app.json) is None
        assert app.json.response(1).get_data() == b"1 [('separators', (',', ':'))]\n"
        app.config["DEBUG"] = True
        assert app.json.response(1).get_data() == b"1 [('indent', 2)]\n"

    def test_dumps_on_the_instance(self) -> None:
        app = StandInApp()
        assert app.json.response(1).get_data() == b"1\n"
        app.json.dumps = lambda obj, **kwargs: "own"  # type: ignore[method-assign]
        assert app.json.response(1).get_data() == b"own\n"
        assert response_dumper(app.json) is None
        assert not is_stock(app.json)

    def test_response_of_a_subclass_is_left_alone(self) -> None:
        class Provider(DefaultJSONProvider):
            def response(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
                raise NotImplementedError

        assert response_dumper(Provider(APP)) is None
        assert is_stock(Provider(APP))

    def test_debug_mode_at_any_time(self) -> None:
        app = StandInApp()
        assert app.json.response([1]).get_data() == b"[1]\n"
        app.config["DEBUG"] = True
        assert app.json.response([1]).get_data() == b"[\n  1\n]\n"
        app.json.compact = True
        assert app.json.response([1]).get_data() == b"[1]\n"

    def test_a_subclass_may_be_abstract(self) -> None:
        import abc

        class Provider(DefaultJSONProvider, abc.ABC):
            pass

        assert Provider(APP).dumps([1]) == "[1]"

    def test_base_provider(self) -> None:
        class Provider(JSONProvider):
            def dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
                return f"<{obj}>"

            def loads(self, s: t.Any, **kwargs: t.Any) -> t.Any:
                return s[1:-1]

        class FlaskOwn(FlaskBase):
            dumps = Provider.dumps
            loads = Provider.loads

        ours, theirs = Provider(APP), FlaskOwn(FLASK)
        assert ours.response(1, 2).get_data() == theirs.response(1, 2).get_data()
        out = io.StringIO()
        ours.dump(3, out)
        assert ours.load(io.StringIO(out.getvalue())) == "3"
        with pytest.raises(NotImplementedError):
            JSONProvider(APP).dumps(1)
        with pytest.raises(NotImplementedError):
            JSONProvider(APP).loads("1")


class TestModuleFunctions:
    def test_outside_of_a_context(self) -> None:
        value = {"b": Decimal("1.5"), "a": "é"}
        assert erlen.json.dumps(value) == flask.json.dumps(value)
        assert erlen.json.dumps(1.5, default=None) == "1.5"
        assert erlen.json.loads(b"NaN") is not None
        out, expected = io.StringIO(), io.StringIO()
        erlen.json.dump(value, out)
        flask.json.dump(value, expected)
        assert out.getvalue() == expected.getvalue()
        assert erlen.json.load(io.StringIO("[1]")) == [1]
        with pytest.raises(RuntimeError, match="^Working outside of application context"):
            erlen.json.jsonify(1)

    def test_through_the_current_application(self) -> None:
        class Provider(JSONProvider):
            def dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
                return f"<{obj}>"

            def loads(self, s: t.Any, **kwargs: t.Any) -> t.Any:
                return s[1:-1]

        app = StandInApp()
        app.json = Provider(app)
        with context_of(app):
            assert erlen.json.dumps(1) == "<1>"
            assert erlen.json.loads("<1>") == "1"
            out = io.StringIO()
            erlen.json.dump(1, out)
            assert out.getvalue() == "<1>"
            assert erlen.json.load(io.StringIO("<1>")) == "1"
            assert erlen.json.jsonify(1).get_data() == b"<1>"
