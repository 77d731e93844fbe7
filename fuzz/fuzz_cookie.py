"""Cookie headers: Werkzeug's result."""

from __future__ import annotations

from _harness import environ_of, instrumented, latin, main
from werkzeug.sansio.http import parse_cookie

with instrumented():
    from erlen.http.cookies import find_cookie
    from erlen.http.request import Request


def TestOneInput(data: bytes) -> None:
    header = latin(data)
    cookies = Request(environ_of(HTTP_COOKIE=header), populate_request=False).cookies
    expected = parse_cookie(header)
    assert list(cookies.lists()) == list(expected.lists())
    for name in [*expected, "session", header[:3]]:
        assert find_cookie(header, name) == expected.get(name)


if __name__ == "__main__":
    main(TestOneInput)
