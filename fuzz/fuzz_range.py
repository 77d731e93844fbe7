"""Conditional and range headers: an answer or an HTTP error, never more than the file.

The first line is Range, the others If-Range, If-None-Match, If-Match,
If-Modified-Since and If-Unmodified-Since.
"""

from __future__ import annotations

from datetime import UTC, datetime

from _harness import call, environ_of, instrumented, latin, main
from werkzeug.exceptions import HTTPException

with instrumented():
    from erlen.http.request import Request
    from erlen.http.response import Response


CONTENT = b"0123456789"
NAMES = ("RANGE", "IF_RANGE", "IF_NONE_MATCH", "IF_MATCH", "IF_MODIFIED_SINCE")
WHEN = datetime(2024, 1, 1, tzinfo=UTC)


def TestOneInput(data: bytes) -> None:
    lines = data.split(b"\n")
    headers = {
        f"HTTP_{name}": latin(line)
        for name, line in zip((*NAMES, "IF_UNMODIFIED_SINCE"), lines, strict=False)
        if line
    }
    environ = environ_of(**headers)
    request = Request(environ, populate_request=False)
    for name in ("range", "if_range", "if_none_match", "if_match"):
        getattr(request, name)
    for name in ("if_modified_since", "if_unmodified_since", "date"):
        getattr(request, name)
    response = Response(CONTENT)
    response.set_etag("tag")
    response.last_modified = WHEN
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=len(CONTENT))
    except HTTPException as error:
        assert error.code is not None and 400 <= error.code < 500
        return
    status, body = call(response, environ)
    assert status in (200, 206, 304, 412)
    assert len(body) <= len(CONTENT)


if __name__ == "__main__":
    main(TestOneInput)
