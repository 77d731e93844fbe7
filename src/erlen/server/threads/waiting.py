"""Waiting in a thread for what happens on an event loop."""

from __future__ import annotations

import asyncio
import typing as t

from ...http.closecodes import ABNORMAL
from ...http.websocket import WebsocketDisconnect

T = t.TypeVar("T")


def wait(
    loop: asyncio.AbstractEventLoop,
    waited: t.Coroutine[t.Any, t.Any, T],
    timeout: float | None = None,
) -> T:
    """Run a coroutine on an event loop, and wait for it in a thread.

    Args:
        loop: The loop.
        waited: The coroutine.
        timeout: Seconds to wait; None waits for ever.

    Raises:
        TimeoutError: It took longer.
        RuntimeError: Called in an event loop.
        WebsocketDisconnect: The loop has ended.
    """
    if asyncio._get_running_loop() is not None:
        waited.close()
        raise RuntimeError("In a coroutine, use 'await' with the methods of 'websocket'.")
    outcome = _outcome(waited, timeout)
    try:
        done = asyncio.run_coroutine_threadsafe(outcome, loop)
    except RuntimeError:
        # The server has ended.
        outcome.close()
        waited.close()
        raise WebsocketDisconnect(ABNORMAL) from None
    result, error = done.result()
    if error is not None:
        try:
            raise error
        finally:
            # This frame is in the error's traceback: they would keep each other alive.
            del error
    return t.cast(T, result)


async def _outcome(
    waited: t.Coroutine[t.Any, t.Any, T], timeout: float | None
) -> tuple[T | None, BaseException | None]:
    # A CancelledError would not reach the thread as what it is.
    try:
        async with asyncio.timeout(timeout):
            return await waited, None
    except (Exception, WebsocketDisconnect) as error:
        return None, error
