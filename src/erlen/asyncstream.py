"""An asynchronous iterator that keeps a request's context."""

from __future__ import annotations

import typing as t

from .state import reset_current, set_current

if t.TYPE_CHECKING:
    from .ctx import Context


class AsyncContextStream:
    """Runs an asynchronous iterator inside a context, chunk by chunk.

    What ``stream_with_context`` makes of one. The context is current only while a
    chunk is made.

    Args:
        source: An asynchronous iterable.
        ctx: The context, which is held until the end.
    """

    __slots__ = ("_source", "_ctx")

    def __init__(self, source: t.AsyncIterable[t.Any], ctx: Context) -> None:
        self._source = source.__aiter__()
        self._ctx: Context | None = ctx
        ctx.hold()

    def __aiter__(self) -> AsyncContextStream:
        return self

    async def __anext__(self) -> t.Any:
        ctx = self._ctx
        if ctx is None:
            raise StopAsyncIteration
        ended = True
        token = set_current(ctx)
        try:
            item = await self._source.__anext__()
            ended = False
            return item
        except Exception as error:
            if not isinstance(error, StopAsyncIteration):
                ctx._error = error
            raise
        finally:
            reset_current(token)
            if ended:
                self._release()

    async def aclose(self) -> None:
        """Close the iterator inside the context and let the context go."""
        ctx = self._ctx
        if ctx is None:
            return
        token = set_current(ctx)
        try:
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()
        finally:
            reset_current(token)
            self._release()

    def _release(self) -> None:
        ctx, self._ctx = self._ctx, None
        if ctx is not None:
            ctx.release()

    def __del__(self) -> None:
        # A stream that was never handed to a server.
        if getattr(self, "_ctx", None) is not None:
            self._release()
