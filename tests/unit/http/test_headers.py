"""Headers behave as Werkzeug's, and refuse what can't be sent."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.datastructures import MultiDict

from erlen.http.headers import Headers

NAMES = st.sampled_from(["A", "a", "B", "X-Long", "x-long", "Set-Cookie", "Content-Type", "ç"])
VALUES = st.one_of(st.text("ab, \r\né", max_size=4), st.integers(0, 9), st.sampled_from(["", "x"]))
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("set"), NAMES, VALUES),
    st.tuples(st.just("add"), NAMES, VALUES),
    st.tuples(st.just("__setitem__"), NAMES, VALUES),
    st.tuples(st.just("__setitem__"), st.integers(-3, 3), st.tuples(NAMES, VALUES)),
    st.tuples(st.just("__setitem__"), st.just(slice(0, 2)), PAIRS),
    st.tuples(st.just("setdefault"), NAMES, VALUES),
    st.tuples(st.just("setlist"), NAMES, st.lists(VALUES, max_size=3)),
    st.tuples(st.just("setlistdefault"), NAMES, st.lists(VALUES, max_size=3)),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("__delitem__"), st.one_of(NAMES, st.integers(-3, 3))),
    st.tuples(st.just("pop"), st.one_of(NAMES, st.integers(-3, 3))),
    st.tuples(st.just("pop"), NAMES, st.just("default")),
    st.tuples(st.just("pop")),
    st.tuples(st.just("popitem")),
    st.tuples(st.just("extend"), PAIRS),
    st.tuples(st.just("extend"), st.dictionaries(NAMES, st.lists(VALUES, max_size=2))),
    st.tuples(st.just("extend"), PAIRS.map(MultiDict)),
    st.tuples(st.just("update"), PAIRS),
    st.tuples(st.just("update"), st.dictionaries(NAMES, VALUES)),
    st.tuples(st.just("__ior__"), st.dictionaries(NAMES, VALUES)),
    st.tuples(st.just("clear")),
    st.tuples(st.just("get"), NAMES, st.none(), st.just(int)),
    st.tuples(st.just("getlist"), NAMES, st.just(int)),
    st.tuples(st.just("__getitem__"), st.one_of(NAMES, st.integers(-3, 3))),
    st.tuples(st.just("__contains__"), NAMES),
    st.tuples(st.just("leak")),
    st.tuples(st.just("tamper"), NAMES),
)


def outcome(headers: WerkzeugHeaders, step: tuple) -> object:
    """What one step returns or raises."""
    name, *args = step
    if name == "leak":
        return list(headers._list)
    if name == "tamper":
        headers._list.insert(0, (args[0], "t"))
        return None
    try:
        result = getattr(headers, name)(*args)
    except Exception as error:
        return type(error), str(error)
    return list(result) if isinstance(result, WerkzeugHeaders) else result


@given(PAIRS, st.lists(STEPS, max_size=8))
def test_as_werkzeug(pairs: list, steps: list) -> None:
    pairs = [(name, value) for name, value in pairs if "\r" not in str(value)]
    pairs = [(name, value) for name, value in pairs if "\n" not in str(value)]
    mine, theirs = Headers(pairs), WerkzeugHeaders(pairs)
    for step in steps:
        assert outcome(mine, step) == outcome(theirs, step), step
        assert list(mine) == list(theirs), step
        assert len(mine) == len(theirs)
        for name in ("a", "B", "X-LONG", "set-cookie", "none", "ç"):
            assert (name in mine) == (name in theirs), (step, name)
            assert mine.get(name) == theirs.get(name), (step, name)
            assert mine.getlist(name) == theirs.getlist(name)
    assert str(mine) == str(theirs)
    assert repr(mine) == repr(theirs)
    assert mine == theirs and theirs == mine
    assert mine.to_wsgi_list() == theirs.to_wsgi_list()
    assert list(mine.keys(lower=True)) == list(theirs.keys(lower=True))


def test_index_follows_a_list_that_a_library_changed() -> None:
    headers = Headers({"A": "1", "B": "2"})
    pairs = headers._list
    pairs[0] = ("C", "3")
    headers["X"] = "4"
    pairs.append(("X", "5"))
    assert "a" not in headers and headers["c"] == "3"
    headers["x"] = "6"
    assert list(headers) == [("C", "3"), ("B", "2"), ("x", "6")]


def test_replaced_list() -> None:
    headers = Headers({"A": "1"})
    headers._list = [("B", "2")]
    assert "a" not in headers and headers["b"] == "2"


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, Headers.copy])
def test_copies_are_independent(twin: object) -> None:
    headers = Headers([("A", "1"), ("A", "2")])
    other = twin(headers)  # type: ignore[operator]
    other["A"] = "3"
    assert type(other) is Headers
    assert headers.getlist("a") == ["1", "2"] and other.getlist("a") == ["3"]


def test_pickle() -> None:
    headers = pickle.loads(pickle.dumps(Headers({"A": "1"})))
    headers["B"] = "2"
    assert list(headers) == [("A", "1"), ("B", "2")]


def test_options() -> None:
    headers = Headers()
    headers.add("Content-Disposition", "attachment", filename="a b.txt")
    headers.set("X", "v", max_age=3)
    theirs = WerkzeugHeaders()
    theirs.add("Content-Disposition", "attachment", filename="a b.txt")
    theirs.set("X", "v", max_age=3)
    assert headers == theirs


def test_union() -> None:
    headers = Headers({"A": "1"}) | {"B": "2"}
    assert type(headers) is Headers and list(headers) == [("A", "1"), ("B", "2")]


SETTERS = {
    "item": lambda headers, name, value: headers.__setitem__(name, value),
    "set": lambda headers, name, value: headers.set(name, value),
    "add": lambda headers, name, value: headers.add(name, value),
    "extend": lambda headers, name, value: headers.extend({name: value}),
    "update": lambda headers, name, value: headers.update({name: value}),
    "setdefault": lambda headers, name, value: headers.setdefault(name, value),
    "setlist": lambda headers, name, value: headers.setlist(name, [value]),
    "slice": lambda headers, name, value: headers.__setitem__(slice(0, 0), [(name, value)]),
    "init": lambda headers, name, value: Headers([(name, value)]),
}


@pytest.mark.parametrize("setter", SETTERS.values(), ids=SETTERS.keys())
@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "\ra"])
def test_hi_01_line_break_in_value(setter: object, value: str) -> None:
    headers = Headers()
    with pytest.raises(ValueError, match="must not contain newline"):
        setter(headers, "X-A", value)  # type: ignore[operator]
    assert not headers


@pytest.mark.parametrize("setter", SETTERS.values(), ids=SETTERS.keys())
@pytest.mark.parametrize("name", ["X\r\nY: z", "X Y", "X:", "", "X\0", "X\t", "\u2603", "X\x7f"])
def test_hi_02_name_that_cannot_be_sent(setter: object, name: str) -> None:
    headers = Headers()
    for _ in range(2):
        with pytest.raises(ValueError, match="name"):
            setter(headers, name, "1")  # type: ignore[operator]
    assert not headers


@pytest.mark.parametrize("setter", SETTERS.values(), ids=SETTERS.keys())
def test_hi_05_value_beyond_latin1_names_the_header(setter: object) -> None:
    with pytest.raises(ValueError, match="'x-snow'.*latin-1"):
        setter(Headers(), "X-Snow", "\u2603")  # type: ignore[operator]


def test_latin1_value_is_kept() -> None:
    headers = Headers({"X": "é"})
    headers["Y"] = "ü"
    assert list(headers) == [("X", "é"), ("Y", "ü")]


@pytest.mark.parametrize("name", ["Location", "content-location"])
def test_locations_may_be_iris(name: str) -> None:
    headers = Headers()
    headers[name] = "/\u2603"
    assert headers[name] == "/\u2603"


def test_name_that_is_no_string() -> None:
    with pytest.raises(TypeError, match="must be a string"):
        Headers().add(b"X", "1")  # type: ignore[arg-type]


def test_setting_n_headers_is_linear() -> None:
    """Each look-up asks the index, so nothing walks the list."""

    class Counting(list):
        walks = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            Counting.walks += 1
            return super().__iter__()

    headers = Headers()
    headers._items = Counting()
    for i in range(50):
        headers[f"X-After-{i}"] = "1"
    assert len(headers) == 50 and Counting.walks == 0
