"""Sessions on the server, on each real store: one suite for all of them."""

from __future__ import annotations

import asyncio
import datetime
import time
import typing as t
import uuid

import pytest
from markupsafe import Markup

from erlen import Erlen, session
from erlen.sessionstores import codec, sign_out
from erlen.sessionstores.settings import store_for
from erlen.sessionstores.store import CHANGED, DONE, GONE, Record
from systems.session_stores import NAMES, Backend, backend_for

RICH = {
    "text": "Ärger",
    "number": 7,
    "nothing": None,
    "tuple": (1, 2),
    "bytes": b"\x00\xff",
    "list": [{"a": 1}, "b"],
    "tagged": {" t": [1]},
    "when": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
    "id": uuid.UUID(int=5),
    "markup": Markup("<b>"),
}


@pytest.fixture(scope="module", params=NAMES)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Backend]:
    with backend_for(request.param, tmp_path_factory) as backend:
        yield backend


def make_app(store: t.Any, **settings: t.Any) -> Erlen:
    app = Erlen(__name__)
    app.config.update(SESSION_STORE=store, TESTING=True, **settings)

    @app.get("/set/<key>/<value>")
    def put(key: str, value: str) -> str:
        session[key] = value
        return ""

    @app.get("/get")
    def get() -> dict[str, t.Any]:
        return dict(session)

    @app.get("/aset/<key>/<value>")
    async def aput(key: str, value: str) -> str:
        session[key] = value
        return ""

    @app.get("/aget")
    async def aget() -> dict[str, t.Any]:
        return dict(session)

    @app.get("/clear")
    def clear() -> str:
        session.clear()
        return ""

    @app.get("/login/<user>")
    def login(user: str) -> str:
        session["user_id"] = user
        return ""

    @app.get("/grow")
    def grow() -> str:
        session.setdefault("list", [])
        session.modified = "grown" not in session
        session["list"].append(len(session["list"]))
        return ""

    @app.get("/idle")
    def idle() -> str:
        return "idle"

    return app


@pytest.fixture
def make(backend: Backend) -> t.Iterator[t.Callable[..., Erlen]]:
    made: list[Erlen] = []

    def make(**settings: t.Any) -> Erlen:
        made.append(make_app(backend.url, **settings))
        return made[-1]

    yield make
    for app in made:
        app._current_plans()
        app.session_interface.keeper.store.close()  # type: ignore[attr-defined]


@pytest.fixture
def app(make: t.Callable[..., Erlen]) -> Erlen:
    return make()


def id_of(client: t.Any) -> str:
    cookie = client.get_cookie("session")
    assert cookie is not None
    return t.cast(str, cookie.value)


def test_values_of_all_kinds(app: Erlen) -> None:
    found: dict[str, t.Any] = {}

    @app.get("/rich")
    def rich() -> str:
        session.update(RICH)
        return ""

    @app.get("/look")
    def look() -> str:
        found.update(session)
        return ""

    client = app.test_client()
    client.get("/rich")
    client.get("/look")
    assert found == RICH
    assert {key: type(value) for key, value in found.items()} == {
        key: type(value) for key, value in RICH.items()
    }


def test_the_cookie_is_a_random_id_that_the_store_does_not_have(
    app: Erlen, backend: Backend
) -> None:
    client = app.test_client()
    answer = client.get("/set/word/thistle")
    assert len(id_of(client)) == 43
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "thistle" not in answer.headers["Set-Cookie"]
    assert answer.headers["Vary"] == "Cookie"
    contents = backend.contents()
    assert b"thistle" in contents
    assert id_of(client).encode() not in contents


def test_nothing_is_kept_for_who_does_nothing(app: Erlen) -> None:
    client = app.test_client()
    answer = client.get("/get")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Vary"] == "Cookie"
    assert "Vary" not in client.get("/idle").headers


def test_unchanged_sessions_send_no_cookie_again(app: Erlen) -> None:
    client = app.test_client()
    client.get("/set/a/1")
    assert "Set-Cookie" not in client.get("/get").headers
    assert "Set-Cookie" not in client.get("/set/a/2").headers
    assert client.get("/get").json == {"a": "2"}


def test_changes_inside_of_values_are_kept(app: Erlen) -> None:
    client = app.test_client()
    for _ in range(3):
        client.get("/grow")
        client.get("/set/grown/yes")
    assert client.get("/get").json == {"list": [0, 1, 2], "grown": "yes"}


def test_clearing_deletes_cookie_and_session(app: Erlen) -> None:
    client = app.test_client()
    client.get("/set/a/1")
    old = id_of(client)
    assert "1970" in client.get("/clear").headers["Set-Cookie"]
    client.set_cookie("session", old)
    assert client.get("/get").json == {}


@pytest.mark.parametrize("made_up", ["A" * 43, "x", "", "../../etc/passwd", "A" * 3000, "é" * 43])
def test_an_id_from_outside_is_never_adopted(app: Erlen, made_up: str) -> None:
    client = app.test_client()
    client.set_cookie("session", made_up)
    assert client.get("/get").json == {}
    client.set_cookie("session", made_up)
    client.get("/set/a/1")
    assert id_of(client) != made_up
    assert client.get("/get").json == {"a": "1"}
    thief = app.test_client()
    thief.set_cookie("session", made_up)
    assert thief.get("/get").json == {}


def test_the_id_changes_at_login_and_logout(app: Erlen) -> None:
    client = app.test_client()
    client.get("/set/cart/apple")
    before = id_of(client)
    client.get("/login/7")
    during = id_of(client)
    assert before != during
    assert client.get("/get").json == {"cart": "apple", "user_id": "7"}
    # Who had planted or seen the id before has nothing from it.
    thief = app.test_client()
    thief.set_cookie("session", before)
    assert thief.get("/get").json == {}
    client.get("/login/8")
    assert id_of(client) != during
    thief.set_cookie("session", during)
    assert thief.get("/get").json == {}


def test_regenerate(app: Erlen) -> None:
    @app.get("/regenerate")
    def regenerate() -> str:
        session.regenerate()  # type: ignore[attr-defined]
        return ""

    client = app.test_client()
    client.get("/set/a/1")
    before = id_of(client)
    client.get("/regenerate")
    assert id_of(client) != before
    assert client.get("/get").json == {"a": "1"}
    client.set_cookie("session", before)
    assert client.get("/get").json == {}


def signed_in(app: Erlen, user: str) -> t.Any:
    client = app.test_client()
    client.get(f"/login/{user}")
    client.get("/set/a/1")
    assert client.get("/get").json == {"user_id": user, "a": "1"}
    return client


def test_all_sessions_of_a_user_end_at_once(app: Erlen) -> None:
    @app.get("/sign-out-others")
    def others() -> str:
        session["a"] = "2"
        sign_out(session["user_id"], keep_current=True)
        return ""

    user = uuid.uuid4().hex
    one, two, three = (signed_in(app, user) for _ in range(3))
    stranger = signed_in(app, uuid.uuid4().hex)
    one.get("/sign-out-others")
    assert two.get("/get").json == three.get("/get").json == {}
    assert one.get("/get").json == {"user_id": user, "a": "2"}
    again = signed_in(app, user)
    with app.app_context():
        sign_out(user)
    assert one.get("/get").json == again.get("/get").json == {}
    assert stranger.get("/get").json["a"] == "1"
    assert signed_in(app, user).get("/get").json["user_id"] == user


def test_a_session_that_was_signed_out_is_not_brought_back(app: Erlen) -> None:
    @app.get("/late/<user>")
    def late(user: str) -> str:
        assert session["user_id"] == user
        # From another device, while this request runs.
        sign_out(user)
        session["a"] = "changed"
        return ""

    @app.get("/late-regenerate/<user>")
    def late_regenerate(user: str) -> str:
        session.regenerate()  # type: ignore[attr-defined]
        sign_out(user)
        return ""

    for path in ("late", "late-regenerate"):
        user = uuid.uuid4().hex
        client = signed_in(app, user)
        assert client.get(f"/{path}/{user}").status_code == 200
        assert client.get("/get").json == {}


def test_two_requests_change_different_keys(app: Erlen) -> None:
    @app.get("/slow/<key>")
    def slow(key: str) -> str:
        session[key] = "slow"
        session.pop("gone", None)
        if key == "outer":
            other = app.test_client()
            other.set_cookie("session", value)
            other.get("/set/inner/1")
        return ""

    client = app.test_client()
    client.get("/set/gone/1")
    client.get("/set/kept/1")
    value = id_of(client)
    client.get("/slow/outer")
    assert client.get("/get").json == {"outer": "slow", "inner": "1", "kept": "1"}


def test_update_atomic_sees_what_others_wrote(app: Erlen) -> None:
    calls: list[int] = []

    @app.get("/atomic")
    def atomic() -> dict[str, int]:
        session["mine"] = [1]
        other = app.test_client()
        other.set_cookie("session", value)
        other.get("/set/n/5")

        def change(data: dict[str, t.Any]) -> int:
            calls.append(1)
            data["n"] = int(data["n"]) + 1
            data["mine"].append(2)
            return t.cast(int, data["n"])

        n = session.update_atomic(change)  # type: ignore[attr-defined]
        return {"n": n, "seen": session["n"]}

    client = app.test_client()
    client.get("/set/n/1")
    value = id_of(client)
    assert client.get("/atomic").json == {"n": 6, "seen": 6}
    assert client.get("/get").json == {"n": 6, "mine": [1, 2]}
    # Once in vain, once for good: what the first call did to the list is void.
    assert len(calls) == 2


def test_a_new_session_can_be_updated(app: Erlen) -> None:
    @app.get("/first")
    def first() -> str:
        session.update_atomic(lambda data: data.update(n=1))  # type: ignore[attr-defined]
        return ""

    client = app.test_client()
    client.get("/first")
    assert client.get("/get").json == {"n": 1}


def test_update_atomic_of_an_ended_session_is_a_conflict(app: Erlen) -> None:
    @app.get("/late/<user>")
    def late(user: str) -> str:
        assert session["user_id"] == user
        sign_out(user)
        session.update_atomic(lambda data: data.update(n=1))  # type: ignore[attr-defined]
        return ""

    client = signed_in(app, "late")
    assert client.get("/late/late").status_code == 409
    assert client.get("/get").json == {}


def test_sessions_live_on_while_they_are_used(
    make: t.Callable[..., Erlen], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(PERMANENT_SESSION_LIFETIME=100)
    client = app.test_client()
    client.get("/login/9")
    now = time.time()
    for passed in (60, 120, 180):
        monkeypatch.setattr(codec, "time", lambda passed=passed: now + passed)
        assert client.get("/get").json == {"user_id": "9"}
    monkeypatch.setattr(codec, "time", lambda: now + 290)
    assert client.get("/get").json == {}


def test_the_store_forgets_in_time(backend: Backend) -> None:
    store = store_for(backend.url)
    key, owner = uuid.uuid4().hex * 2, uuid.uuid4().hex * 2
    store.create(key, codec.seal({"a": 1}), 0.9, owner)
    long, raw = uuid.uuid4().hex * 2, codec.seal({"a": 2})
    # More than thirty days, which Memcached takes for a date.
    store.create(long, raw, 31 * 86400, owner)
    assert store.read(key) is not None
    end = time.monotonic() + 4
    while store.read(key) is not None:
        assert time.monotonic() < end
        time.sleep(0.05)
    found = store.read(long)
    assert found is not None and found.raw == raw
    store.close()


def test_permanent_sessions(app: Erlen) -> None:
    @app.get("/permanent/<int:value>")
    def permanent(value: int) -> str:
        session.permanent = bool(value)
        return ""

    client = app.test_client()
    assert "Expires" not in client.get("/set/a/1").headers["Set-Cookie"]
    assert "Expires" in client.get("/permanent/1").headers["Set-Cookie"]
    assert "Expires" in client.get("/get").headers["Set-Cookie"]
    assert "Set-Cookie" not in client.get("/idle").headers
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    assert "Set-Cookie" not in client.get("/get").headers
    assert "Expires" not in client.get("/permanent/0").headers["Set-Cookie"]


def test_the_test_clients_transaction(app: Erlen) -> None:
    client = app.test_client()
    with client.session_transaction() as opened:
        opened["a"] = 1
    assert client.get("/get").json == {"a": 1}
    with client:
        client.get("/set/b/2")
        assert dict(session) == {"a": 1, "b": "2"}


def test_both_colours_share_sessions(app: Erlen) -> None:
    async def ask() -> None:
        async with app.async_client() as client:
            for number in range(4):
                await client.get(f"/aset/a{number}/1")
                await client.get(f"/set/s{number}/1")
                seen = (await client.get("/aget")).json
                assert seen == (await client.get("/get")).json
                assert seen is not None and len(seen) == 2 * number + 2

    asyncio.run(ask())
    client = app.test_client()
    client.get("/aset/a/1")
    client.get("/aset/b/1")
    assert client.get("/aget").json == client.get("/get").json == {"a": "1", "b": "1"}
    assert app.session_interface.expected == {"aput", "aget"}  # type: ignore[attr-defined]


def test_a_websocket_saves_its_session_at_the_end(app: Erlen) -> None:
    from erlen import websocket

    @app.websocket("/ws")
    async def echo() -> None:
        session["early"] = await websocket.receive()
        await websocket.send(session.get("before", ""))

    @app.websocket("/wait")
    def wait() -> None:
        session["sync"] = websocket.receive()

    client = app.test_client()
    client.get("/set/before/tea")
    for _ in range(2):
        with client.websocket_connect("/ws") as link:
            link.send("hello")
            assert link.receive() == "tea"
    with client.websocket_connect("/wait") as link:
        link.send("bye")
    end = time.monotonic() + 5
    while "sync" not in (client.get("/get").json or {}) and time.monotonic() < end:
        time.sleep(0.02)
    assert client.get("/get").json == {"before": "tea", "early": "hello", "sync": "bye"}


def test_writing_twice_is_found_out(backend: Backend) -> None:
    """A write whose answer was lost is tried again; it must not look like somebody else's."""
    store = store_for(backend.url)
    key, new = uuid.uuid4().hex * 2, uuid.uuid4().hex * 2
    for owner in (None, uuid.uuid4().hex * 2):
        first, second, other = (codec.seal({"n": n}) for n in range(3))
        store.create(key, first, 60, owner)
        record = store.read(key)
        assert record is not None
        assert store.replace(key, record, second, 60, owner) is DONE
        assert store.replace(key, record, second, 60, owner) is DONE
        assert store.replace(key, record, other, 60, owner) is CHANGED
        assert store.move(key, record, new, other, 60, owner) is CHANGED
        assert store.replace(new, record, other, 60, owner) is GONE
        assert store.move(key, Record(second), new, other, 60, owner) is DONE
        assert store.read(key) is None
        assert store.replace(key, Record(second), other, 60, owner) is GONE
        moved = store.read(new)
        assert moved is not None and moved.raw == other
        store.delete(new)
        assert store.read(new) is None
    store.close()
