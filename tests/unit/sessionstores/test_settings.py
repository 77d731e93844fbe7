"""From the setting to the interface."""

from __future__ import annotations

import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from erlen import Erlen, session
from erlen.sessions import SecureCookieSessionInterface
from erlen.sessionstores import sign_out
from erlen.sessionstores.interface import StoredSessions
from erlen.sessionstores.settings import store_for
from running import ROOT


def interface_of(app: Erlen) -> t.Any:
    app._current_plans()
    return app.session_interface


@pytest.mark.parametrize("value", [None, "cookie"])
def test_sessions_stay_in_the_cookie(value: t.Any) -> None:
    app = Erlen(__name__)
    app.config["SESSION_STORE"] = value
    assert type(interface_of(app)) is SecureCookieSessionInterface
    assert "session_interface" not in vars(app)


def test_the_setting_may_change(memory: t.Any, tmp_path: Path) -> None:
    app = Erlen(__name__)
    app.config["SESSION_STORE"] = memory
    first = interface_of(app)
    assert first.keeper.store is memory
    app.config["UNRELATED"] = 1
    assert interface_of(app) is first
    app.config["SESSION_STORE"] = f"file://{tmp_path}/sessions"
    assert type(interface_of(app)) is StoredSessions
    assert interface_of(app).keeper.store is not memory
    app.config["SESSION_STORE"] = None
    assert type(interface_of(app)) is SecureCookieSessionInterface


def test_an_interface_of_ones_own_stays(memory: t.Any) -> None:
    class Own(SecureCookieSessionInterface):
        pass

    class Site(Erlen):
        session_interface = Own()

    assigned, inherited = Erlen(__name__), Site(__name__)
    assigned.session_interface = own = Own()
    for app in (assigned, inherited):
        app.config["SESSION_STORE"] = memory
    assert interface_of(assigned) is own
    assert type(interface_of(inherited)) is Own
    late = Erlen(__name__)
    late.config["SESSION_STORE"] = memory
    assert type(interface_of(late)) is StoredSessions
    late.session_interface = own
    assert interface_of(late) is own


@pytest.mark.parametrize(
    "value",
    [
        "redis",
        "nonsense://host:secret@x/",
        "memcached://",
        "memcached:///",
        "file://relative/path",
        "file:///",
        "sqlite+aiosqlite:///x.db",
        7,
        {},
    ],
)
def test_other_values_are_refused(value: t.Any) -> None:
    with pytest.raises((ValueError, ImportError)) as raised:
        store_for(value)
    text = str(raised.value)
    assert "secret" not in text
    assert "SESSION_STORE" in text or "memcached://host" in text or "aiosqlite" in text


@pytest.mark.parametrize("timeout", [0, -1, "1", True, None])
def test_the_timeout_is_a_time(timeout: t.Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SESSION_STORE_TIMEOUT"):
        store_for(f"file://{tmp_path}", timeout)


def test_the_users_keys_are_names(memory: t.Any) -> None:
    app = Erlen(__name__)
    app.config.update(SESSION_STORE=memory, SESSION_USER_KEYS="member")
    owner_of = interface_of(app).keeper.owner_of
    assert owner_of({"member": 1}) and not owner_of({"user_id": 1})
    app.config["SESSION_USER_KEYS"] = [1]
    with pytest.raises(ValueError, match="SESSION_USER_KEYS"):
        interface_of(app)


def test_signing_out_needs_a_store() -> None:
    app = Erlen(__name__)
    with app.app_context(), pytest.raises(RuntimeError, match="SESSION_STORE"):
        sign_out(7)
    with pytest.raises(RuntimeError, match="application context"):
        sign_out(7)


MISSING = [
    ("redis://localhost", "redis", "erlen[redis]"),
    ("memcached://localhost", "pymemcache", "erlen[memcached]"),
    ("sqlite:///x.db", "sqlalchemy", "erlen[sqlalchemy]"),
]


@pytest.mark.parametrize(("url", "package", "extra"), MISSING)
def test_a_missing_package_is_named(url: str, package: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from erlen.sessionstores.settings import store_for\nstore_for({url!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "src"
    )
    assert done.returncode == 1
    assert f"pip install '{extra}'" in done.stderr.splitlines()[-1]


def test_clients_are_imported_when_they_are_named(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom erlen import Erlen, session\napp = Erlen('x')\n"
        "app.get('/')(lambda: str(session.get('a')))\napp.test_client().get('/')\n"
        "assert not [n for n in sys.modules if n.startswith('erlen.sessionstores')]\n"
        f"app.config['SESSION_STORE'] = 'file://{tmp_path}/s'\napp.test_client().get('/')\n"
        "assert not {'redis', 'pymemcache', 'sqlalchemy'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "src"
    )
    assert done.returncode == 0, done.stderr


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    app = Erlen(__name__)
    app.config["SESSION_STORE"] = f"file://{tmp_path}/sessions"

    @app.get("/")
    def put() -> str:
        session["user_id"] = 1
        return ""

    app.test_client().get("/")
    paths = [tmp_path / "sessions", *(tmp_path / "sessions").rglob("*")]
    assert len(paths) >= 5
    assert {path.stat().st_mode & 0o077 for path in paths} == {0}


def test_files_that_have_expired_are_swept(tmp_path: Path) -> None:
    store: t.Any = store_for(f"file://{tmp_path}/sessions")
    store.create("a" * 64, b"old", -10, "c" * 64)
    store.create("b" * 64, b"new", 100, None)
    store.sweep()
    assert [path.name for path in (tmp_path / "sessions" / "sessions").iterdir()] == ["b" * 64]


def test_rows_that_have_expired_are_swept(tmp_path: Path) -> None:
    import sqlite3

    store: t.Any = store_for(f"sqlite:///{tmp_path}/s.db")
    store.create("a" * 64, b"0" * 24 + b"{}", -10, None)
    assert store.read("a" * 64) is None
    store._swept -= 10_000
    store.create("b" * 64, b"1" * 24 + b"{}", 100, None)
    store.close()
    database = sqlite3.connect(tmp_path / "s.db")
    assert database.execute("SELECT key FROM erlen_sessions").fetchall() == [("b" * 64,)]
    database.close()
