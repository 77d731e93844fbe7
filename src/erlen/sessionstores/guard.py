"""Failing fast: a store that does not answer is left alone for a moment."""

from __future__ import annotations

import logging
import typing as t
from time import monotonic

from .errors import StoreUnavailable
from .store import Store

logger = logging.getLogger("erlen.sessions")

#: Seconds for which nobody asks a store that has just failed; then one asks.
PAUSE = 1.0


class Guard:
    """Calls the methods of a store, and says that it is unavailable while it is.

    Without this, every thread would come to wait for the same silent server.

    Args:
        store: The store.
    """

    __slots__ = ("store", "_failures", "_until")

    def __init__(self, store: Store) -> None:
        self.store = store
        self._failures = store.failures
        self._until = 0.0

    def __call__(self, method: t.Callable[..., t.Any], *args: t.Any) -> t.Any:
        """Call a method.

        Args:
            method: A method of the store.
            args: Its arguments.

        Raises:
            StoreUnavailable: It does not answer, or did not a moment ago.
        """
        if self._until:
            now = monotonic()
            if now < self._until:
                raise StoreUnavailable(self.store.name, "it did not a moment ago")
            # This one tries; the others go on failing until it knows.
            self._until = now + PAUSE
        try:
            rv = method(*args)
        except self._failures as error:
            if not self._until:
                logger.warning("The session store (%s) is gone: %s", self.store.name, error)
            self._until = monotonic() + PAUSE
            raise StoreUnavailable(self.store.name, str(error)) from error
        if self._until:
            self._until = 0.0
            logger.warning("The session store (%s) is back.", self.store.name)
        return rv
