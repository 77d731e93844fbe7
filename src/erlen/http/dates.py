"""Dates as HTTP writes them, kept for the second they hold."""

from __future__ import annotations

import time

from werkzeug.http import http_date

_texts: dict[int, str] = {}
_LIMIT = 512


def date_text(seconds: float) -> str:
    """Write a point in time as RFC 9110 5.6.7 wants it.

    Args:
        seconds: Seconds since 1970-01-01 UTC; a fraction is cut off.

    Returns:
        For example ``"Sun, 06 Nov 1994 08:49:37 GMT"``.
    """
    second = int(seconds // 1)
    text = _texts.get(second)
    if text is None:
        if len(_texts) >= _LIMIT:
            _texts.clear()
        text = _texts[second] = http_date(second)
    return text


def now_text() -> str:
    """Write the present moment as RFC 9110 5.6.7 wants it."""
    return date_text(time.time())
