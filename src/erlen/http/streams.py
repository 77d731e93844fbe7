"""Bodies that are made while they are sent."""

from __future__ import annotations

import sys
import typing as t
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, starmap

#: Makes an iterator of an asynchronous iterable; the room of the drivers puts it here.
iterate_async: t.Callable[[t.Any], Iterator[t.Any]] = iter


def encoded(chunks: Iterable[str | bytes]) -> Iterator[bytes]:
    """Encode the strings among the chunks as UTF-8, one chunk at a time.

    A Python frame per chunk would double the cost of a stream, so runs of one
    type go through C iterators. Nothing is read ahead: a run ends when a chunk
    of another type was asked for, and that chunk is handed on at once.

    Args:
        chunks: Strings and bytes, in any order.

    Returns:
        An iterator over the chunks as bytes.
    """
    return chain.from_iterable(starmap(_encoded_run, groupby(chunks, type)))


def _encoded_run(kind: type[t.Any], run: Iterator[t.Any]) -> Iterator[bytes]:
    return map(kind.encode, run) if issubclass(kind, str) else run


class Stream:
    """What a server gets for a streamed body: an iterator that closes once.

    Args:
        chunks: The body.
        close: What to call when the server is done, also when it broke off.
    """

    __slots__ = ("chunks", "_bridge", "_close", "_iterator", "on_failure")

    def __init__(self, chunks: Iterable[str | bytes], close: t.Callable[[], t.Any]) -> None:
        #: The body as it was given.
        self.chunks = chunks
        self._close: t.Callable[[], t.Any] | None = close
        self._iterator: Iterator[bytes] | None = None
        # What iterates an asynchronous body.
        self._bridge: t.Any = None
        #: Called with its second item and the error, if one broke the body off.
        self.on_failure: tuple[t.Callable[[t.Any, BaseException], t.Any], t.Any] | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Begin the body; the iterator returned has no Python code in its way."""
        iterator = self._iterator
        if iterator is None:
            chunks = self.chunks
            # One that can be iterated either way knows best how to without a loop.
            if hasattr(chunks, "__aiter__") and not hasattr(chunks, "__iter__"):
                chunks = self._bridge = iterate_async(chunks)
            iterator = self._iterator = encoded(chunks)
        return iterator

    def __next__(self) -> bytes:
        return next(self.__iter__())

    def close(self) -> None:
        """End the body; a second call does nothing."""
        close, self._close = self._close, None
        if close is None:
            return
        if self.on_failure is not None:
            # Servers close in a ``finally``: what broke the body off is still being handled.
            error = sys.exception()
            if error is not None:
                function, argument = self.on_failure
                function(argument, error)
        try:
            if self._bridge is not None:
                self._bridge.close()
        finally:
            close()
