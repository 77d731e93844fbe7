"""Query strings: urllib's result, and no attribute that raises."""

from __future__ import annotations

from urllib.parse import parse_qsl

from _harness import environ_of, instrumented, latin, main

with instrumented():
    from erlen.http.query import decode_body
    from erlen.http.request import Request


def TestOneInput(data: bytes) -> None:
    request = Request(environ_of(QUERY_STRING=latin(data)), populate_request=False)
    expected = parse_qsl(decode_body(data), keep_blank_values=True, errors="werkzeug.url_quote")
    grouped: dict[str, list[str]] = {}
    for key, value in expected:
        grouped.setdefault(key, []).append(value)
    assert dict(request.args.lists()) == grouped
    assert list(request.args) == list(grouped)
    assert request.query_string == data
    assert request.full_path.startswith("/?")
    assert request.url.startswith("http://localhost/")
    assert request.values.to_dict(flat=False) == grouped


if __name__ == "__main__":
    main(TestOneInput)
