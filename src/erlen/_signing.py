"""Signed text in the format of itsdangerous, for one fixed choice of its options.

The choice is that of session cookies: a timed, URL-safe serializer with HMAC as
the key derivation and SHA-1 as the digest. Whatever is written here is what
``URLSafeTimedSerializer`` writes; what isn't recognised here is not necessarily
bad, so that the caller asks itsdangerous before refusing it.
"""

from __future__ import annotations

import hashlib
import time
import typing as t
import zlib
from binascii import a2b_base64, b2a_base64
from functools import cache
from hmac import compare_digest
from math import log2

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"===", b"==", b"=")

#: Base64 of four bytes: every timestamp between 1970 and 2106.
_STAMP_LENGTH = 6


def encode64(data: bytes) -> bytes:
    """URL-safe Base64 without padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL, b"=")


def decode64(text: bytes) -> bytes:
    """The bytes behind URL-safe Base64 without padding.

    Raises:
        ValueError: the length is impossible.
    """
    return a2b_base64(text.translate(_FROM_URL) + _PADDING[len(text) % 4])


class UnknownSignatureError(Exception):
    """The text isn't signed with one of the keys, in the form that is written here."""


class Hmac:
    """HMAC-SHA-1 under one key, whose two key blocks are hashed once only.

    Args:
        key: at most 64 bytes are used as they are, longer keys are hashed.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) > 64:
            key = hashlib.sha1(key).digest()
        key = key.ljust(64, b"\0")
        self._inner = hashlib.sha1(bytes(byte ^ 0x36 for byte in key)).copy
        self._outer = hashlib.sha1(bytes(byte ^ 0x5C for byte in key)).copy

    def digest(self, message: bytes) -> bytes:
        """The 20 bytes for a message (RFC 2104)."""
        inner = self._inner()
        inner.update(message)
        outer = self._outer()
        outer.update(inner.digest())
        return outer.digest()


class TimedSigner:
    """Signs bytes together with the time, and reads them back.

    Args:
        keys: secrets, oldest first; the last one signs, all of them verify.
        salt: separates this use of the secrets from others.

    Raises:
        ValueError: the system's OpenSSL has no SHA-1.
    """

    __slots__ = ("_others", "_signer", "_stamp")

    def __init__(self, keys: t.Sequence[bytes], salt: bytes) -> None:
        signers = [Hmac(Hmac(key).digest(salt)) for key in reversed(keys)]
        self._signer, *self._others = signers
        self._stamp = (-1, b"")

    def sign(self, payload: bytes) -> bytes:
        """The payload, the current second and the signature, joined by dots."""
        now = int(time.time())
        second, stamp = self._stamp
        if now != second:
            stamp = b"." + encode64(now.to_bytes(8, "big").lstrip(b"\0"))
            self._stamp = now, stamp
        signed = payload + stamp
        return signed + b"." + encode64(self._signer.digest(signed))

    def unsign(self, text: bytes, max_age: int) -> bytes | None:
        """The payload of a signed text.

        Args:
            text: what `sign` returned.
            max_age: how old it may be, in seconds.

        Returns:
            The payload; None if it is too old, or from the future.

        Raises:
            UnknownSignatureError: ask itsdangerous.
        """
        signed, _, signature = text.rpartition(b".")
        if not compare_digest(encode64(self._signer.digest(signed)), signature):
            self._verify_by_others(signed, signature)
        payload, dot, stamp = signed.rpartition(b".")
        if not dot or len(stamp) != _STAMP_LENGTH:
            raise UnknownSignatureError
        then = a2b_base64(stamp.translate(_FROM_URL) + b"==")
        age = int(time.time()) - int.from_bytes(then, "big")
        return payload if 0 <= age <= max_age else None

    def _verify_by_others(self, signed: bytes, signature: bytes) -> None:
        for signer in self._others:
            if compare_digest(encode64(signer.digest(signed)), signature):
                return
        raise UnknownSignatureError


def pack(data: bytes) -> bytes:
    """ASCII text as a URL-safe payload, compressed (with a dot in front) if that pays."""
    smaller = _compressed(data)
    return encode64(data) if smaller is None else b"." + encode64(smaller)


def unpack(payload: bytes) -> bytes:
    """The reverse of `pack`.

    Raises:
        ValueError: it isn't Base64.
        zlib.error: it has the dot and isn't compressed.
    """
    if payload[:1] == b".":
        return zlib.decompress(decode64(payload[1:]))
    return decode64(payload)


#: Up to what length which window and memory level give the same stream as zlib's
#: defaults, in less time: a deflater looks back 262 bytes less than its window, and
#: starts a new block at 64 times ``2 ** level`` symbols. The hash table has
#: ``2 ** (level + 7)`` entries, so that a short one costs some more comparisons.
_SMALL_ENOUGH = ((120, 9, 1), (3_800, 12, 8))

#: The first two bytes that zlib writes at its defaults: window of 32 KiB, level 6.
_ZLIB_HEADER = b"\x78\x9c"


def _compressed(data: bytes) -> bytes | None:
    """What ``zlib.compress`` makes of ASCII text, None if that isn't worth it.

    itsdangerous compresses every time and keeps the result if it is shorter by
    two bytes. Setting up zlib's 256 KiB can cost more than all the rest of a
    session, so that it is left out where the outcome is known.
    """
    size = len(data)
    if size <= _never_smaller(len(set(data))):
        return None
    for limit, window, memory in _SMALL_ENOUGH:
        if size <= limit:
            deflater = zlib.compressobj(-1, zlib.DEFLATED, window, memory)
            result = _ZLIB_HEADER + (deflater.compress(data) + deflater.flush())[2:]
            break
    else:
        result = zlib.compress(data)
    return result if len(result) < size - 1 else None


@cache
def _never_smaller(distinct: int) -> int:
    """Up to what length ASCII text of that many different characters can't shrink.

    A lower bound for any deflate stream (RFC 1951). Each character occurs once
    as a literal; the rest, if there is any, costs at least one match.

    With fixed codes: 3 bits of header, 8 a literal, 7 for the end, 7 + 5 for the
    match. With dynamic codes: 17 bits of header, 8 + 8 for the runs of zeros
    below and above ASCII's printable part, half a bit for each code length that
    is sent; and for the symbols themselves, as code lengths obey Kraft's
    inequality, ``n * log2(n)`` bits, or ``n * l`` if none is shorter than l,
    which is what a short alphabet of code lengths would need.
    """
    fixed = 3 + 8 * distinct + 7 + 12
    symbols = distinct + 1
    lengths = ((1, 36), (5, 30), (6, 24), (7, 18), (8, 15))
    dynamic = min(
        17 + 16 + symbols / 2 + alphabet + symbols * max(shortest, log2(symbols))
        for shortest, alphabet in lengths
    )
    # 2 bytes of zlib's header, 4 of its checksum, and the margin of one.
    return 7 + -int(-min(fixed, dynamic) // 8)
