"""Urlencoded bodies: whole or refused, however they are sent.

The first byte says how: bit 0 chunked, bit 1 with a limit, bit 2 cut off.
"""

from __future__ import annotations

from _harness import environ_of, instrumented, main
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

with instrumented():
    from erlen.http.query import decode_body, parse_query
    from erlen.http.request import Request


LIMIT = 16


def TestOneInput(data: bytes) -> None:
    how, body = (data[0] if data else 0), data[1:]
    chunked, limited, cut = bool(how & 1), bool(how & 2), bool(how & 4)
    environ = environ_of(body, CONTENT_TYPE="application/x-www-form-urlencoded")
    if chunked:
        environ["wsgi.input_terminated"] = True
        del environ["CONTENT_LENGTH"]
    elif cut:
        environ["CONTENT_LENGTH"] = str(len(body) + 1)
    request = Request(environ, populate_request=False)
    request.max_content_length = LIMIT if limited else None
    expected: type[Exception] | None = None
    if limited and len(body) + (cut and not chunked) > LIMIT:
        expected = RequestEntityTooLarge
    elif cut and not chunked:
        expected = BadRequest
    for _ in range(2):
        try:
            form = request.form
        except BadRequest:
            assert expected is BadRequest
        except RequestEntityTooLarge:
            assert expected is RequestEntityTooLarge
        else:
            assert expected is None
            assert form == parse_query(decode_body(body))
            assert not request.files


if __name__ == "__main__":
    main(TestOneInput)
