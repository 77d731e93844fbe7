"""Set-Cookie as Werkzeug writes it, save for what no browser can take."""

from __future__ import annotations

import time
import typing as t
import warnings
from datetime import UTC, datetime, timedelta

import flask.wrappers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlen.http import dates
from erlen.http.response import Response

FlaskResponse = flask.wrappers.Response

ARGUMENTS: dict[str, st.SearchStrategy[t.Any]] = {
    "key": st.one_of(
        st.sampled_from(["session", "a b", "é", "a,b", "__Host-x"]), st.text("ab.-_", min_size=1)
    ),
    "value": st.text('aZ9.=+/-_ ;,"\\é☃\n', max_size=6),
    "max_age": st.one_of(st.none(), st.integers(-1, 10**6), st.just(timedelta(days=1))),
    "expires": st.one_of(
        st.none(),
        st.integers(0, 2**31),
        st.just(1.5),
        st.just("Thu, 01 Jan 1970 00:00:00 GMT"),
        st.just(datetime(2030, 1, 1, tzinfo=UTC)),
    ),
    "path": st.sampled_from([None, "/", "/a/b", "/é;b", "a b"]),
    "domain": st.sampled_from(
        [None, "", "a.example", ".a.example", "a.example:80", "localhost", "é.example"]
    ),
    "secure": st.sampled_from([False, True, 0, 1]),
    "httponly": st.booleans(),
    "samesite": st.sampled_from([None, "Lax", "strict", "None", "none", "bogus"]),
    "partitioned": st.booleans(),
}


def cookies(cls: t.Any, arguments: t.Any) -> t.Any:
    response = cls("a")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            response.set_cookie(**arguments)
        except Exception as error:
            return type(error), str(error)
    return response.headers.getlist("Set-Cookie"), [str(w.message) for w in caught]


@given(st.fixed_dictionaries({}, optional=ARGUMENTS))
def test_as_flask(arguments: dict[str, t.Any]) -> None:
    arguments.setdefault("key", "k")
    for _ in range(3):
        # Twice in the same second, for the dates.
        second = int(time.time())
        mine, theirs = cookies(Response, arguments), cookies(FlaskResponse, arguments)
        if int(time.time()) == second:
            break
    assert mine == theirs


@given(st.text("ab", min_size=1, max_size=3), st.sampled_from([None, "/", "/x"]))
def test_delete_as_flask(key: str, path: str | None) -> None:
    mine, theirs = Response(), FlaskResponse()
    for response in (mine, theirs):
        response.delete_cookie(
            key, path, secure=True, httponly=True, samesite="Lax", partitioned=True
        )
    assert mine.headers.getlist("Set-Cookie") == theirs.headers.getlist("Set-Cookie")


def test_large_cookie_warns() -> None:
    for size in (4000, 4093, 5000):
        arguments = {"key": "k", "value": "x" * size}
        assert cookies(Response, arguments) == cookies(FlaskResponse, arguments)


@pytest.mark.parametrize("name", ["a;b", "a=b", "a\r\nX", "a\0", " a", "a ", "\ta", "a b="])
def test_ck_07_name_that_ends_early(name: str) -> None:
    with pytest.raises(ValueError, match="Cookie name"):
        Response().set_cookie(name, "1")


@pytest.mark.parametrize("domain", ["evil.com;Path=/x", "a b", "a\r\nX: y", "a,b"])
def test_ck_08_domain_with_attributes(domain: str) -> None:
    with pytest.raises(ValueError, match="Cookie domain"):
        Response().set_cookie("a", "1", domain=domain)


def test_ck_11_nameless() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Response().set_cookie("", "x")


def test_ck_10_samesite_none_without_secure_stays_as_in_flask() -> None:
    response = Response()
    response.set_cookie("a", "1", samesite="None")
    assert response.headers["Set-Cookie"] == "a=1; Path=/; SameSite=None"


def test_ck_16_partitioned_is_secure() -> None:
    response = Response()
    response.set_cookie("a", "1", partitioned=True)
    assert response.headers["Set-Cookie"] == "a=1; Secure; Path=/; Partitioned"


def test_ck_17_deleting_takes_the_attributes_of_setting() -> None:
    response = Response()
    response.delete_cookie("__Host-a", secure=True, partitioned=True)
    text = response.headers["Set-Cookie"]
    assert "Max-Age=0" in text and "Secure" in text and "Partitioned" in text and "Path=/" in text


def test_expires_with_line_break() -> None:
    with pytest.raises(ValueError, match="newline|must be a date"):
        Response().set_cookie("a", "1", expires="x\r\nY: z")


def test_dates_are_bounded() -> None:
    for second in range(2000):
        dates.date_text(second)
    assert len(dates._texts) <= 512
    assert dates.date_text(784111777.9) == "Sun, 06 Nov 1994 08:49:37 GMT"
