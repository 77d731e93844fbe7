"""What stops a page that has to do with tasks."""

from __future__ import annotations

import contextlib
import typing as t

from werkzeug.exceptions import ServiceUnavailable

#: Seconds after which a client may ask again.
RETRY_AFTER = 5

#: Modules and errors of theirs that mean "not there", by what an address begins with.
_BY_SCHEME = {
    "redis": ("redis.exceptions", ("ConnectionError", "TimeoutError")),
    "sentinel": ("redis.exceptions", ("ConnectionError", "TimeoutError")),
    "db": ("sqlalchemy.exc", ("OperationalError", "InterfaceError")),
    "sqla": ("sqlalchemy.exc", ("OperationalError", "InterfaceError")),
}
_ALWAYS = (
    ("kombu.exceptions", ("OperationalError",)),
    ("amqp.exceptions", ("ConnectionError", "AMQPError")),
    ("celery.exceptions", ("BackendError",)),
)


class QueueUnavailable(ServiceUnavailable):
    """The queue, or the store of its results, can't be reached: 503 with ``Retry-After``.

    Args:
        description: What can't be reached.
    """

    def __init__(self, description: str) -> None:
        super().__init__(description, retry_after=RETRY_AFTER)


def outages(addresses: t.Iterable[str | None]) -> tuple[type[BaseException], ...]:
    """The errors by which libraries say that a server can't be reached.

    Args:
        addresses: Of the broker and of the store of results.
    """
    modules = list(_ALWAYS)
    for address in addresses:
        scheme = (address or "").partition(":")[0].partition("+")[0]
        found = _BY_SCHEME.get("redis" if scheme.startswith("redis") else scheme)
        if found is not None:
            modules.append(found)
    from importlib import import_module

    kinds: set[type[BaseException]] = {OSError}
    for module, names in modules:
        with contextlib.suppress(ImportError):
            found_module = import_module(module)
            kinds.update(getattr(found_module, name) for name in names)
    return tuple(kinds)
