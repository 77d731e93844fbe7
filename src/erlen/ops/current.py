"""What is known of the request that is under way, for logs and whatever else asks."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
from contextvars import ContextVar

from ..state import get_current

#: Under this key an environ and a scope have the observation of their request.
KEY = "erlen.observed"

_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=+/@-]{0,127}\Z")


class Observation:
    """What the observer of an application notes of one request or websocket.

    Args:
        owner: Who observes.
        kind: ``"http"`` or ``"websocket"``.
        method: The request's method.
        path: Its decoded path, without prefix and query.
        began: When it began, by ``time.perf_counter``.
    """

    __slots__ = (
        *("owner", "kind", "method", "path", "began", "id", "status", "rule", "endpoint"),
        *("error", "client", "carrier", "span", "extra", "_fields", "ended"),
    )

    def __init__(self, owner: t.Any, kind: str, method: str, path: str, began: float) -> None:
        self.owner = owner
        self.kind = kind
        self.method = method
        self.path = path
        self.began = began
        self.id: str | None = None
        #: The code that went out; 0 while there is none.
        self.status = 0
        self.rule: str | None = None
        self.endpoint: str | None = None
        self.error: BaseException | None = None
        self.client: str | None = None
        #: The environ or the scope.
        self.carrier: t.Any = None
        self.span: t.Any = None
        #: Ids of the trace, for logs.
        self.extra: dict[str, t.Any] | None = None
        self.ended = False
        self._fields: dict[str, t.Any] | None = None

    @property
    def fields(self) -> dict[str, t.Any]:
        """What a log record tells of the request; made at its first record."""
        fields = self._fields
        if fields is None:
            fields = {"request_id": self.id, "method": self.method, "path": self.path}
            self._fields = fields = {**fields, **(self.extra or {})}
        return fields


class Named:
    """Stands for a request that was answered elsewhere: only its id is known here.

    Args:
        id: The id.
    """

    __slots__ = ("fields", "id")

    def __init__(self, id: str) -> None:
        self.id: str | None = id
        self.fields: dict[str, t.Any] = {"request_id": id}


_observed: ContextVar[Observation | Named | None] = ContextVar("erlen.observed", default=None)
get_observed = _observed.get
set_observed = _observed.set
reset_observed = _observed.reset


def observation() -> Observation | Named | None:
    """What is known of the request that this code runs for; None if there is none."""
    found = get_observed()
    if found is not None:
        return found
    # In a thread, ``copy_current_request_context`` brings the request, and nothing else.
    ctx = get_current(None)
    if ctx is None or not ctx.has_request:
        return None
    environ = ctx.environ or ctx.request.environ
    scope = environ.get("asgi.scope") or environ
    return t.cast("Observation | None", environ.get(KEY) or scope.get(KEY))


def request_id() -> str | None:
    """The id of the request that this code runs for.

    Also in its background tasks, in threads under ``copy_current_request_context``, and
    in a task of a queue that was begun with :func:`use_request_id`.

    Returns:
        The id; None outside of a request, and where ``REQUEST_ID_HEADER`` is not set.
    """
    found = observation()
    return None if found is None else found.id


@contextlib.contextmanager
def use_request_id(id: str | None) -> t.Iterator[None]:
    """Let :func:`request_id` and log records have an id, for the length of a ``with`` block.

    For work that was handed to another process: the worker of a queue gets the id with
    its task.

    Args:
        id: The id; one that is None or not valid (:func:`is_valid`) is ignored.
    """
    token = set_observed(Named(id) if id is not None and is_valid(id) else None)
    try:
        yield
    finally:
        reset_observed(token)


def is_valid(id: str) -> bool:
    """Whether a text may be the id of a request: up to 128 letters, digits and ``_.:=+/@-``.

    It begins with a letter or a digit. Nothing of it means anything to a terminal, a log
    or a header.

    Args:
        id: The text, e.g. from a header.
    """
    return _VALID.match(id) is not None


def new_id() -> str:
    """A new id: 32 hexadecimal digits, at random."""
    return os.urandom(16).hex()
