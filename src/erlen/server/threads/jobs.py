"""What is done in threads for event loops, and how the results come home."""

from __future__ import annotations

import contextvars
import os
import threading
import typing as t
from collections import deque

if t.TYPE_CHECKING:
    import asyncio

_missing: t.Any = object()


class _Here(threading.local):
    """What the thread that asks is doing."""

    #: The loop that serves the request whose sync code runs here.
    loop: asyncio.AbstractEventLoop | None = None
    #: Takes the thread out of the count while a stream keeps it.
    worker: t.Any = None


here = _Here()


def carry_back(context: contextvars.Context) -> None:
    """Set in the current context what was set in a copy of it.

    Args:
        context: The copy.
    """
    for variable, value in context.items():
        if variable.get(_missing) is not value:
            variable.set(value)


async def settle(rv: t.Any) -> t.Any:
    """What a view, hook or handler returned, with its text awaited if it is not there yet.

    Args:
        rv: What was returned; see :mod:`erlen.latetext`.
    """
    if type(rv) is tuple and rv:
        late = getattr(rv[0], "_erlen_late", None)
        return rv if late is None else (await late(), *rv[1:])
    late = getattr(rv, "_erlen_late", None)
    return rv if late is None else await late()


class Mailbox:
    """Brings results from threads to one event loop.

    Args:
        loop: The loop.
    """

    __slots__ = ("loop", "_post", "_done", "_waking")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._post = loop.call_soon_threadsafe
        self._done: deque[t.Callable[[], t.Any]] = deque()
        self._waking = False

    def post(self, call: t.Callable[[], t.Any]) -> None:
        """Call something on the loop, soon.

        Args:
            call: A function that does not fail.
        """
        self._done.append(call)
        if not self._waking:
            self._waking = True
            try:
                self._post(self._empty)
            except RuntimeError:
                # The loop has been closed: nobody waits any more.
                self._done.clear()

    def _empty(self) -> None:
        # First: what is posted from here on may come too late for this round.
        self._waking = False
        done = self._done
        while done:
            done.popleft()()


class Work(t.Protocol):
    """What a thread runs."""

    mailbox: Mailbox

    def run(self) -> None:
        """Do it, and send word to the loop; does not fail."""


class Job:
    """One call, made in a thread for a coroutine that waits for it.

    Args:
        call: What to call.
        context: The copy of the caller's context to call it in.
        mailbox: Of the caller's loop.
    """

    __slots__ = ("call", "context", "future", "mailbox", "result", "error")

    def __init__(
        self, call: t.Callable[[], t.Any], context: contextvars.Context, mailbox: Mailbox
    ) -> None:
        self.call: t.Callable[[], t.Any] | None = call
        self.context = context
        self.mailbox = mailbox
        self.future: asyncio.Future[None] = mailbox.loop.create_future()
        self.result: t.Any = None
        # Not in the future: it would keep the error, whose frames keep it.
        self.error: BaseException | None = None

    def run(self) -> None:
        """Make the call and send word to the loop."""
        try:
            self.result = self.context.run(self._take_call())
        except BaseException as error:
            self.error = error
        self.mailbox.post(self._wake)

    def _take_call(self) -> t.Any:
        # Its arguments may be an error, whose frames must not keep it.
        call, self.call = self.call, None
        return call

    def _wake(self) -> None:
        if self.future.done():
            # Whoever waited was cancelled.
            self.result = self.error = None
        else:
            self.future.set_result(None)

    def take(self) -> t.Any:
        """What the call returned; raises what it raised."""
        error, self.error = self.error, None
        if error is None:
            return self.result
        try:
            raise error
        finally:
            del error


_mailboxes: dict[int, Mailbox] = {}

if hasattr(os, "register_at_fork"):
    # The loop of a parent process does not run here.
    os.register_at_fork(after_in_child=_mailboxes.clear)


def mailbox_of(loop: asyncio.AbstractEventLoop) -> Mailbox:
    """The mailbox of a loop, made at first need.

    Args:
        loop: The loop.
    """
    mailbox = _mailboxes.get(id(loop))
    if mailbox is None or mailbox.loop is not loop:
        for key in [key for key, other in _mailboxes.items() if other.loop.is_closed()]:
            del _mailboxes[key]
        mailbox = _mailboxes[id(loop)] = Mailbox(loop)
    return mailbox
