"""An open file as the body of a response."""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISREG

#: Request headers that make the answer depend on more than the file.
CONDITIONS = frozenset(
    (
        "range",
        "if-range",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
    )
)

#: Bytes per chunk: larger blocks cost a server more memory, and gain nothing.
BLOCK = 65_536

#: A FIFO must not make open() wait until somebody writes to it.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_regular(path: str) -> tuple[int, os.stat_result] | None:
    """Open a regular file; size and time are those of what was opened.

    Args:
        path: The file's path.

    Returns:
        The descriptor and the file's state, or None if it is a directory, a
        FIFO or another file that is not regular.

    Raises:
        OSError: It cannot be opened.
        ValueError: The path has a NUL in it.
    """
    descriptor = os.open(path, _FLAGS)
    status = os.fstat(descriptor)
    if S_ISREG(status.st_mode):
        return descriptor, status
    os.close(descriptor)
    return None


class FileBody:
    """A file's content, never more than it had when it was opened.

    Args:
        descriptor: The open file; it is closed with the body.
        size: How many bytes to send.
        path: Its absolute path, for a server that reads files itself.
    """

    __slots__ = ("_descriptor", "_left", "_size", "path")

    def __init__(self, descriptor: int, size: int, path: str | None = None) -> None:
        self._descriptor = descriptor
        self._size = size
        self._left = size
        self.path = path

    def __iter__(self) -> FileBody:
        return self

    def __next__(self) -> bytes:
        left = self._left
        if not left or self._descriptor < 0:
            raise StopIteration
        block = os.read(self._descriptor, left if left < BLOCK else BLOCK)
        if not block:
            # The file was cut off meanwhile. The server sees that the length
            # it announced was not reached, and closes the connection.
            self._left = 0
            raise StopIteration
        self._left = left - len(block)
        return block

    def seekable(self) -> bool:
        """Tell that a range can be served without reading what stands before it."""
        return True

    def seek(self, position: int) -> None:
        """Go on from a position, counted in bytes from the file's begin."""
        os.lseek(self._descriptor, position, os.SEEK_SET)
        self._left = max(self._size - position, 0)

    def tell(self) -> int:
        """The position of the next byte."""
        return self._size - self._left

    def place(self) -> tuple[int, int, int]:
        """The descriptor, the position of the next byte, and how many are left."""
        return self._descriptor, self._size - self._left, self._left

    def release(self) -> int:
        """Give the descriptor away: the caller closes it."""
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            self.close()


class WholeBody:
    """A small file's content, read at once so that the file can be closed.

    It is no list, as little as an open file is: code that looks at a response
    shall treat both alike.

    Args:
        data: The content.
    """

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._data,) if self._data else ())

    def close(self) -> None:
        """Do nothing; every body that stands for a file can be closed."""


def read_whole(descriptor: int, size: int) -> WholeBody | None:
    """Read a small file, and close it.

    Args:
        descriptor: The open file.
        size: Its size in bytes.

    Returns:
        The body, or None if it could not be read at once; then the file is
        still open, at its begin.
    """
    data = os.read(descriptor, size)
    if len(data) != size:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return None
    os.close(descriptor)
    return WholeBody(data)
