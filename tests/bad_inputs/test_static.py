"""Static files: paths that lead elsewhere, and files that are none."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from werkzeug import security
from werkzeug.utils import secure_filename

import erlen
from bad_inputs.calls import Answer, get, make, same, twins
from bad_inputs.cases import Cases
from erlen.http import filebody
from erlen.http.files import _join
from erlen.http.uploads import Upload

static = Cases()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "sub").mkdir()
    return folder


def fetch(folder: Path, target: str, **options: object) -> Answer:
    answer = get(make(static_folder=str(folder)), target, **options)
    assert b"secret" not in answer.body
    return answer


@static("PT-01", target="/static/../secret.txt")
@static("PT-01-inside", target="/static/sub/../../secret.txt")
@static("PT-02", target="/static/%2e%2e/secret.txt")
@static("PT-02-mixed", target="/static/.%2e%2fsecret.txt")
@static("PT-04", target="/static/%252e%252e%252fsecret.txt")
@static("PT-04-twice", target="/static/%25252e%25252e/secret.txt")
@static("PT-05", target="/static/..%5csecret.txt")
@static("PT-05-slash", target="/static/sub%5c..%5c..%5csecret.txt")
@static("PT-07", target="/static/a.txt%00")
@static("PT-07-suffix", target="/static/a.txt%00.png")
@static("PT-08", target="/static/%c0%ae%c0%ae/secret.txt")
@static("PT-08-slash", target="/static/..%c0%afsecret.txt")
@static("PT-20", target="/static/")
@static("PT-20-below", target="/static/sub")
@static("PT-20-slash", target="/static/sub/")
@static("PT-23", target="/static/a.txt/")
@static("PT-23-dots", target="/static/a.txt/.")
@static("PT-01-absolute", target="/static//etc/passwd")
@static("PT-01-long", target="/static/" + "a" * 5000)
@static("PT-01-deep", target="/static/" + "a/" * 5000)
@static("PT-08-surrogate", target="/static/%ed%b2%80")
def not_found(folder: Path, target: str) -> None:
    if target == "/static/a.txt/.":
        # The dot is taken away, and then it is an ordinary file.
        assert fetch(folder, target).status in (200, 404)
        return
    if target == "/static//etc/passwd":
        # Slashes are merged first: a path below the folder.
        assert fetch(folder, target).status in (308, 404)
        return
    assert fetch(folder, target).status == 404


@static("PT-10", names=["NUL.txt", "CON ", "nul..", "COM1", "lpt9.log", "aux", "conin$"])
@static("PT-11", names=["example/NUL", "example/nul.txt", "a/CON/b"])
@static("PT-13", names=["//server/share/x", "\\\\?\\C:\\x", "\\\\server\\share\\x"])
@static("PT-14", names=["C:\\secret.txt", "C:/secret.txt", "..\\secret.txt", "sub\\..\\..\\x"])
def on_windows(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    class Windows:
        """Just what the check looks at: changing os.name itself would change pathlib too."""

        name = "nt"
        import ntpath as path

    monkeypatch.setattr(security, "os", Windows)
    monkeypatch.setattr(security, "_os_alt_seps", ["\\"])
    for name in names:
        assert _join.__wrapped__("", "static", name) is None, name


@static("PT-16", left=True)
def symlink_out_of_the_folder(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    ours, theirs = (get(app, "/static/link.txt") for app in twins(static_folder=str(folder)))
    assert (ours.status, ours.body) == (theirs.status, theirs.body) == (200, b"secret")


@static("PT-17")
def no_precompressed_sibling(folder: Path) -> None:
    (folder / "x.js").write_text("plain")
    (folder / "x.js.gz").symlink_to(folder.parent / "secret.txt")
    answer = fetch(folder, "/static/x.js", headers={"Accept-Encoding": "gzip"})
    assert (answer.body, answer.header("Content-Encoding")) == (b"plain", None)


@static("PT-19", left=True)
def dot_files(folder: Path) -> None:
    (folder / ".env").write_text("dotted")
    (folder / ".well-known").mkdir()
    (folder / ".well-known" / "security.txt").write_text("dotted")
    for name in (".env", ".well-known/security.txt"):
        ours, theirs = (get(app, f"/static/{name}") for app in twins(static_folder=str(folder)))
        assert (ours.status, ours.body) == (theirs.status, theirs.body) == (200, b"dotted")


@static("PT-22", kind="fifo")
@static("PT-22-socket", kind="socket")
@static("PT-22-device", kind="device")
def no_regular_file(folder: Path, kind: str) -> None:
    path = folder / "pipe"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        path.symlink_to("/dev/zero")
    assert fetch(folder, "/static/pipe").status == 404
    assert fetch(folder, "/static/pipe", headers={"Range": "bytes=0-1"}).status == 404


@static("PT-25", left=True)
def secure_filename_is_werkzeugs(folder: Path) -> None:
    assert secure_filename("../../../etc/passwd") == "etc_passwd"
    assert secure_filename("..") == secure_filename("\0") == ""
    assert secure_filename(".htaccess") == "htaccess"
    # Prefixed on Windows only.
    assert secure_filename("CON") == "CON"


@static("PT-26", left=True, name="../../secret.txt")
@static("PT-26-absolute", left=True, name="/etc/passwd")
@static("PT-26-dots", left=True, name="sub/../../../secret.txt")
@static("PT-26-nul", left=True, name="a\0.txt")
def template_name_of_a_user(folder: Path, name: str) -> None:
    # Applications catch TemplateNotFound where they let users choose: it has to stay one.
    def setup(app: object) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else __import__("flask")

        @app.get("/")
        def index() -> str:
            return package.render_template(name)

    apps = twins(setup, template_folder=str(folder))
    ours, theirs = (get(app) for app in apps)
    assert ours.status == theirs.status == 500
    assert b"secret" not in ours.body
    caught = erlen.Erlen(__name__, template_folder=str(folder))
    setup(caught)
    from jinja2 import TemplateNotFound

    @caught.errorhandler(TemplateNotFound)
    def missing(error: TemplateNotFound) -> tuple[str, int]:
        return "no such page", 404

    if "\0" not in name:
        assert get(caught).status == 404


@static("PT-28", swap="fifo")
@static("PT-28-directory", swap="directory")
@static("PT-28-gone", swap="gone")
@static("PT-28-longer", swap="longer")
def swapped_before_it_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch, swap: str) -> None:
    path = folder / "a.txt"
    real = os.open

    def swapping(name: str, flags: int, *rest: int) -> int:
        if name == str(path):
            if swap == "longer":
                path.write_text("longer")
            else:
                path.unlink()
            if swap == "fifo":
                os.mkfifo(path)
            elif swap == "directory":
                path.mkdir()
        return real(name, flags, *rest)

    monkeypatch.setattr(filebody.os, "open", swapping)
    answer = fetch(folder, "/static/a.txt")
    if swap == "longer":
        assert (answer.status, answer.body, answer.header("Content-Length")) == (
            200,
            b"longer",
            "6",
        )
    else:
        assert answer.status == 404


@static("PT-29")
def temporary_files_are_private_whatever_the_umask() -> None:
    before = os.umask(0)
    try:
        with Upload(b"", 1) as upload:
            upload.write(b"many bytes")
            assert stat.S_IMODE(os.fstat(upload.fileno()).st_mode) & 0o077 == 0
    finally:
        os.umask(before)


test_static = static.test()


def test_ordinary_files_are_flasks(folder: Path) -> None:
    apps = twins(static_folder=str(folder))
    answer = same(apps, "/static/a.txt", headers={"Range": "bytes=0-0"})
    assert (answer.status, answer.body) == (206, b"a")
