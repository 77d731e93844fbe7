"""Where the content of an uploaded file is kept."""

from __future__ import annotations

import errno
import os
import typing as t
from io import BytesIO
from tempfile import SpooledTemporaryFile

from werkzeug.exceptions import RequestEntityTooLarge

if t.TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    Base = SpooledTemporaryFile[bytes]
else:
    Base = SpooledTemporaryFile

# A descriptor for each large file: the process or the system has no more, or
# the disk is full. Both are the request's size, not a mistake in the program.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT})

#: Contents up to this size are copied; a larger one stays where it is in the
#: body, which then lives as long as the file.
COPIED = 65_536


class Upload(Base):
    """A spooled temporary file that can be a window on the request's body.

    Reading, seeking and telling need no file at all; the first other use puts
    the content into an ordinary one (``_file``, where the base class looks).

    Args:
        content: the first bytes, written to it.
        in_memory: bytes after which a write moves everything to the disk.
    """

    _window: tuple[bytes, int, int] | None = None
    _at = 0

    def __init__(self, content: bytes = b"", in_memory: int = 262_144) -> None:
        super().__init__(max_size=max(in_memory, 1), mode="w+b")
        if content:
            self.write(content)

    def show(self, body: bytes, start: int, end: int) -> None:
        """Take ``body[start:end]`` as the content, however large, without writing."""
        if end - start <= COPIED:
            self._file = BytesIO(body[start:end])
        else:
            self._window = (body, start, end)
            self._at = 0

    @property
    def _file(self) -> t.Any:
        window = self._window
        if window is not None:
            body, start, end = window
            self._window = None
            self._kept = BytesIO(body[start:end])
            self._kept.seek(self._at)
        return self._kept

    @_file.setter
    def _file(self, file: t.Any) -> None:
        self._kept = file

    def read(self, *args: t.Any) -> bytes:
        """Read up to a number of bytes, or all that is left."""
        window = self._window
        if window is None:
            return self._file.read(*args)  # type: ignore[no-any-return]
        body, start, end = window
        size = args[0] if args else None
        at = start + self._at
        stop = end if size is None or size < 0 else min(at + size, end)
        data = body[at:stop]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position and return it."""
        if self._window is None or whence != os.SEEK_SET or offset < 0:
            return self._file.seek(offset, whence)  # type: ignore[no-any-return]
        self._at = offset
        return offset

    def tell(self) -> int:
        """The position."""
        return self._at if self._window is not None else t.cast("int", self._file.tell())

    def write(self, data: ReadableBuffer) -> int:
        """Write at the position.

        Raises:
            RequestEntityTooLarge: there is no descriptor or no space left for it.
        """
        try:
            return super().write(data)
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise RequestEntityTooLarge() from error
            raise

    @property
    def closed(self) -> bool:
        """Whether the content was let go."""
        return self._window is None and bool(self._file.closed)

    def close(self) -> None:
        """Let go of the content."""
        self._window = None
        super().close()

    def __del__(self) -> None:
        # The request owns it; a view that keeps none of its files need not close them.
        self.close()
