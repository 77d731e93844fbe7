"""Status lines."""

from __future__ import annotations

import re
import typing as t
from http import HTTPStatus

from werkzeug.http import HTTP_STATUS_CODES

Status = tuple[str, int]

_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]").search

#: Codes whose responses have no body (RFC 9110 6.4.1).
SILENT = frozenset({*range(100, 200), 204, 304})

#: Status lines by code, and by the text they were given as.
known: dict[t.Any, Status] = {}
_KNOWN_LIMIT = 256


def parse_status(value: int | str | HTTPStatus) -> Status:
    """Make a status line of a code or a text.

    Args:
        value: A code, or a text such as ``"404 Not Found"`` or ``"404"``.

    Returns:
        The status line and the code; the code is 0 for a text without one.

    Raises:
        ValueError: The text is empty, or has a line break or another character
            that would end the status line early.
    """
    if isinstance(value, int):
        return _remember(int(value), _from_code(int(value)))
    text = value.strip()
    if not text:
        raise ValueError("Empty status argument")
    if _control(text):
        raise ValueError(f"Status {text!r} must be one line of latin-1 text.")
    code_text, separator, _ = text.partition(" ")
    try:
        code = int(code_text)
    except ValueError:
        return f"0 {text}", 0
    return _remember(value, (text, code) if separator else _from_code(code))


def _from_code(code: int) -> Status:
    name = HTTP_STATUS_CODES.get(code)
    return f"{code} {name.upper() if name else 'UNKNOWN'}", code


def _remember(value: t.Any, status: Status) -> Status:
    if len(known) < _KNOWN_LIMIT:
        known[value] = status
    return status


for _code in HTTP_STATUS_CODES:
    parse_status(_code)

#: Status lines of the standard codes whose responses have a body.
with_body: dict[int, str] = {
    code: known[code][0] for code in HTTP_STATUS_CODES if code not in SILENT
}
