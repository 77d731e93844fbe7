"""Redirects and error pages are Werkzeug's, byte for byte."""

from __future__ import annotations

import gc
import re
import typing as t

import flask.wrappers
import pytest
import werkzeug.utils
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug import exceptions
from werkzeug.test import create_environ
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as WerkzeugResponse

from erlen.http import pages
from erlen.http.response import Response, http_error_response, redirect_response
from erlen.http.uris import is_uri, to_uri

TARGETS = st.one_of(
    st.text("/a:?#@é%&=.[]<>\"' ☃", max_size=10),
    st.from_regex(r"(https?://)?[a-z.]{0,8}(:[0-9]{0,4})?/[a-z?#/%]{0,8}", fullmatch=True),
    st.sampled_from(
        ["/users/42/posts/x", "//h", "http://h", "http://H/", "/a?", "/a#", "javascript:a"]
    ),
)


def sent(response: t.Any) -> t.Any:
    got: list[t.Any] = []
    body = response(
        create_environ(), lambda status, headers, exc_info=None: got.extend([status, headers])
    )
    return (*got, b"".join(body))


@given(TARGETS)
def test_uris_are_werkzeugs(target: str) -> None:
    try:
        want = iri_to_uri(target)
    except ValueError:
        assert not is_uri(target)
        return
    assert to_uri(target) == want
    if is_uri(target):
        assert want == target


@given(TARGETS, st.sampled_from([301, 302, 303, 307, 308, 299]))
def test_redirect_is_werkzeugs(target: str, code: int) -> None:
    theirs = werkzeug.utils.redirect(target, code, flask.wrappers.Response)
    try:
        want = sent(theirs)
    except ValueError:
        with pytest.raises(exceptions.BadRequest):
            redirect_response(target, code)
        return
    if re.sub(r"[\x00-\x20]", "", target).lower().startswith(("javascript:", "data:")):
        with pytest.raises(exceptions.BadRequest):
            redirect_response(target, code)
        return
    mine = redirect_response(target, code)
    assert type(mine) is Response
    assert sent(mine) == want
    assert list(mine.headers) == list(theirs.headers)
    assert mine.data == theirs.data and mine.location == target
    assert sent(mine) == want


def test_redirect_of_other_kinds() -> None:
    class Own(Response):
        default_status = 299

        def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
            super().__init__(*args, **kwargs)
            self.headers["X-Own"] = "1"

    assert redirect_response("/a", 302, Own).headers["X-Own"] == "1"
    assert type(redirect_response("/a", 302, WerkzeugResponse)) is WerkzeugResponse
    assert type(redirect_response("/a", 302, None)) is WerkzeugResponse
    assert redirect_response(Markup("/a")).location == "/a"


def test_redirect_made_absolute_by_an_instance() -> None:
    response = redirect_response("/b")
    response.autocorrect_location_header = True
    assert dict(sent(response)[1])["Location"] == "http://localhost/b"


def test_redirect_with_headers() -> None:
    response = redirect_response("/ü")
    response.set_cookie("a", "b")
    response.set_cookie("c", "d")
    names = [name for name, _ in sent(response)[1]]
    assert names == ["Content-Type", "Content-Length", "Location", "Set-Cookie", "Set-Cookie"]
    assert dict(sent(response)[1])["Location"] == "/%C3%BC"


def test_rd_05_endless_target() -> None:
    with pytest.raises(exceptions.BadRequest, match="too long"):
        redirect_response("http://" + "\ufdfa" * 300_000)
    with pytest.raises(exceptions.BadRequest, match="too long"):
        redirect_response("/" + "a" * pages.MAX_LOCATION)


@pytest.mark.parametrize(
    "target", ["http://[", "http://" + "a" * 64 + "/", "http://a..b/", "http://a:b/"]
)
def test_target_that_is_no_url(target: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="not a URL"):
        redirect_response(target)


def test_redirect_with_line_break() -> None:
    with pytest.raises(ValueError, match="newline"):
        redirect_response("/a\r\nX: y")


# Errors


class Custom(exceptions.HTTPException):
    code = 418
    description = "a <b> & c\nd"


class WithBody(exceptions.NotFound):
    def get_body(self, *args: t.Any) -> str:
        return "own"


class WithName(exceptions.NotFound):
    name = "Own"  # type: ignore[assignment]


class WithResponse(exceptions.NotFound):
    def get_response(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        return WerkzeugResponse("own", 299)


ERRORS: list[exceptions.HTTPException] = [
    *(cls() for cls in exceptions.default_exceptions.values()),
    exceptions.NotFound("<own>\ntext"),
    exceptions.NotFound(""),
    exceptions.NotFound(response=WerkzeugResponse("own", 299, {"X": "1"})),
    exceptions.MethodNotAllowed(["GET", "POST"]),
    exceptions.TooManyRequests(retry_after=7),
    exceptions.RequestedRangeNotSatisfiable(9),
    exceptions.BadRequestKeyError("k"),
    exceptions.InternalServerError(original_exception=ValueError()),
    exceptions.HTTPException("no code"),
    exceptions.HTTPException(),
    Custom(),
    WithBody(),
    WithName(),
    WithResponse(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: repr(error))
def test_error_pages_are_werkzeugs(error: exceptions.HTTPException) -> None:
    environ = create_environ()
    for _ in range(2):
        response = http_error_response(error, environ)
        assert isinstance(response, Response)
        theirs = error.get_response(environ)
        assert response.status == theirs.status
        assert response.data == theirs.data
        assert sent(response) == sent(theirs)


def test_a_response_of_the_errors_own_is_not_changed() -> None:
    own = Response("own", 299)
    error = exceptions.NotFound(response=own)
    response = http_error_response(error, create_environ())
    response.headers["X"] = "1"
    assert (response.status_code, response.data) == (299, b"own")
    assert "X" not in own.headers
    assert http_error_response(error) is own


def test_error_whose_instance_was_changed() -> None:
    error = exceptions.NotFound()
    error.get_body = lambda *args: "own"  # type: ignore[method-assign]
    assert http_error_response(error, create_environ()).data == b"own"
    error = exceptions.NotFound()
    error.code = 410
    assert http_error_response(error).status_code == 410
    assert http_error_response(exceptions.NotFound()).status_code == 404


def test_pages_are_not_shared() -> None:
    first = http_error_response(exceptions.NotFound())
    first.data = "changed"
    first.headers["X"] = "1"
    first.response.append(b"more")
    second = http_error_response(exceptions.NotFound())
    assert b"Not Found" in second.data and "X" not in second.headers


def test_key_error_shown_in_debug_only() -> None:
    error = exceptions.BadRequestKeyError("secret")
    assert b"secret" not in http_error_response(error).data
    error.show_exception = True
    assert b"secret" in http_error_response(error, create_environ()).data


def test_pages_are_bounded() -> None:
    for number in range(1000):
        http_error_response(exceptions.NotFound(f"no {number}"))
    assert len(pages._pages) <= 128


def test_own_class() -> None:
    class Own(Response):
        def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
            super().__init__(*args, **kwargs)
            self.made = True

    for error in (exceptions.NotFound(), exceptions.MethodNotAllowed(["GET"])):
        response = http_error_response(error, create_environ(), Own)
        assert type(response) is Own and response.status_code == error.code


def test_nothing_is_left_for_the_collector() -> None:
    def serve() -> None:
        sent(http_error_response(exceptions.NotFound(), {}))
        sent(redirect_response("/a"))

    serve()
    gc.collect()
    gc.disable()
    try:
        serve()
        assert gc.collect() == 0
    finally:
        gc.enable()
