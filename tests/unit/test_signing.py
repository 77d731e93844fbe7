"""What is signed here is what itsdangerous signs, and the other way round."""

from __future__ import annotations

import json
import string
import typing as t
import zlib
from unittest import mock

import itsdangerous
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from itsdangerous.encoding import base64_decode, base64_encode

from erlen import _signing

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300)
SMALL_ALPHABETS = st.sets(st.sampled_from(string.printable[:94]), min_size=1, max_size=8).flatmap(
    lambda chars: st.text(sorted(chars), max_size=200)
)
JSON = st.recursive(
    st.one_of(st.integers(), st.text(max_size=20), st.booleans()),
    lambda items: st.dictionaries(st.text(max_size=8), items, max_size=6),
    max_leaves=20,
).map(lambda value: json.dumps({"value": value}, separators=(",", ":")))
KEYS = st.lists(st.binary(max_size=130), min_size=1, max_size=3)


def reference(keys: list[bytes], salt: bytes = b"salt") -> t.Any:
    return itsdangerous.TimestampSigner(keys, salt=salt, key_derivation="hmac")


@given(st.binary(max_size=50))
def test_base64(data: bytes) -> None:
    text = _signing.encode64(data)
    assert text == base64_encode(data)
    assert _signing.decode64(text) == base64_decode(text) == data


@given(KEYS, st.binary(max_size=20), st.binary(max_size=60), st.integers(0, 2**32 - 1))
def test_same_signature(keys: list[bytes], salt: bytes, payload: bytes, now: int) -> None:
    with mock.patch("time.time", lambda: now + 0.9):
        ours = _signing.TimedSigner(keys, salt)
        theirs = reference(keys, salt)
        signed = ours.sign(payload)
        assert signed == theirs.sign(payload)
        assert theirs.unsign(signed, max_age=0) == payload
        if now >= 2**24:
            assert ours.unsign(signed, 0) == payload


@given(KEYS, st.integers(0, 2))
def test_every_key_verifies(keys: list[bytes], index: int) -> None:
    signed = reference([keys[index % len(keys)]]).sign(b"x")
    assert _signing.TimedSigner(keys, b"salt").unsign(signed, 10) == b"x"


@pytest.mark.parametrize(("age", "valid"), [(0, True), (10, True), (11, False), (-1, False)])
def test_se_11_age(age: int, valid: bool) -> None:
    signer = _signing.TimedSigner([b"key"], b"salt")
    with mock.patch("time.time", lambda: 1_700_000_000 - age):
        signed = signer.sign(b"x")
    with mock.patch("time.time", lambda: 1_700_000_000):
        assert signer.unsign(signed, 10) == (b"x" if valid else None)


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 7))
def test_se_01_a_changed_bit_is_never_accepted(payload: bytes, place: int, bit: int) -> None:
    signer = _signing.TimedSigner([b"key"], b"salt")
    signed = bytearray(signer.sign(payload))
    signed[place % len(signed)] ^= 1 << bit
    with pytest.raises(_signing.UnknownSignatureError):
        signer.unsign(bytes(signed), 10)


@given(st.binary(max_size=100))
@example(b"")
@example(b".")
@example(b"..")
@example(b"." * 1000)
def test_garbage_is_not_accepted(text: bytes) -> None:
    with pytest.raises(_signing.UnknownSignatureError):
        _signing.TimedSigner([b"key"], b"salt").unsign(text, 10)


@given(st.one_of(ASCII, SMALL_ALPHABETS, JSON))
@example("")
@example("a" * 119)
@example("a" * 4000)
@example(json.dumps({"_fresh": True, "_id": "1f8a33b7c9" * 12, "_user_id": "1"}))
@example(",".join(f"{number:x}" for number in range(1500)))
def test_payload(text: str) -> None:
    data = text.encode()
    packed = _signing.pack(data)
    serializer = itsdangerous.URLSafeSerializer("key")
    with mock.patch.object(serializer, "serializer", mock.Mock(dumps=lambda obj: data)):
        assert packed == serializer.dump_payload(None)
    assert _signing.unpack(packed) == data


@given(st.one_of(SMALL_ALPHABETS, ASCII, JSON))
def test_bound_of_compression(text: str) -> None:
    data = text.encode()
    if len(data) <= _signing._never_smaller(len(set(data))):
        for level in (1, 6, 9):
            assert len(zlib.compress(data, level)) >= len(data) - 1


def test_bound_is_of_use() -> None:
    data = b'{"n":12,"user":"ada"}'
    assert len(data) <= _signing._never_smaller(len(set(data)))


@pytest.mark.parametrize("payload", [b".eA", b"a", b".", b"._"])
def test_broken_payload(payload: bytes) -> None:
    with pytest.raises((ValueError, zlib.error)):
        _signing.unpack(payload)
