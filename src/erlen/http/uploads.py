"""Where the content of an uploaded file is kept."""

from __future__ import annotations

import errno
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


class Upload(Base):
    """A spooled temporary file that may start with content it doesn't copy.

    Args:
        content: the first bytes, kept in memory whatever their number.
        in_memory: bytes after which a write moves everything to the disk.
    """

    def __init__(self, content: bytes = b"", in_memory: int = 262_144) -> None:
        super().__init__(max_size=max(in_memory, 1), mode="w+b")
        if len(content) > in_memory or not hasattr(self, "_file"):
            self.write(content)
        else:
            # BytesIO shares the bytes that it is made of until it is written to.
            self._file: t.Any = BytesIO(content)
            self._file.seek(0, 2)

    def write(self, data: ReadableBuffer) -> int:
        """Append content.

        Raises:
            RequestEntityTooLarge: there is no descriptor or no space left for it.
        """
        try:
            return super().write(data)
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise RequestEntityTooLarge() from error
            raise

    def __del__(self) -> None:
        # The request owns it; a view that keeps none of its files need not close them.
        self.close()
