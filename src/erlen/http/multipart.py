"""``multipart/form-data`` (RFC 7578, RFC 2046 5.1) into fields and files.

The parser is fed pieces of the body in any sizes; the result depends only on
their concatenation. It looks for the delimiter with ``bytes.find`` and hands
out the content between two delimiters in slices, so that a body which arrives
whole is copied once. Where the format is bent it reads what Werkzeug's parser
reads: lone CR or LF as line ends, a first delimiter in the middle of a line,
folded header lines, any parameters of ``Content-Disposition``. What Werkzeug
answers with an empty form, losing what was sent, is a 400 here, and so is a
part that names itself twice.
"""

from __future__ import annotations

import re
import typing as t

from werkzeug.datastructures import FileStorage, Headers
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.http import parse_options_header

from .uploads import Upload

#: RFC 2046 allows 70 characters. Some clients send more; 256 is far from any.
MAX_BOUNDARY = 256
#: Header lines of a part and their bytes: three lines are the usual number.
MAX_HEADER_LINES = 32
MAX_HEADER_BYTES = 8192
#: Look-alikes of the delimiter in one piece after which a regular expression
#: takes over: it is slower to find nothing, but quicker to find too much.
MAX_LOOKALIKES = 8

# White space between a delimiter and its line end. No client sends any; that
# it is bounded makes the decision the same however the body is split.
_PADDING = rb"[ \t\v\f]{0,256}"
# What follows the dashes and the boundary: the closing dashes, not enough of
# it to tell, or the line end that makes it a delimiter.
_AFTER = re.compile(
    rb"(?P<close>--)|(?P<more>-\Z|" + _PADDING + rb"\r?\Z)|" + _PADDING + rb"(?:\r\n|\n|\r)"
)
_BLANK_LINE = re.compile(rb"\r\n\r\n|\r\r\n?|\n\n")
_FOLDED = re.compile(rb"(?:\r\n|\n|\r)[ \t]")
# The disposition that browsers and HTTP libraries send; others go the long way.
_PLAIN = re.compile(r'form-data; name="([^"\\]*)"(?:; filename="([^"\\]*)")?')
_QUOTED = re.compile(r'"(?:\\[\\"]|[^"])*+"')
_NAMING = re.compile(r";[ \t]*((?:file)?name\*?)=", re.IGNORECASE)
# The charsets that Werkzeug decodes; any other is read as UTF-8 (RFC 7578 5.1.2).
_CHARSETS = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})

# Haystacks of 30,000 bytes and more are searched with tables (CPython 3.10 to 3.14).
_WINDOW = 29_999

PREAMBLE, HEAD, CONTENT, EPILOGUE = range(4)
ABSENT, UNDECIDED, PART, CLOSE = range(4)
_KINDS = {None: PART, "more": UNDECIDED, "close": CLOSE}


def malformed(why: str) -> BadRequest:
    """A 400 that says what is wrong with the body."""
    return BadRequest(f"The multipart body is malformed: {why}.")


def boundary_bytes(boundary: str | None) -> bytes:
    """Check the ``boundary`` parameter of the content type.

    Args:
        boundary: its value, ``None`` if it is missing.

    Raises:
        BadRequest: it is missing, empty, not ASCII, or over 256 characters.
    """
    if not boundary:
        raise malformed("the content type has no boundary")
    if len(boundary) > MAX_BOUNDARY or not boundary.isascii():
        raise malformed("the boundary is not one")
    return boundary.encode("ascii")


class MultipartParser:
    """Turns the bytes of one multipart body into fields and files.

    Args:
        boundary: the content type's parameter, 1 to 256 ASCII bytes.
        max_field: most bytes of a part without a file name; ``None``: no limit.
        max_parts: most parts of any kind; ``None``: no limit.
        in_memory: bytes of a file that are kept in memory before the rest of
            it goes to a temporary file.
    """

    def __init__(
        self,
        boundary: bytes,
        max_field: int | None = None,
        max_parts: int | None = None,
        in_memory: int = 262_144,
    ) -> None:
        self.fields: list[tuple[t.Any, str]] = []
        self.files: list[tuple[t.Any, FileStorage]] = []
        self._needle = b"--" + boundary
        self._lean = _is_lean(self._needle)
        self._max_field = max_field
        self._max_parts = max_parts
        self._in_memory = in_memory
        self._state = PREAMBLE
        self._tail = b""  # what is not yet decided, with the two bytes before it
        self._position = 0  # first byte of the tail that is not yet handed out
        self._count = 0
        self._part: _Part | None = None

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            RequestEntityTooLarge: a field or the number of parts is over its limit.
            BadRequest: the body is malformed.
        """
        position = self._position
        if self._tail:
            data = self._tail + data
        while self._state != EPILOGUE:
            if self._state == CONTENT:
                position, ready = self._read_content(data, position)
            elif self._state == HEAD:
                position, ready = self._read_head(data, position)
            else:
                position, ready = self._read_preamble(data, position)
            if not ready:
                keep = max(0, position - 2)
                self._tail = data[keep:]
                self._position = position - keep
                return
        self._tail = b""
        self._position = 0

    def finish(self) -> None:
        """Tell that the body has ended.

        Raises:
            BadRequest: it ended before the closing delimiter.
        """
        if self._state != EPILOGUE and (self._state != PREAMBLE or self._tail):
            raise malformed("it ends before the closing boundary")

    def discard(self) -> None:
        """Close the files made so far, of a body that was refused."""
        part = self._part
        if part is not None and part.upload is not None:
            part.upload.close()
        for _, file in self.files:
            file.close()

    # -- the three states: each returns where it got to and whether it is done

    def _read_preamble(self, data: bytes, position: int) -> tuple[int, bool]:
        found, start, end = self._find_delimiter(data, position, line_start=False)
        if found < PART:
            return start, False
        self._state = EPILOGUE if found == CLOSE else HEAD
        return end, True

    def _read_head(self, data: bytes, position: int) -> tuple[int, bool]:
        limit = position + MAX_HEADER_BYTES + 4
        end = data.find(b"\r\n\r\n", position, limit)
        blank = 4
        head = data[position:end]
        # The first CR may be the second of two, which come earlier.
        if end < 0 or b"\n\n" in head or b"\r\r" in data[position : end + 1]:
            match = _BLANK_LINE.search(data, position, limit)
            if match is not None and match.end() == len(data) and match[0] == b"\r\r":
                return position, False  # a LF may follow that belongs to it
            if match is None:
                if len(data) >= limit:
                    raise malformed("the header of a part is too long")
                return position, False
            end = match.start()
            blank = match.end() - end
            head = data[position:end]
        self._open_part(head)
        self._state = CONTENT
        return end + blank, True

    def _read_content(self, data: bytes, position: int) -> tuple[int, bool]:
        part = t.cast("_Part", self._part)
        found, start, end = self._find_delimiter(data, position, line_start=True)
        if found < PART:
            start = max(position, start - 2)  # the line end before a delimiter to come
            if start > position:
                self._add(part, data[position:start])
            return start, False
        start -= 2 if data[start - 2 : start] == b"\r\n" else 1
        # An empty part: the blank line's end is also the delimiter's line start.
        self._close(part, data, position, max(position, start))
        self._state = EPILOGUE if found == CLOSE else HEAD
        return end, True

    def _find_delimiter(self, data: bytes, position: int, line_start: bool) -> tuple[int, int, int]:
        """Where the next delimiter starts and ends, and of which kind it is.

        For ``ABSENT`` and ``UNDECIDED`` the start is the first byte that may
        still turn out to belong to one.
        """
        needle = self._needle
        size = len(needle)
        seen = 0
        find = _find_in_windows if self._lean else bytes.find
        start = find(data, needle, position)
        while start >= 0:
            if not line_start or data[start - 1] in b"\r\n":
                match = _AFTER.match(data, start + size)
                if match is not None:
                    return _KINDS[match.lastgroup], start, match.end()
            seen += 1
            if seen < MAX_LOOKALIKES:
                start = find(data, needle, start + 1)
            else:
                again = self._pattern(line_start).search(data, start + 1)
                start = again.start() if again else -1
        return ABSENT, max(position, len(data) - size + 1), 0

    def _pattern(self, line_start: bool) -> re.Pattern[bytes]:
        needle = re.escape(self._needle)
        before = rb"(?<=[\r\n]" + needle + rb")" if line_start else b""
        # The literal comes first, so that the search skips to it.
        return re.compile(needle + before + rb"(?=--|-\Z|" + _PADDING + rb"(?:[\r\n]|\Z))")

    # -- parts

    def _open_part(self, head: bytes) -> None:
        self._count += 1
        self._part = part = _Part(*_read_head(head))
        if self._max_parts is not None and self._count > self._max_parts:
            raise RequestEntityTooLarge()
        part.limit = self._max_field if part.filename is None else None

    def _add(self, part: _Part, content: bytes) -> None:
        if part.filename is None:
            part.size += len(content)
            if part.limit is not None and part.size > part.limit:
                raise RequestEntityTooLarge()
            part.pieces.append(content)
        else:
            if part.upload is None:
                part.upload = Upload(in_memory=self._in_memory)
            part.upload.write(content)

    def _close(self, part: _Part, data: bytes, start: int, end: int) -> None:
        self._part = None
        if part.filename is None:
            self._add(part, data[start:end])
            value = b"".join(part.pieces).decode(part.charset, "replace")
            self.fields.append((part.name, value))
            return
        if part.upload is None:
            part.upload = Upload(in_memory=self._in_memory)
            if end - start <= self._in_memory:
                part.upload.show(data, start, end)
            else:
                part.upload.write(data[start:end])
        elif start < end:
            part.upload.write(data[start:end])
        part.upload.seek(0)
        file = FileStorage(
            t.cast("t.IO[bytes]", part.upload),
            part.filename,
            part.name,
            headers=Headers(part.headers),
        )
        self.files.append((part.name, file))


def _is_lean(needle: bytes) -> bool:
    """Whether CPython's search for short haystacks is linear for this needle.

    That search is the faster one, but where the last byte of the needle matches
    it compares all others and moves on to the needle's previous byte of that
    value: a boundary made for it, such as dashes only, would cost its length.
    """
    size = len(needle)
    gap = size - 1 - needle.rfind(needle[-1:], 0, size - 1)
    return size < 100 and gap * 8 >= size


def _find_in_windows(data: bytes, needle: bytes, start: int) -> int:
    """``data.find(needle, start)``, below the size at which CPython changes its algorithm."""
    step = _WINDOW - len(needle) + 1
    for begin in range(start, len(data), step):
        found = data.find(needle, begin, begin + _WINDOW)
        if found >= 0:
            return found
    return -1


class _Part:
    """One part: what its header said, and its content so far."""

    __slots__ = (
        "charset", "filename", "headers", "limit", "name", "pieces", "size", "upload",
    )  # fmt: skip

    def __init__(
        self,
        name: str | None,
        filename: str | None,
        headers: list[tuple[str, str]],
        charset: str,
    ) -> None:
        self.name = name
        self.filename = filename
        self.headers = headers
        self.charset = charset
        self.pieces: list[bytes] = []
        self.size = 0
        self.limit: int | None = None
        self.upload: Upload | None = None


def _read_head(head: bytes) -> tuple[str | None, str | None, list[tuple[str, str]], str]:
    """Name, file name, all header lines and the charset of a part."""
    headers = _header_lines(head)
    disposition: str | None = None
    content_type: str | None = None
    for name, value in headers:
        lowered = name.lower()
        # Of a repeated header the first counts, as in Werkzeug's Headers.
        if lowered == "content-disposition" and disposition is None:
            disposition = value
        elif lowered == "content-type" and content_type is None:
            content_type = value
    if disposition is None:
        raise malformed("a part has no Content-Disposition")
    charset = _charset(content_type) if content_type and ";" in content_type else "utf-8"
    plain = _PLAIN.fullmatch(disposition)
    if plain is not None:
        return _unescape(plain[1]), _unescape(plain[2]), headers, charset
    given = [key.lower() for key in _NAMING.findall(_QUOTED.sub("", disposition))]
    if len(given) > len(set(given)):
        # Whoever looked at the body before us may have taken the other one.
        raise malformed("a part has two names")
    options = parse_options_header(disposition)[1]
    return options.get("name"), options.get("filename"), headers, charset


def _charset(content_type: str) -> str:
    given = parse_options_header(content_type)[1].get("charset", "").lower()
    return given if given in _CHARSETS else "utf-8"


def _unescape(value: str | None) -> str | None:
    """Undo the one escape of the HTML standard's form encoding."""
    return value.replace("%22", '"') if value and "%" in value else value


def _header_lines(head: bytes) -> list[tuple[str, str]]:
    if b"\n " in head or b"\n\t" in head or b"\r " in head or b"\r\t" in head:
        head = _FOLDED.sub(b" ", head)
    lines = head.splitlines()
    if len(lines) > MAX_HEADER_LINES:
        raise malformed("a part has too many header lines")
    out = []
    try:
        for raw in lines:
            line = raw.strip(b" \t")
            if line:
                name, _, value = line.decode().partition(":")
                out.append((name.strip(" \t"), value.strip(" \t")))
    except UnicodeDecodeError:
        raise malformed("the header of a part is not UTF-8") from None
    return out
