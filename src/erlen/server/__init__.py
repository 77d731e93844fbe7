"""The drivers: what a server calls. Only they touch environ, scope and sockets."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator

from ..http import streams


def _iterate(chunks: AsyncIterable[str | bytes]) -> Iterator[str | bytes]:
    # asyncio is loaded with the first stream that needs it.
    from .threads.bridge import iterate

    return iterate(chunks)


streams.iterate_async = _iterate
