"""The value of a Set-Cookie header."""

from __future__ import annotations

import re
import time
import typing as t
from datetime import datetime, timedelta

from werkzeug.http import dump_cookie

from .dates import date_text

#: What a name may consist of for the short way; others are looked at closely.
_plain_name = re.compile(r"[\w.-]+", re.ASCII).fullmatch
#: Values and paths that surely need no quoting: tokens, numbers, signed data.
_plain_value = re.compile(r"[\w.:/@=+-]*", re.ASCII).fullmatch
_plain_path = re.compile(r"[\w./-]*", re.ASCII).fullmatch
#: What ends a name or an attribute early, in every browser (RFC 6265 5.2).
_breaks_name = re.compile(r"[\x00-\x1f\x7f;=]").search
_breaks_domain = re.compile(r"[\x00-\x20\x7f;,]").search
_breaks_date = re.compile(r"[\x00-\x1f\x7f;]").search

_SAME_SITE = frozenset({"Strict", "Lax", "None"})


def check_cookie(key: str, domain: str | None, expires: t.Any = None) -> None:
    """Refuse a cookie that no browser would give back under its name.

    Args:
        key: The cookie's name.
        domain: Its domain, or None.
        expires: The moment it ends; looked at if it is text.

    Raises:
        ValueError: The name is empty, has a line break, control character,
            ``;`` or ``=`` in it, or space around it; or the domain has a
            space, a control character, ``;`` or ``,`` in it; or the date
            has a control character or ``;`` in it.
    """
    if not key or key != key.strip() or _breaks_name(key):
        raise ValueError(
            f"Cookie name {key!r} must not be empty, contain ';', '=' or control"
            " characters, or begin or end with a space."
        )
    if domain and _breaks_domain(domain):
        raise ValueError(f"Cookie domain {domain!r} must be a host name.")
    if isinstance(expires, str) and _breaks_date(expires):
        raise ValueError(f"Cookie expiry {expires!r} must be a date.")


def cookie_text(
    key: str,
    value: str,
    max_age: timedelta | int | None,
    expires: str | datetime | int | float | None,
    path: str | None,
    domain: str | None,
    secure: bool,
    httponly: bool,
    samesite: str | None,
    partitioned: bool,
    max_size: int,
) -> str:
    """Write a Set-Cookie header's value, exactly as Werkzeug's ``dump_cookie``.

    Args:
        key: The cookie's name.
        value: Its value.
        max_age: Seconds to live, or None for the browser's session.
        expires: The moment it ends, as text, datetime or seconds since 1970.
        path: The path it is limited to, or None.
        domain: The domain that it is sent to, or None for this host alone.
        secure: Send it over HTTPS only.
        httponly: Hide it from scripts.
        samesite: "Strict", "Lax", "None" in any case, or None.
        partitioned: Keep it apart per top-level site; implies ``secure``.
        max_size: Warn when the text is longer than this; 0: never.

    Returns:
        The header's value.

    Raises:
        ValueError: The name, the domain, the date or ``samesite`` cannot work.
    """
    simple = (
        type(value) is str
        and domain is None
        and (path is None or _plain_path(path))
        and (max_age is None or type(max_age) is int)
        and (expires is None or type(expires) is int or _is_date(expires))
        and (samesite is None or samesite in _SAME_SITE)
        and type(secure) is type(httponly) is type(partitioned) is bool
        and _plain_name(key)
        and _plain_value(value)
    )
    if simple:
        text = f"{key}={value}"
        if expires is not None:
            moment = expires if isinstance(expires, str) else date_text(t.cast(int, expires))
            text += f"; Expires={moment}"
        elif max_age is not None:
            text += f"; Expires={date_text(time.time() + t.cast(int, max_age))}"
        text += _attributes(max_age, secure or partitioned, httponly, path, samesite)
        if partitioned:
            text += "; Partitioned"
        if not max_size or len(text) <= max_size:
            return text
    check_cookie(key, domain, expires)
    return dump_cookie(
        key,
        value=value,
        max_age=max_age,
        expires=expires,
        path=path,
        domain=domain,
        secure=secure,
        httponly=httponly,
        max_size=max_size,
        samesite=samesite,
        partitioned=partitioned,
    )


def _is_date(expires: t.Any) -> bool:
    return type(expires) is str and not _breaks_date(expires)


def _attributes(
    max_age: t.Any, secure: bool, httponly: bool, path: str | None, samesite: str | None
) -> str:
    text = "" if max_age is None else f"; Max-Age={max_age}"
    if secure:
        text += "; Secure"
    if httponly:
        text += "; HttpOnly"
    if path is not None:
        text += f"; Path={path}"
    if samesite is not None:
        text += f"; SameSite={samesite}"
    return text
