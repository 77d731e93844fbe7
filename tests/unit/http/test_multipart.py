"""Multipart bodies: Werkzeug's result for well-formed ones, the same for every split."""

from __future__ import annotations

import io
import os
import random
import resource
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from erlen.http.multipart import MultipartParser, _find_in_windows, _is_lean, boundary_bytes
from erlen.http.uploads import Upload

CD = b"Content-Disposition: form-data; "


def part(head: bytes, content: bytes, boundary: bytes = b"X") -> bytes:
    return b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def outcome(pieces: list[bytes], boundary: bytes = b"X", **limits: Any) -> Any:
    """Fields and files, or the class of the error."""
    parser = MultipartParser(boundary, **limits)
    try:
        for piece in pieces:
            parser.feed(piece)
        parser.finish()
    except HTTPException as error:
        parser.discard()
        return type(error)
    return parser.fields, [
        (name, file.filename, list(file.headers), file.read()) for name, file in parser.files
    ]


def reference(body: bytes, boundary: bytes = b"X") -> Any:
    """What Werkzeug makes of the body when it gets it whole."""
    parser = MultiPartParser(max_form_memory_size=None, buffer_size=len(body) + 1)
    form, files = parser.parse(io.BytesIO(body), boundary, len(body))
    found = []
    for name, file in files.items(multi=True):
        found.append((name, file.filename, list(file.headers), file.read()))
        file.close()
    return list(form.items(multi=True)), found


def grouped(result: Any) -> Any:
    """The result in the order of a multi-dictionary, which keeps the names together."""
    return tuple(
        [item for name in dict.fromkeys(item[0] for item in items)
         for item in items if item[0] == name]
        for items in result
    )  # fmt: skip


DISPOSITIONS = [
    b'name="a"',
    b'name="b"; filename="t.txt"',
    b'name="b"; filename=""',
    b'name="%22q%22"; filename="a%22b.txt"',
    b'name="a\\"b"; filename="c\\\\d"',
    b'name="b"; filename="C:\\dir\\file.txt"',
    b"name=token; filename=tok.bin",
    b"name=\"f\"; filename*=UTF-8''%C3%A9.txt",
    b'name="f"; filename="safe.txt"; filename*=UTF-8\'\'evil.php',  # MP-11
    b'name="f"; filename*0="a."; filename*1="php"',  # MP-14
    'name="é"; filename="ü\u20ac.txt"'.encode(),
    b'name="a;b"; filename="c;d=e.txt"',
    b'filename="unnamed.txt"',
    b'NAME="upper"',
    b"",
]
EXTRA = [
    b"",
    b"\r\nContent-Type: text/plain",
    b"\r\nContent-Type: text/plain; charset=iso-8859-1",
    b"\r\nContent-Type: text/plain; charset=utf-7",  # MP-16
    b"\r\ncontent-type:  image/png \r\nX-Folded: a\r\n b",
    b"\r\nContent-Transfer-Encoding: base64",  # MP-17
    b"\r\nContent-Length: 3",
]
CONTENTS = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"", b"\r\n", b"\r", b"\n", b"--", b"--X", b"\r\n--Xy", b"\n--", b"\xe9"]),
    st.lists(st.sampled_from([b"\r", b"\n", b"-", b"X", b"--X", b" "]), max_size=8).map(b"".join),
)
PARTS = st.lists(
    st.tuples(st.sampled_from(DISPOSITIONS), st.sampled_from(EXTRA), CONTENTS), max_size=4
)


def body_of(parts: list[tuple[bytes, bytes, bytes]], boundary: bytes) -> bytes:
    out = b"".join(
        part(CD + disposition + extra, content, boundary) for disposition, extra, content in parts
    )
    return out + b"--" + boundary + b"--\r\n"


@given(PARTS)
def test_same_as_werkzeug(parts: list[tuple[bytes, bytes, bytes]]) -> None:
    boundary = b"----X7f"
    body = body_of(parts, boundary)
    ours = outcome([body], boundary)
    assert not isinstance(ours, type)
    assert grouped(ours) == reference(body, boundary)


@given(PARTS, st.lists(st.integers(0, 400), max_size=6), st.sampled_from([b"X", b"X-", b"--"]))
def test_every_split_gives_the_same(
    parts: list[tuple[bytes, bytes, bytes]], cuts: list[int], boundary: bytes
) -> None:
    body = b"preamble" + body_of(parts, boundary) + b"epilogue"
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    pieces = [body[a:b] for a, b in zip(edges, edges[1:], strict=False) if a < b]
    assert outcome(pieces, boundary) == outcome([body], boundary)


@pytest.mark.parametrize(
    "body",
    [
        part(CD + b'name="a"', b"1") + part(CD + b'name="b"', b"") + b"--X--\r\n",
        b"junk--X\r\n" + CD + b'name="a"\r\n\r\n\r\n--X--',
        part(CD + b'name="a"', b"\r\n--Xy\r\n--X -\r") + b"--X--",
        b"--X \t\r\n" + CD + b'name="a"\n\nv\n--X\n' + CD + b'name="b"\r\rw\r--X--',
        part(CD + b'name="a"', b"\r\n--X" + b" " * 300 + b"a") + b"--X--",
        part(CD + b'name="a"', b"1") + b"--X-" + b"-",
        part(CD + b'name="a"', b"never closed"),
        b"--X\r\n\r\n\r\n--X--",
        b"--X\r\n" + CD + b'name="a"\n\r\r\n\r\nv\r\n--X--',
    ],
)
def test_two_and_three_way_splits(body: bytes) -> None:
    """MP-20: at every byte, in two pieces, in three, and one byte at a time."""
    whole = outcome([body])
    for i in range(1, len(body)):
        assert outcome([body[:i], body[i:]]) == whole
        for j in range(i + 1, min(i + 12, len(body))):
            assert outcome([body[:i], body[i:j], body[j:]]) == whole
    assert outcome([bytes([byte]) for byte in body]) == whole


def test_case_mp20_of_werkzeug() -> None:
    """The split that turns an empty last field into a CR in Werkzeug."""
    body = b"--X-\r\n" + CD + b'name="a"\r\n\r\n\r\n--X---\r\n'
    cut = len(body) - 4
    assert outcome([body[:cut], body[cut:]], b"X-") == ([("a", "")], [])


def test_too_many_parts() -> None:
    """MP-01: the limit itself is fine, one part more is a 413."""
    body = part(CD + b'name="a"', b"1") * 10 + b"--X--"
    assert len(outcome([body], max_parts=10)[0]) == 10
    assert outcome([body], max_parts=9) is RequestEntityTooLarge


def test_too_large_field() -> None:
    """MP-02: only fields count, however the body is split."""
    field = part(CD + b'name="a"', b"x" * 600) + b"--X--"
    assert outcome([field], max_field=600)[0] == [("a", "x" * 600)]
    assert outcome([field], max_field=599) is RequestEntityTooLarge
    assert outcome([field[:300], field[300:]], max_field=599) is RequestEntityTooLarge
    file = part(CD + b'name="a"; filename="f"', b"x" * 600) + b"--X--"
    assert outcome([file], max_field=10)[1][0][3] == b"x" * 600


@pytest.mark.parametrize("boundary", [None, "", "x" * 257, "x" * 10_000, "é"])
def test_bad_boundary(boundary: str | None) -> None:
    """MP-05, MP-07."""
    with pytest.raises(BadRequest, match="boundary"):
        boundary_bytes(boundary)


def test_long_boundary_within_the_limit() -> None:
    assert boundary_bytes("x" * 256) == b"x" * 256


@pytest.mark.parametrize(
    "head",
    [
        CD + b'name="a"' + b"\r\nX: y" * 40_000,  # MP-08
        CD + b'name="a"' + b"\r\nX: y" * 32,
        CD + b'name="a"\r\nX: ' + b"y" * 480_000,
        b"Content-Disposition: form-data" + b";a=b" * 60_000,  # MP-10
        b"X-Other: header",
        CD + b'name="\xff"',
    ],
)
def test_bad_part_header(head: bytes) -> None:
    body = part(head, b"v") + b"--X--"
    assert outcome([body]) is BadRequest
    pieces = [body[i : i + 1000] for i in range(0, len(body), 1000)]
    assert outcome(pieces) is BadRequest


@pytest.mark.parametrize(
    "body", [b"junk", b"--X", b"--X\r\n", part(CD + b'name="a"', b"1"), b"--X\r\nContent-"]
)
def test_cut_off(body: bytes) -> None:
    """BD-05, MP-23: what Werkzeug gives back as an empty form."""
    assert outcome([body]) is BadRequest


def test_nothing_at_all() -> None:
    assert outcome([]) == ([], [])


def test_epilogue_is_not_kept() -> None:
    """MP-19."""
    parser = MultipartParser(b"X")
    parser.feed(part(CD + b'name="a"', b"1") + b"--X--\r\n")
    for _ in range(20):
        parser.feed(b"\r\n--X\r\n" * 10_000)
        assert parser._tail == b""
    parser.finish()
    assert parser.fields == [("a", "1")]


@pytest.mark.parametrize(
    "unit",
    [b"\r", b"\n", b"\r\n", b"\r\n--Xb", b"--Xb", b"\r\n--X y", b"\r\n--X-", b"--X--X", b"-"],
)
@pytest.mark.parametrize("size", [8192, 1 << 30])
def test_time_is_linear(unit: bytes, size: int) -> None:
    """MP-04: eight times the content takes about eight times as long."""

    def cost(count: int) -> float:
        content = unit * count
        body = b"--X\r\n" + CD + b'name="a"; filename="f"\r\n\r\n' + content + b"z\r\n--X--"
        began = time.process_time()
        result = outcome([body[i : i + size] for i in range(0, len(body), size)])
        taken = time.process_time() - began
        if unit != b"--X--X":
            assert result[1][0][3] == content + b"z"
        return taken

    small = min(cost(50_000) for _ in range(3))
    assert min(cost(400_000) for _ in range(2)) < 32 * max(small, 1e-3)


def test_memory_of_a_large_file_is_bounded() -> None:
    """A file beyond the threshold is on the disk, not in memory."""
    parser = MultipartParser(b"X", in_memory=1000)
    parser.feed(b"--X\r\n" + CD + b'name="a"; filename="f"\r\n\r\n')
    chunk = random.Random(1).randbytes(64 * 1024)
    parser.feed(chunk)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        parser.feed(chunk)
    parser.feed(b"\r\n--X--")
    parser.finish()
    file = parser.files[0][1]
    file.seek(0, os.SEEK_END)
    assert file.tell() == 301 * len(chunk)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4000
    file.close()


@pytest.mark.parametrize("size", [10, 200_000])
def test_upload_is_a_real_file_when_asked(size: int) -> None:
    with Upload() as upload:
        upload.show(b"<<" + b"x" * size + b">>", 2, 2 + size)
        assert upload.read(4) == b"xxxx"
        assert os.fstat(upload.fileno()).st_size == size
        assert upload.read() == b"x" * (size - 4)


@pytest.mark.parametrize("size", [30, 200_000])
@given(data=st.data())
def test_upload_reads_like_bytes_io(size: int, data: st.DataObject) -> None:
    """A window on the body, through reads, seeks and what turns it into a file."""
    content = (b"line one\nline two\r\n" * size)[:size]
    with Upload(in_memory=1 << 20) as upload:
        upload.show(b"<<" + content + b">>", 2, 2 + size)
        model = io.BytesIO(content)
        for name, argument in data.draw(st.lists(UPLOAD_CALLS, max_size=8)):
            expected = getattr(model, name)(*argument)
            assert getattr(upload, name)(*argument) == expected
            assert upload.tell() == model.tell()


UPLOAD_CALLS = st.one_of(
    st.tuples(st.just("read"), st.sampled_from([(), (None,), (-1,), (0,), (7,), (10**6,)])),
    st.tuples(st.just("seek"), st.sampled_from([(0,), (5,), (10**6,), (-3, 2), (0, 2), (2, 1)])),
    st.tuples(st.sampled_from(["readline", "readlines", "tell"]), st.just(())),
    st.tuples(st.just("write"), st.just((b"new",))),
)


def test_upload_can_be_written() -> None:
    with Upload(in_memory=5) as upload:
        upload.write(b"abc")
        upload.write(b"de")
        assert not upload._rolled
        upload.write(b"f")
        assert upload._rolled
        upload.seek(0)
        assert upload.read() == b"abcdef"


def test_closed_upload() -> None:
    upload = Upload()
    upload.show(b"x" * 100_000, 0, 100_000)
    assert not upload.closed
    upload.close()
    upload.close()
    assert upload.closed
    with pytest.raises(ValueError, match="closed"):
        upload.read()


@pytest.mark.parametrize(
    "needle", [b"--X", b"--------", b"--" + b"-" * 50 + b"b" + b"-" * 40, b"--" + b"ab" * 60]
)
@given(position=st.integers(0, 100_000), start=st.integers(0, 70_000))
def test_search_in_windows(needle: bytes, position: int, start: int) -> None:
    data = b"." * position + needle + b"." * 40_000
    assert _find_in_windows(data, needle, start) == data.find(needle, start)


def test_boundaries_made_for_the_search_are_searched_otherwise() -> None:
    assert _is_lean(b"------WebKitFormBoundary7MA4YWxkTrZu0gW")
    assert not _is_lean(b"--" + b"-" * 50 + b"b" + b"-" * 40)
    assert not _is_lean(b"--" + b"ab" * 30)
    assert not _is_lean(b"--" + b"0123456789" * 10)


def test_no_descriptors_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """MP-22: running out of descriptors is the upload's fault, 413, and frees them."""
    import tempfile

    count = 0
    original = tempfile.TemporaryFile

    def scarce(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count > 3:
            raise OSError(24, "Too many open files")
        return original(*args, **kwargs)

    monkeypatch.setattr(tempfile, "TemporaryFile", scarce)
    one = part(CD + b'name="a"; filename="f"', b"x" * 2000)
    pieces = [one[:1000], one[1000:]] * 10 + [b"--X--"]
    assert outcome(pieces, in_memory=500) is RequestEntityTooLarge
    assert count == 4
