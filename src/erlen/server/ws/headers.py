"""Headers of the answer to a handshake, checked and as ASGI wants them."""

from __future__ import annotations

import typing as t

from ...http.headers import Headers

if t.TYPE_CHECKING:
    from ...http.websocket import HeadersIn

#: What the server says itself.
_RESERVED = frozenset({"connection", "upgrade", "content-length", "transfer-encoding"})


def checked(headers: HeadersIn | None) -> list[tuple[str, str]]:
    """The headers that a view adds, refused if they can't be sent.

    Args:
        headers: A mapping or pairs.

    Raises:
        ValueError: A line break in one, or one that belongs to the server.
    """
    if not headers:
        return []
    pairs = Headers(headers).to_wsgi_list()
    for name, _ in pairs:
        lower = name.lower()
        if lower in _RESERVED or lower.startswith("sec-websocket-"):
            raise ValueError(
                f"The header {name!r} is the server's. For a subprotocol,"
                " write accept(subprotocol=...)."
            )
    return pairs


def as_bytes(pairs: t.Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them: bytes, the names in lower case.

    Args:
        pairs: Names and values.
    """
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
