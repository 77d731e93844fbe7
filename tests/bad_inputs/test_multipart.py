"""Multipart bodies that cost too much, mean two things, or stop half-way."""

from __future__ import annotations

import io
import json
import resource
import tracemalloc
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bad_inputs.calls import Answer, call, environ, get, make, twins
from bad_inputs.cases import Cases, assert_linear
from erlen import request

multipart = Cases()

TYPE = "multipart/form-data; boundary=X"
END = b"--X--\r\n"


def part(disposition: str, content: bytes = b"v", more: bytes = b"") -> bytes:
    head = f"--X\r\nContent-Disposition: form-data; {disposition}\r\n".encode()
    return head + more + b"\r\n" + content + b"\r\n"


def setup(app: t.Any) -> None:
    import flask

    source = request if type(app).__module__.startswith("erlen") else flask.request

    @app.post("/")
    def show() -> dict[str, t.Any]:
        files = [
            (key, file.filename, len(file.read())) for key, file in source.files.items(multi=True)
        ]
        return {"form": list(source.form.items(multi=True)), "files": files}


def send(body: bytes, content_type: str = TYPE, **options: t.Any) -> Answer:
    return get(make(setup), method="POST", body=body, content_type=content_type, **options)


def both(body: bytes, content_type: str = TYPE) -> t.Any:
    """What the view sees; the same as Flask's."""
    ours, theirs = (
        get(app, method="POST", body=body, content_type=content_type) for app in twins(setup)
    )
    assert (ours.status, ours.text) == (theirs.status, theirs.text)
    return json.loads(ours.text)


@multipart("MP-01", count=1001, status=413)
@multipart("MP-01-limit", count=1000, status=200)
@multipart("MP-01-more", count=50_000, status=413)
def many_parts(count: int, status: int) -> None:
    assert send(part('name="a"') * count + END).status == status


@multipart("MP-02", size=600_000, status=413)
@multipart("MP-02-limit", size=500_000, status=200)
@multipart("MP-02-one-more", size=500_001, status=413)
def large_field(size: int, status: int) -> None:
    assert send(part('name="a"', b"x" * size) + END).status == status


@multipart("MP-04", filler=b"\r")
@multipart("MP-04-crlf", filler=b"\r\n")
@multipart("MP-04-lf", filler=b"\n")
@multipart("MP-04-near", filler=b"\r\n--Xb")
@multipart("MP-04-dash", filler=b"\r\n--X-")
@multipart("MP-04-dashes", filler=b"-")
@multipart("MP-04-padded", filler=b"\r\n--X" + b" " * 300)
def near_boundaries(filler: bytes) -> None:
    def run(size: int) -> None:
        body = part('name="a"; filename="a"', filler * (size // len(filler)) + b"z") + END
        assert send(body).status == 200

    assert_linear(run, 500_000)


@multipart("MP-05", content_type="multipart/form-data")
@multipart("MP-05-empty", content_type="multipart/form-data; boundary=")
@multipart("MP-05-quoted", content_type='multipart/form-data; boundary=""')
@multipart("MP-05-name", content_type="multipart/form-data; boundry=X")
@multipart("MP-07", content_type="multipart/form-data; boundary=" + "b" * 10_000)
@multipart("MP-07-latin", content_type='multipart/form-data; boundary="\xe9"')
def no_boundary(content_type: str) -> None:
    assert send(part('name="a"') + END, content_type).status == 400


@multipart("MP-07-limit")
def longest_boundary() -> None:
    boundary = "b" * 256
    body = (part('name="a"') + END).replace(b"--X", f"--{boundary}".encode())
    assert send(body, f"multipart/form-data; boundary={boundary}").status == 200


@multipart("MP-08", more=b"X-A: 1234567\r\n" * 40_000)
@multipart("MP-08-lines", more=b"A: 1\r\n" * 33)
@multipart("MP-08-long", more=b"A: " + b"x" * 9000 + b"\r\n")
@multipart("MP-08-endless", more=b"A" * 1_000_000)
@multipart("MP-08-bytes", more=b"A: \xff\r\n")
def large_part_header(more: bytes) -> None:
    assert send(part('name="a"', more=more) + END).status == 400


@multipart("MP-10")
def many_parameters() -> None:
    assert send(part('name="a"' + ";a=b" * 60_000) + END).status == 400
    # As many as fit into the limit of a part's header.
    assert send(part('name="a"' + ";a=b" * 1900) + END).status == 200
    assert send(part('name="a"' + "".join(f";a{i}=b" for i in range(800))) + END).status == 200


@multipart("MP-11", left=True)
def extended_file_name_wins() -> None:
    # .NET sends both, the plain one in an encoding that browsers don't read.
    body = part('name="a"; filename="safe.txt"; filename*=UTF-8\'\'evil.php') + END
    assert both(body)["files"] == [["a", "evil.php", 1]]


@multipart("MP-13", disposition='name="a"; filename="a.txt"; filename="b.php"')
@multipart("MP-13-case", disposition='name="a"; filename="a.txt"; FileName="b.php"')
@multipart("MP-13-token", disposition="name=a; filename=a.txt; filename=b.php")
@multipart("MP-13-name", disposition='name="a"; name="b"; filename="a.txt"')
@multipart("MP-13-field", disposition='name="a"; name="b"')
@multipart("MP-13-extended", disposition="name=a; filename*=UTF-8''a; filename*=UTF-8''b")
def repeated_parameter(disposition: str) -> None:
    assert send(part(disposition) + END).status == 400


@multipart("MP-13-quoted", disposition='name="a"; filename="x; filename=y.txt"')
@multipart("MP-13-escaped", disposition='name="a"; filename="x\\"; filename=\\"y.txt"')
@multipart("MP-13-percent", disposition='name="a"; filename="x%22; filename=%22y.txt"')
def file_name_that_looks_like_two(disposition: str) -> None:
    assert len(both(part(disposition) + END)["files"]) == 1


@multipart("MP-14", left=True)
def continued_file_name() -> None:
    body = part('name="a"; filename*0="a."; filename*1="php"') + END
    assert both(body)["files"] == [["a", "a.php", 1]]


@multipart("MP-16", charset="bogus")
@multipart("MP-16-utf7", charset="utf-7")
@multipart("MP-16-codec", charset="rot13")
@multipart("MP-16-bytes", charset="zip")
def charset_of_a_part(charset: str) -> None:
    more = f"Content-Type: text/plain; charset={charset}\r\n".encode()
    body = part('name="a"', "+AGE- é \xff".encode(), more) + part('name="b"', b"\xff") + END
    assert both(body)["form"] == [["a", "+AGE- é \xff"], ["b", "\ufffd"]]


@multipart("MP-17")
def transfer_encoding_of_a_part() -> None:
    more = b"Content-Transfer-Encoding: base64\r\n"
    content = b" " * 2_000_000 + b"QQ=="
    body = part('name="a"; filename="a"', content, more) + END
    assert json.loads(send(body).text)["files"] == [["a", "a", 2_000_004]]
    assert json.loads(send(part('name="a"', b"QQ==", more) + END).text)["form"] == [["a", "QQ=="]]


class Filler(io.RawIOBase):
    """A body with a long end that is made while it is read."""

    def __init__(self, start: bytes, size: int) -> None:
        self._start = start
        self.left = size

    def read(self, size: int = -1) -> bytes:
        if self._start:
            start, self._start = self._start, b""
            return start
        size = min(size, self.left)
        self.left -= size
        return b"x" * size


@multipart("MP-19")
def long_epilogue() -> None:
    app = make(setup)
    start = part('name="a"') + END
    for _ in range(2):  # what is made once is made in the first round
        stream = Filler(start, 20_000_000)
        made = environ("/", "POST", content_type=TYPE, **{"wsgi.input": stream})
        made["CONTENT_LENGTH"] = str(len(start) + stream.left)
        tracemalloc.start()
        answer = call(app, made)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert json.loads(answer.text)["form"] == [["a", "v"]]
    assert stream.left == 0
    assert peak < 4_000_000


class Pieces:
    """A body that arrives in given pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read(self, size: int = -1) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def in_pieces(app: t.Any, pieces: list[bytes]) -> tuple[int, bytes]:
    made = environ("/", "POST", content_type=TYPE, **{"wsgi.input": Pieces(pieces)})
    made["wsgi.input_terminated"] = True
    answer = call(app, made)
    return answer.status, answer.body


@multipart("MP-20")
def split_anywhere() -> None:
    app = make(setup)
    body = part('name="a"', b"\r\n--X-\r\n--Xb") + part('name="f"; filename="f"', b"\r\r\n")
    body += b'--X \r\nContent-Disposition: form-data; name="last"\r\n\r\n\r\n--X--'
    whole = in_pieces(app, [body])
    assert whole[0] == 200
    for first in range(len(body)):
        assert in_pieces(app, [body[:first], body[first:]]) == whole
        for second in range(first, min(first + 6, len(body))):
            assert in_pieces(app, [body[:first], body[first:second], body[second:]]) == whole
    assert in_pieces(app, [bytes([byte]) for byte in body]) == whole


@multipart("MP-22", left=True)
def no_descriptors_left() -> None:
    body = part('name="a"; filename="a"', b"x" * 300_000) * 80 + END
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open("/dev/null") as probe:
        lowest = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 20, hard))
    try:
        app = make(setup)
        answer = get(app, method="POST", body=body, content_type=TYPE)
        # All descriptors were given back: the next request can be served.
        again = get(app, method="POST", body=part('name="a"') + END, content_type=TYPE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (answer.status, again.status) == (413, 200)


@multipart("MP-22-memory")
def files_in_one_read_need_no_descriptor() -> None:
    body = part('name="a"; filename="a"', b"x" * 900) * 1000 + END
    assert send(body).status == 200


@multipart("MP-23")
def cut_off_anywhere() -> None:
    app = make(setup)
    body = part('name="a"') + part('name="f"; filename="f"') + END
    for end in range(len(body) - 2):
        status, _ = in_pieces(app, [body[:end]])
        # Nothing at all is an empty form; a missing end is no form.
        assert status in ((200,) if end == 0 else (400,)), body[:end]


@multipart("MP-23-length")
def shorter_than_announced() -> None:
    made = environ("/", "POST", part('name="a"') + END, TYPE)
    made["CONTENT_LENGTH"] = "1000"
    assert call(make(setup), made).status == 400


test_multipart = multipart.test()

SCRAPS = st.sampled_from(
    [b"--X", b"--X--", b"\r\n", b"\n", b"\r", b"-", b"X", b" ", b"a", b":", b";", b'"', b"\0",
     b'Content-Disposition: form-data; name="a"', b'; filename="f"', b"\xff"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(SCRAPS, max_size=30).map(b"".join), st.data())
def test_any_bytes_end_in_an_answer_whatever_the_split(body: bytes, data: t.Any) -> None:
    app = make(setup)
    whole = in_pieces(app, [body])
    assert whole[0] in (200, 400, 413)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=4)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)])]
    assert in_pieces(app, pieces) == whole


@pytest.mark.parametrize("attribute", ["form", "files", "values", "data"])
def test_a_refused_body_stays_refused(attribute: str) -> None:
    app = make()

    @app.post("/")
    def twice() -> str:
        from werkzeug.exceptions import BadRequest

        with pytest.raises(BadRequest):
            request.form
        getattr(request, attribute)
        return "seen"

    body = part('name="a"') + b"--X"
    answer = get(app, method="POST", body=body, content_type=TYPE)
    assert answer.status == 400
