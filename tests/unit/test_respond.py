"""From a view's return value to a response: Flask's rules, forms and errors."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

import erlen
from erlen.plan import HTML, JSON
from erlen.respond import Prepared
from sidebyside import BOTH

APPS = [fw.Flask("respond", static_folder=None) for fw in BOTH]


def wsgi(environ: t.Any, start_response: t.Any) -> t.Any:
    start_response("203 Other", [("X-Path", environ.get("PATH_INFO", "?"))])
    return [b"wsgi"]


bodies = st.one_of(
    st.text(max_size=5),
    st.binary(max_size=5),
    st.sampled_from(
        [None, 1, 1.5, {1}, object, {}, {"a": 1}, [], [1], bytearray(b"x"), wsgi, NotFound("x")]
    ),
)
statuses = st.one_of(
    st.integers(100, 600),
    st.sampled_from([0, -1, 1000, "200 OK", "404", "x", "", None, True, (), {}]),
)
headers = st.one_of(
    st.none(),
    st.just(Headers([("X-A", "1"), ("X-A", "2")])),
    st.dictionaries(
        st.sampled_from(["X-A", "Content-Type", "Set-Cookie", "content-length"]),
        st.one_of(st.text("abc/", min_size=1), st.lists(st.text("ab", min_size=1), max_size=2)),
        max_size=3,
    ),
    st.lists(st.tuples(st.sampled_from(["X-A", "X-B"]), st.text("abc")), max_size=3),
)
values = st.one_of(
    bodies,
    st.tuples(bodies, statuses),
    st.tuples(bodies, headers),
    st.tuples(bodies, statuses, headers),
    st.tuples(bodies),
    st.tuples(bodies, statuses, headers, st.none()),
)


def outcome(app: t.Any, value: t.Any, make: t.Any = None) -> t.Any:
    with app.test_request_context("/path"):
        try:
            rv = (make or app.make_response)(value)
        except Exception as error:
            # What is no status at all fails as it may.
            text = str(error)
            return (type(error).__name__, text) if text.startswith("The view") else "error"
        assert type(rv) is app.response_class
        return rv.status, list(rv.headers), rv.get_data(), rv.is_streamed


@given(values)
def test_every_form(value: t.Any) -> None:
    theirs, ours = (outcome(app, value) for app in APPS)
    assert ours == theirs


@given(values)
def test_the_short_way(value: t.Any) -> None:
    """What a plan calls instead, where nobody overrides anything."""
    app = APPS[1]
    assert outcome(app, value, app._current_plans().respond) == outcome(app, value)


@pytest.mark.parametrize("fw", BOTH)
class TestResponses:
    def app(self, fw: t.Any) -> t.Any:
        return fw.Flask("respond", static_folder=None)

    def test_its_own_comes_back(self, fw: t.Any) -> None:
        app = self.app(fw)
        with app.test_request_context():
            response = fw.Response("x")
            assert app.make_response(response) is response
            assert app.make_response((response, 202, {"X-A": "1"})) is response
            assert (response.status_code, response.headers["X-A"]) == (202, "1")

    def test_another_class_is_converted(self, fw: t.Any) -> None:
        app = self.app(fw)
        with app.test_request_context():
            rv = app.make_response(WerkzeugResponse("x", 201, {"X-A": "1"}))
            assert type(rv) is fw.Response
            assert (rv.status_code, rv.headers["X-A"], rv.get_data()) == (201, "1", b"x")

    def test_the_applications_class(self, fw: t.Any) -> None:
        class Mine(fw.Response):  # type: ignore[misc]
            default_mimetype = "text/mine"

        app = self.app(fw)
        app.response_class = Mine
        with app.test_request_context():
            for value in ("x", b"x", {"a": 1}, [1], iter("ab"), wsgi, fw.Response("x"), NotFound()):
                assert type(app.make_response(value)) is Mine
            assert app.make_response("x").mimetype == "text/mine"
            assert fw.make_response("x", 201).mimetype == "text/mine"

    def test_a_generator_stays_one(self, fw: t.Any) -> None:
        app = self.app(fw)
        with app.test_request_context():
            rv = app.make_response(part for part in "ab")
            assert rv.is_streamed
            assert list(rv.iter_encoded()) == [b"a", b"b"]

    def test_without_a_request(self, fw: t.Any) -> None:
        app = self.app(fw)
        with app.app_context():
            assert app.make_response(("x", 201)).status_code == 201


def test_generators_are_encoded() -> None:
    with APPS[1].test_request_context():
        assert list(APPS[1].make_response(iter(["a", b"b", "ü"])).iter_encoded()) == [
            b"a",
            b"b",
            "ü".encode(),
        ]


def test_prepared() -> None:
    response = erlen.Response("body", 404, {"X-A": "1"})
    prepared = Prepared.of(response)
    assert prepared.status == "404 NOT FOUND"
    assert prepared.body == b"body"
    assert sorted(prepared.headers) == [
        ("Content-Length", "4"),
        ("Content-Type", HTML),
        ("X-A", "1"),
    ]
    assert JSON == "application/json"


def test_a_prepared_answer_becomes_a_response_where_one_is_needed() -> None:
    """As the page of a missing path does, for a client that wants response objects."""
    import asyncio

    app = erlen.Erlen("prepared", static_folder=None)

    async def main() -> int:
        async with app.async_client() as client:
            return (await client.get("/nothing")).status_code

    assert asyncio.run(main()) == 404
