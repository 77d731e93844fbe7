"""Files are served as Werkzeug serves them; hostile paths and ranges come to nothing."""

from __future__ import annotations

import gc
import io
import mimetypes
import os
import pathlib
import socket
import time
import typing as t
from datetime import UTC, datetime

import flask.wrappers
import pytest
import werkzeug.http
import werkzeug.utils
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.http import http_date
from werkzeug.test import create_environ

from erlen.http import filenames, files
from erlen.http.filebody import FileBody
from erlen.http.response import Response

FlaskResponse = flask.wrappers.Response
DATA = b"0123456789" * 20
#: Releases before 3.1.9 take a suffix of no bytes for the whole.
SUFFIX_ZERO_REFUSED = werkzeug.http.parse_range_header("bytes=-0") is None


class Wrapper:
    """A server's file wrapper."""

    def __init__(self, file: t.Any, block: int) -> None:
        self.file, self.block = file, block
        self.close = file.close

    def __iter__(self) -> t.Iterator[bytes]:
        return iter(lambda: self.file.read(self.block), b"")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    root = tmp_path_factory.mktemp("files")
    static = root / "static"
    (static / "sub").mkdir(parents=True)
    (root / "secret.txt").write_bytes(b"secret")
    for name in ("a.txt", "b.tar.gz", "noextension", "é☃.css", "sub/c.html", ".env", "d.unknown"):
        (static / name).write_bytes(DATA)
    (static / "empty.txt").write_bytes(b"")
    (static / "big.bin").write_bytes(DATA * 1000)
    return static


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """One moment for both sides, so that their dates are equal."""
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.5)
    monkeypatch.setattr("werkzeug.utils.time", lambda: 1_800_000_000.5)
    monkeypatch.setattr("werkzeug.wrappers.response.http_date", lambda: http_date(1_800_000_000))


def sent(make: t.Callable[[], t.Any], environ: t.Any) -> t.Any:
    """What the server gets of a response, or the error that it ends with."""
    got: list[t.Any] = []
    try:
        response = make()
        result = response(
            environ, lambda status, headers, exc_info=None: got.extend([status, headers])
        )
        body = b"".join(result)
    except HTTPException as error:
        return error.code, error.get_headers()
    except (OSError, TypeError, ValueError) as error:
        return type(error), str(error)
    close = getattr(result, "close", None)
    if close is not None:
        close()
    status, headers = got
    # Older releases of Werkzeug leave it out where no range was asked for.
    return status, [pair for pair in headers if pair[0] != "Accept-Ranges"], body


STAMP = "Fri, 15 Jan 2027 08:00:00 GMT"
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_RANGE": st.sampled_from(
            [
                "bytes=0-4",
                "bytes=5-",
                "bytes=-7",
                "bytes=150-999",
                "bytes=999-",
                "bytes=-0",
                "x=1-2",
                "bytes=5-2",
                "junk",
                "bytes=",
            ]
        ),
        "HTTP_IF_NONE_MATCH": st.sampled_from(['"x"', "*", 'W/"x"', "ETAG", "junk"]),
        "HTTP_IF_MODIFIED_SINCE": st.sampled_from(
            [STAMP, "Thu, 01 Jan 1970 00:00:00 GMT", "junk", "MTIME"]
        ),
        "HTTP_IF_MATCH": st.sampled_from(['"x"', "ETAG", "*"]),
        "HTTP_IF_RANGE": st.sampled_from(['"x"', "ETAG", STAMP, "MTIME"]),
    },
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "mimetype": st.sampled_from([None, "text/plain", "x/y", ""]),
        "as_attachment": st.booleans(),
        "download_name": st.sampled_from(
            [None, "x.css", "é☃.txt", 'a";b=".txt', "y.tar.gz", "none", ""]
        ),
        "conditional": st.booleans(),
        "etag": st.sampled_from([True, False, "own", "", 1, 0, 'q"q']),
        "last_modified": st.sampled_from([None, 1, 1.5, datetime(2020, 1, 1, tzinfo=UTC)]),
        "max_age": st.sampled_from(
            [None, 0, 10, -1, True, 1.5, lambda path: 7, lambda path: len(path)]
        ),
        "use_x_sendfile": st.booleans(),
    },
)
NAMES = st.sampled_from(
    ["a.txt", "b.tar.gz", "noextension", "é☃.css", "empty.txt", "none.txt", "sub", "big.bin"]
)
common = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def prepare(
    folder: pathlib.Path, name: str, method: str, conditions: t.Any, wrapper: bool
) -> t.Any:
    environ = create_environ(method=method)
    path = folder / name
    if path.is_file():
        response = werkzeug.utils.send_file(path, create_environ())
        known = {"ETAG": response.headers["ETag"], "MTIME": response.headers["Last-Modified"]}
        response.close()
        conditions = {key: known.get(value, value) for key, value in conditions.items()}
    environ.update(conditions)
    if wrapper:
        environ["wsgi.file_wrapper"] = Wrapper
    return environ


# Werkzeug leaves the file open when the ETag is refused.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@common
@given(NAMES, OPTIONS, st.sampled_from(["GET", "HEAD", "POST"]), CONDITIONS, st.booleans())
def test_send_file_as_werkzeug(
    folder: pathlib.Path, name: str, options: t.Any, method: str, conditions: t.Any, wrapper: bool
) -> None:
    environ = prepare(folder, name, method, conditions, wrapper)
    path: t.Any = folder / name
    options["_root_path"] = str(folder)
    for given_path in (path, name):
        mine, theirs = (
            sent(lambda: send(given_path, environ, response_class=cls, **options), environ)  # noqa: B023
            for send, cls in (
                (files.send_file, Response),
                (werkzeug.utils.send_file, FlaskResponse),
            )
        )
        assert mine == theirs


@common
@given(OPTIONS, CONDITIONS, st.booleans())
def test_open_file_as_werkzeug(
    folder: pathlib.Path, options: t.Any, conditions: t.Any, memory: bool
) -> None:
    environ = prepare(folder, "a.txt", "GET", conditions, False)

    def opened() -> t.Any:
        return io.BytesIO(DATA) if memory else open(folder / "a.txt", "rb")

    with opened() as one, opened() as two:
        mine = sent(lambda: files.send_file(one, environ, **options), environ)
        theirs = sent(
            lambda: werkzeug.utils.send_file(two, environ, response_class=FlaskResponse, **options),
            environ,
        )
    assert mine == theirs


@common
@given(
    st.one_of(
        st.sampled_from(
            [
                "a.txt",
                "sub/c.html",
                "./a.txt",
                "sub/../a.txt",
                "../secret.txt",
                "",
                ".",
                "/etc/passwd",
                "sub",
                "é☃.css",
            ]
        ),
        st.text("a./\\\0%c:", max_size=8),
    ),
    st.sampled_from([None, "root"]),
)
def test_send_from_directory_as_werkzeug(folder: pathlib.Path, path: str, root: str | None) -> None:
    environ = create_environ()
    options = {} if root is None else {"_root_path": str(folder.parent)}
    directory = str(folder) if root is None else "static"
    mine = sent(lambda: files.send_from_directory(directory, path, environ, **options), environ)
    theirs = sent(
        lambda: werkzeug.utils.send_from_directory(
            directory, path, environ, response_class=FlaskResponse, **options
        ),
        environ,
    )
    if path.endswith("/"):
        assert mine[0] == 404
    else:
        assert mine == theirs


@pytest.mark.parametrize("name", ["a.txt", "none.txt", "sub", "../secret.txt", "a\0", "big.bin"])
@pytest.mark.parametrize("max_age", [None, 10])
@pytest.mark.parametrize("use_x_sendfile", [False, True])
def test_serve_file(
    folder: pathlib.Path, name: str, max_age: int | None, use_x_sendfile: bool
) -> None:
    environ = create_environ()
    root = str(folder.parent)
    mine = sent(
        lambda: files.serve_file(environ, root, "static", name, max_age, use_x_sendfile), environ
    )
    theirs = sent(
        lambda: werkzeug.utils.send_from_directory(
            "static",
            name,
            environ,
            max_age=max_age,
            use_x_sendfile=use_x_sendfile,
            response_class=FlaskResponse,
            _root_path=root,
        ),
        environ,
    )
    assert mine == theirs


def test_attributes_before_sending(folder: pathlib.Path) -> None:
    response = files.send_file(folder / "a.txt", create_environ())
    assert response.direct_passthrough and response.is_streamed and not response.is_sequence
    assert response.mimetype == "text/plain" and response.content_length == len(DATA)
    with pytest.raises(RuntimeError, match="direct passthrough"):
        response.get_data()
    response.direct_passthrough = False
    assert response.get_data() == DATA
    response.close()


def test_ranges_are_announced(folder: pathlib.Path) -> None:
    response = files.send_file(folder / "a.txt", create_environ())
    response.close()
    assert response.accept_ranges == "bytes"


def test_large_file_comes_in_blocks(folder: pathlib.Path) -> None:
    response = files.send_file(folder / "big.bin", create_environ())
    blocks = list(response(create_environ(), lambda status, headers: None))
    assert len(blocks) > 1 and b"".join(blocks) == DATA * 1000
    response.close()


def test_response_of_another_kind(folder: pathlib.Path) -> None:
    class Own(Response):
        def make_conditional(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
            self.headers["X-Own"] = "1"
            return super().make_conditional(*args, **kwargs)

    for cls in (FlaskResponse, Own):
        response = files.send_file(folder / "a.txt", create_environ(), response_class=cls)
        assert type(response) is cls
        assert ("X-Own" in response.headers) == (cls is Own)
        response.close()


def test_headers_follow_the_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.txt"
    for content in (b"one", b"three", b"seven"):
        path.write_bytes(content)
        os.utime(path, (1e9, 1e9 + len(content)))
        environ = create_environ()
        mine = sent(lambda: files.send_file(path, environ), environ)
        theirs = sent(
            lambda: werkzeug.utils.send_file(path, environ, response_class=FlaskResponse), environ
        )
        assert mine == theirs and mine[2] == content


def test_types_taught_later(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.x-late"
    path.write_bytes(b"")

    def media_type() -> str:
        response = files.send_file(path, create_environ())
        response.close()
        return response.mimetype

    assert media_type() == "application/octet-stream"
    monkeypatch.setitem(mimetypes.types_map, ".x-late", "x/late")
    assert media_type() == "x/late"
    monkeypatch.setitem(mimetypes.types_map, ".x-late", "x/later")
    assert media_type() == "x/later"


def test_what_is_remembered_is_bounded(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    for number in range(1200):
        files.send_file(path, create_environ(), download_name=f"{number}.txt").close()
    assert len(files._known) <= 512


def test_no_descriptor_is_left_open(folder: pathlib.Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not os.path.exists("/proc/self/fd"):
        pytest.skip("needs /proc")
    before = count()
    for conditions in (
        {},
        {"HTTP_RANGE": "bytes=1-2"},
        {"HTTP_RANGE": "bytes=999-"},
        {"HTTP_IF_NONE_MATCH": "*"},
    ):
        for method in ("GET", "HEAD"):
            for wrapper in (False, True):
                environ = prepare(folder, "a.txt", method, conditions, wrapper)
                sent(lambda: files.send_file(folder / "a.txt", environ), environ)  # noqa: B023
    files.send_file(folder / "a.txt", create_environ())
    assert count() == before


def test_nothing_is_left_for_the_collector(folder: pathlib.Path) -> None:
    def serve() -> None:
        environ = create_environ()
        sent(lambda: files.send_from_directory(folder, "a.txt", environ), environ)

    serve()
    gc.collect()
    gc.disable()
    try:
        serve()
        assert gc.collect() == 0
    finally:
        gc.enable()


# Hostile paths


def status_of(folder: pathlib.Path, path: str) -> int:
    try:
        response = files.send_from_directory(folder, path, create_environ())
    except NotFound:
        return 404
    response.close()
    return response.status_code


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("../secret.txt", id="PT-01"),
        pytest.param("sub/../../secret.txt", id="PT-02"),
        pytest.param("%2e%2e%2fsecret.txt", id="PT-04"),
        pytest.param("..\\secret.txt", id="PT-05"),
        pytest.param("a.txt\0", id="PT-07"),
        pytest.param("\0", id="PT-07-alone"),
        pytest.param("\xc0\xae\xc0\xae/secret.txt", id="PT-08"),
        pytest.param("//server/share/x", id="PT-13"),
        pytest.param("", id="PT-20"),
        pytest.param("sub", id="PT-20-sub"),
        pytest.param("a.txt/", id="PT-23"),
        pytest.param("a.txt/b", id="below-a-file"),
        pytest.param("x" * 5000, id="too-long"),
        pytest.param("\ud800", id="surrogate"),
    ],
)
def test_hostile_paths(folder: pathlib.Path, path: str) -> None:
    assert status_of(folder, path) == 404


def test_pt_16_symbolic_links_are_followed_as_in_flask(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "link.txt").symlink_to(folder / "a.txt")
    assert status_of(tmp_path, "link.txt") == 200


def test_pt_19_dot_files_are_served_as_in_flask(folder: pathlib.Path) -> None:
    assert status_of(folder, ".env") == 200


def test_pt_22_fifo_and_socket_do_not_hang(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert status_of(tmp_path, "fifo") == 404
    with socket.socket(socket.AF_UNIX) as server:
        place = os.getcwd()
        os.chdir(tmp_path)
        try:
            server.bind("socket")
        finally:
            os.chdir(place)
        assert status_of(tmp_path, "socket") == 404


def test_file_that_cannot_be_read_is_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"")

    def denied(*args: t.Any) -> t.Any:
        raise PermissionError

    monkeypatch.setattr(files, "open_regular", denied)
    with pytest.raises(PermissionError):
        files.send_from_directory(tmp_path, "a.txt", create_environ())


# Ranges and conditions


def ask(folder: pathlib.Path, name: str = "a.txt", method: str = "GET", **headers: str) -> t.Any:
    environ = create_environ(method=method)
    environ.update({f"HTTP_{key.upper()}": value for key, value in headers.items()})
    return sent(lambda: files.send_file(folder / name, environ), environ)


@pytest.mark.parametrize(
    "value",
    ["bytes=" + ",".join(["0-0"] * 10_000), "bytes=" + ",".join(["0-"] * 100_000), "bytes=0-0,5-6"],
)
def test_rg_01_02_many_ranges_give_the_whole(folder: pathlib.Path, value: str) -> None:
    status, headers, body = ask(folder, range=value)
    assert status == "200 OK" and body == DATA


@pytest.mark.parametrize("value", ["bytes=-0", "bytes=99999999999999999999-"])
def test_rg_04_unsatisfiable(folder: pathlib.Path, value: str) -> None:
    if value == "bytes=-0" and not SUFFIX_ZERO_REFUSED:
        pytest.skip("this Werkzeug serves it")
    assert ask(folder, range=value)[0] == 416


def test_rg_05_digits_beyond_ascii(folder: pathlib.Path) -> None:
    assert ask(folder, range="bytes=\u0661-\u0662")[0] == "200 OK"


def test_rg_07_range_on_head_and_post(folder: pathlib.Path) -> None:
    status, headers, body = ask(folder, method="HEAD", range="bytes=0-4")
    assert status.startswith("206") and dict(headers)["Content-Length"] == "5" and body == b""
    assert ask(folder, method="POST", range="bytes=0-4")[0] == "200 OK"


def test_rg_08_range_on_an_empty_file(folder: pathlib.Path) -> None:
    assert ask(folder, "empty.txt", range="bytes=0-4")[0] in ("200 OK", 416)


def test_rg_10_if_none_match_star(folder: pathlib.Path) -> None:
    assert ask(folder, if_none_match="*")[0].startswith("304")


@pytest.mark.parametrize(
    "value", ["garbage", "Mon, 01 Jan 99999 00:00:00 GMT", "Mon, 01 Jan 2020 00:00:00 +9999999", ""]
)
def test_rg_11_dates_that_are_none(folder: pathlib.Path, value: str) -> None:
    assert ask(folder, if_modified_since=value)[0] == "200 OK"
    assert ask(folder, if_unmodified_since=value)[0] == "200 OK"


def test_rg_13_if_unmodified_since(folder: pathlib.Path) -> None:
    old, new = "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    assert ask(folder, if_unmodified_since=old)[0].startswith("412")
    assert ask(folder, if_unmodified_since=new)[0] == "200 OK"
    assert ask(folder, if_unmodified_since=old, method="POST")[0] == "200 OK"


@pytest.mark.parametrize("range_", [None, "bytes=100-"])
def test_rg_14_file_that_shrinks(tmp_path: pathlib.Path, range_: str | None) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 200_000)
    environ = create_environ()
    if range_:
        environ["HTTP_RANGE"] = range_
    result = files.send_file(path, environ)(environ, lambda status, headers: None)
    next(iter(result))
    path.write_bytes(b"")
    assert b"".join(result) == b""
    result.close()


def test_file_that_grows_is_not_sent_beyond_its_length(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 10)
    environ = create_environ()
    response = files.send_file(path, environ)
    path.write_bytes(b"x" * 100)
    assert b"".join(response(environ, lambda status, headers: None)) == b"x" * 10
    response.close()


def test_file_body_is_a_seekable_iterator(folder: pathlib.Path) -> None:
    body = FileBody(os.open(folder / "a.txt", os.O_RDONLY), len(DATA))
    assert body.seekable() and body.tell() == 0
    body.seek(190)
    assert body.tell() == 190 and list(body) == [DATA[190:]]
    body.seek(500)
    assert list(body) == []
    body.close()
    body.close()
    assert list(body) == []


# Names to save a file under


def disposition(folder: pathlib.Path, name: str, **options: t.Any) -> str:
    response = files.send_file(
        folder / "a.txt", create_environ(), as_attachment=True, download_name=name, **options
    )
    response.close()
    return t.cast(str, response.headers["Content-Disposition"])


@pytest.mark.parametrize("options", [{}, {"last_modified": 1}], ids=["short way", "long way"])
def test_dl_names(folder: pathlib.Path, options: t.Any) -> None:
    assert (
        disposition(folder, "a\r\nX: y.txt", **options) == 'attachment; filename="aX: y.txt"'
    )  # DL-01
    assert disposition(folder, '";dummy=".txt', **options) == (  # DL-02
        'attachment; filename="\\";dummy=\\".txt"'
    )
    assert disposition(folder, "a\0b.txt", **options) == "attachment; filename=ab.txt"  # DL-05
    long = disposition(folder, "x" * 1_000_000 + ".txt", **options)  # DL-04
    assert len(long) < 300 and long.endswith(".txt")
    assert len(disposition(folder, "é" * 1_000_000 + ".txt", **options)) < 1200
    assert disposition(folder, "\ud800.txt", **options) == 'attachment; filename="?.txt"'


def test_type_is_that_of_the_name_before_it_was_cleaned(folder: pathlib.Path) -> None:
    response = files.send_file(
        folder / "a.txt", create_environ(), download_name="a\r\n.css", last_modified=1
    )
    response.close()
    assert response.mimetype == "text/css"


@given(st.text(max_size=400))
def test_clean_names(name: str) -> None:
    clean = filenames.clean_name(name)
    assert len(clean.encode()) <= 255
    assert filenames.clean_name(clean) == clean
    assert not set(clean) & set("\r\n\0\x7f")
    filenames.disposition(clean, True)
