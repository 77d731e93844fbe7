"""What a store of sessions does, for :class:`erlen.sessionstores.keeper.Keeper`."""

from __future__ import annotations

import typing as t
from abc import ABC, abstractmethod

#: What came of a write: it was made; somebody else has written; there is no such session.
DONE, CHANGED, GONE = range(3)


class Record(t.NamedTuple):
    """A session as it was read: bytes, and what the store needs to replace them."""

    raw: bytes
    token: t.Any = None


class Store(ABC):
    """Keeps bytes under keys for a time, and replaces them only if nobody else has.

    Keys and owners are hexadecimal digests: what is kept shows neither a session's id nor
    whose it is. The first `codec.HEADER` bytes of what is written are different with each
    write. All methods block, each for a bounded time; they are called from any thread.
    """

    #: For messages.
    name = "store"
    #: What the methods raise when the store can't be reached.
    failures: tuple[type[BaseException], ...] = (OSError,)

    @abstractmethod
    def read(self, key: str) -> Record | None:
        """What is kept under a key; None if nothing is, or not any more.

        Args:
            key: The key.
        """

    @abstractmethod
    def create(self, key: str, raw: bytes, life: float, owner: str | None) -> None:
        """Keep a new session.

        Args:
            key: A key that nobody uses.
            raw: The bytes.
            life: Seconds to keep them.
            owner: Whose it is, for :meth:`end_all`.
        """

    @abstractmethod
    def replace(self, key: str, record: Record, raw: bytes, life: float, owner: str | None) -> int:
        """Replace a session if it still is as it was read, in one step.

        Args:
            key: The key.
            record: As it was read.
            raw: The bytes.
            life: Seconds to keep them from now on.
            owner: Whose it is.

        Returns:
            `DONE`, also if the same write was made before; `CHANGED`; or `GONE`.
        """

    @abstractmethod
    def move(
        self, key: str, record: Record, new_key: str, raw: bytes, life: float, owner: str | None
    ) -> int:
        """As :meth:`replace`, under another key; nothing is left under the old one.

        Args:
            key: The key.
            record: As it was read.
            new_key: A key that nobody uses.
            raw: The bytes.
            life: Seconds to keep them from now on.
            owner: Whose it is now.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """End a session, if it is there.

        Args:
            key: The key.
        """

    @abstractmethod
    def end_all(self, owner: str, keep: str | None) -> None:
        """End all sessions of an owner.

        Args:
            owner: Whose.
            keep: Key of one that stays.
        """

    def close(self) -> None:  # noqa: B027 - not every store has something to close
        """Let go of connections."""
