"""While developing: telling which function kept the event loop from serving others."""

from __future__ import annotations

import inspect
import typing as t
from time import perf_counter

AsyncStep = t.Callable[..., t.Awaitable[t.Any]]

#: Seconds above which a loop without an opinion of its own calls a step slow.
_SLOW = 0.1


class Watched:
    """Drives a coroutine and looks how long each of its steps takes.

    A step is what runs between two moments in which the coroutine waits.

    Args:
        coroutine: The coroutine.
        slow: Told the seconds of a step that took too long.
        limit: Seconds that a step may take.
    """

    __slots__ = ("_coroutine", "_slow", "_limit")

    def __init__(
        self,
        coroutine: t.Coroutine[t.Any, t.Any, t.Any],
        slow: t.Callable[[float], None],
        limit: float,
    ) -> None:
        self._coroutine = coroutine
        self._slow = slow
        self._limit = limit

    def __await__(self) -> t.Generator[t.Any, t.Any, t.Any]:
        step: t.Callable[[], t.Any] = lambda: self._coroutine.send(None)  # noqa: E731
        while True:
            began = perf_counter()
            try:
                waited_for = step()
            except StopIteration as stop:
                return stop.value
            finally:
                took = perf_counter() - began
                if took > self._limit:
                    self._slow(took)
            step = yield from self._pause(waited_for)

    def _pause(self, waited_for: t.Any) -> t.Generator[t.Any, t.Any, t.Callable[[], t.Any]]:
        """Hand on what is waited for; gives the next step."""
        try:
            value = yield waited_for
        except GeneratorExit:
            self._coroutine.close()
            raise
        except BaseException as error:
            thrown = error
            return lambda: self._coroutine.throw(thrown)
        return lambda: self._coroutine.send(value)


def watched(app: t.Any, step: AsyncStep, function: t.Any) -> AsyncStep:
    """A step that is logged by name when it blocks the event loop.

    Args:
        app: The application, for its log.
        step: What to await.
        function: What the user wrote, which the step runs.
    """
    name = getattr(function, "__qualname__", None) or repr(function)
    code = getattr(inspect.unwrap(function), "__code__", None)
    place = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""

    def slow(seconds: float) -> None:
        app.logger.warning(
            f"{name}{place} blocked the event loop for {seconds:.2f} s, and with it every other"
            " request. Await what takes long, or make it a plain function: that runs in a thread."
        )

    async def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        from asyncio import get_running_loop

        limit = getattr(get_running_loop(), "slow_callback_duration", _SLOW)
        try:
            return await Watched(t.cast(t.Any, step(*args, **kwargs)), slow, limit)
        finally:
            del args, kwargs

    return call
