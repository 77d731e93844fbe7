"""Multipart bodies: one result for every split, Werkzeug's where both take them.

The first byte is the size of the pieces; the boundary is ``X``.
"""

from __future__ import annotations

import io
from typing import Any

from _harness import instrumented, main
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import MultiPartParser

with instrumented():
    from erlen.http.multipart import MultipartParser


def parse(body: bytes, size: int) -> Any:
    parser = MultipartParser(b"X", max_field=500, max_parts=20, in_memory=64)
    try:
        for i in range(0, len(body), size):
            parser.feed(body[i : i + size])
        parser.finish()
    except HTTPException as error:
        parser.discard()
        return type(error)
    return contents(parser.fields, parser.files)


def contents(fields: Any, files: Any) -> Any:
    found = []
    for name, file in files:
        found.append((name, file.filename, list(file.headers), file.read()))
        file.close()
    return list(fields), found


def by_werkzeug(body: bytes) -> Any:
    parser = MultiPartParser(max_form_memory_size=None, buffer_size=len(body) + 1, cls=Pairs)
    try:
        form, files = parser.parse(io.BytesIO(body), b"X", len(body))
    except (ValueError, AttributeError):
        return None  # AttributeError: Werkzeug trips over a part that is cut off
    return contents(form, files)


class Pairs(list[Any]):
    """In the place of a multi-dictionary, which doesn't keep the order."""


def TestOneInput(data: bytes) -> None:
    size, body = (data[0] if data else 1) or 1, data[1:]
    whole = parse(body, len(body) + 1)
    assert parse(body, size) == whole
    if not isinstance(whole, type):
        expected = by_werkzeug(body)
        if expected is not None:
            assert whole == expected


if __name__ == "__main__":
    main(TestOneInput)
