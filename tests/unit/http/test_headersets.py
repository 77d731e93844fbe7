"""Headers that are sets of names behave like Werkzeug's."""

from __future__ import annotations

import typing as t

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import HeaderSet

from erlen import Response

NAMES = ["Cookie", "cookie", "Accept", "X-Much Blank", 'quo"ted', "*", ""]

steps = st.one_of(
    st.tuples(st.sampled_from(["add", "discard"]), st.sampled_from(NAMES)),
    st.tuples(st.just("update"), st.lists(st.sampled_from(NAMES), max_size=3)),
    st.tuples(st.just("clear")),
)


def walk(
    response: t.Any, name: str, taken: list[tuple[t.Any, ...]], look: bool = True
) -> list[t.Any]:
    seen: list[t.Any] = []
    names = getattr(response, name)
    for method, *arguments in taken:
        getattr(names, method)(*arguments)
        again = getattr(response, name)
        seen.append((list(names), names.to_header(), list(again)))
        seen.append((bool(names), len(names), "COOKIE" in names, names.as_set()))
        if look:
            seen.append(response.headers.to_wsgi_list())
    sent: list[t.Any] = []
    response({"REQUEST_METHOD": "GET"}, lambda status, headers: sent.extend(headers))
    return [*seen, sorted(sent)]


@pytest.mark.parametrize("name", ["vary", "allow", "content_language"])
@pytest.mark.parametrize("first", [None, "Accept", 'Accept, "a b"', ""])
@given(taken=st.lists(steps, max_size=6))
def test_the_header_follows_the_set(
    name: str, first: str | None, taken: list[tuple[t.Any, ...]]
) -> None:
    found = []
    for cls in (flask.Response, Response):
        response: t.Any = cls("body")
        if first is not None:
            response.headers[name.replace("_", "-").title()] = first
        found.append(walk(response, name, taken))
    assert found[1] == found[0]


@pytest.mark.parametrize("made", [{}, {"mimetype": "text/css"}, {"status": 204}])
@given(taken=st.lists(st.tuples(st.sampled_from(["vary", "allow"]), steps), max_size=6))
def test_headers_that_nobody_looks_at(made: t.Any, taken: list[tuple[str, t.Any]]) -> None:
    found = []
    for cls in (flask.Response, Response):
        response: t.Any = cls("body", **made)
        found.append([walk(response, name, [step], look=False) for name, step in taken])
    assert found[1] == found[0]


def test_a_name_that_cannot_be_sent_is_refused() -> None:
    for name in ("line\nbreak", "not latin-1 \u0100"):
        response = Response("body")
        with pytest.raises(ValueError, match="must not contain newline|not latin-1"):
            response.vary.add(name)
        assert "Vary" not in response.headers


@pytest.mark.parametrize("value", [None, "Cookie", ["Accept", "Cookie"], {"Accept": None}])
def test_assigning(value: t.Any) -> None:
    found = []
    for cls in (flask.Response, Response):
        response: t.Any = cls("body", headers={"Vary": "Origin"})
        response.vary = value
        found.append((response.headers.to_wsgi_list(), list(response.vary)))
    assert found[1] == found[0]


def test_the_type_and_what_sets_do() -> None:
    response = Response("body", headers={"Vary": "Origin, Accept"})
    assert isinstance(response.vary, HeaderSet)
    assert repr(response.vary) == "HeaderSet(['Origin', 'Accept'])"
    assert list(response.vary & {"Accept"}) == ["Accept"]
    assert response.vary == flask.Response("", headers={"Vary": "Origin, Accept"}).vary
    assert Response.vary.__doc__ == flask.Response.vary.__doc__
