"""What is done with sessions, whatever the store."""

from __future__ import annotations

import sys
import types
import typing as t

import pytest

from erlen import Erlen, session
from erlen.sessionstores import SessionEnded, StoreUnavailable, codec, guard, keeper
from erlen.sessionstores.keeper import Keeper, digest
from erlen.sessionstores.store import Record


@pytest.fixture
def kept(memory: t.Any) -> Keeper:
    return Keeper(memory, ["user"])


def begun(kept: Keeper, **data: t.Any) -> str:
    new = kept.open(None, 100)
    new.update(data)
    id = kept.save(new)
    assert id is not None
    return id


def test_only_what_has_to_be_is_written(kept: Keeper, memory: t.Any) -> None:
    kept.save(kept.open(None, 100))
    assert memory.calls == []
    id = begun(kept, a=1, b=[1])
    found = kept.open(id, 100)
    assert (found, found.new) == ({"a": 1, "b": [1]}, False)
    kept.save(found)
    assert memory.calls == ["create", "read"]
    found["b"].append(2)
    kept.save(found)
    kept.save(found)
    assert memory.calls == ["create", "read", "replace"]
    assert kept.open(id, 100)["b"] == [1, 2]


def test_bytes_that_are_no_session_are_an_empty_one(kept: Keeper, memory: t.Any) -> None:
    id = begun(kept, a=1)
    for raw in (b"", b"\x80\x04K\x01.", b"0" * 24 + b"[]"):
        memory.kept[digest(id)] = raw
        found = kept.open(id, 100)
        assert (found, found.new) == ({}, True)


def test_a_user_of_any_type_is_the_same_user(kept: Keeper, memory: t.Any) -> None:
    one, two = begun(kept, user=7), begun(kept, user="7")
    kept.end_all(7, None)
    assert not kept.open(one, 100) and not kept.open(two, 100)


def test_lost_for_good_is_told(kept: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "PATIENCE", 0.05)
    found = kept.open(begun(kept, n=1), 100)

    def interrupted(data: dict[str, t.Any]) -> None:
        # Somebody else is always faster.
        store: t.Any = kept.store
        store.kept[found._key] = codec.seal({"n": 2})

    with pytest.raises(StoreUnavailable, match="others wrote"):
        found.update_atomic(interrupted)


def test_a_change_that_fails_changes_nothing(kept: Keeper) -> None:
    id = begun(kept, items=[1])
    found = kept.open(id, 100)

    def fail(data: dict[str, t.Any]) -> None:
        data["items"].append(2)
        raise LookupError

    with pytest.raises(LookupError):
        found.update_atomic(fail)
    kept.save(found)
    assert found["items"] == [1] and kept.open(id, 100)["items"] == [1]


def test_coroutine_functions_are_refused(kept: Keeper) -> None:
    async def change(data: dict[str, t.Any]) -> None: ...

    with pytest.raises(TypeError, match="coroutine"):
        kept.open(None, 100).update_atomic(change)


def test_an_ended_session_stays_ended(kept: Keeper, memory: t.Any) -> None:
    found = kept.open(begun(kept, a=1), 100)
    memory.kept.clear()
    found["a"] = 2
    assert kept.save(found) is None
    found["a"] = 3
    assert kept.save(found) is None
    assert memory.kept == {}
    with pytest.raises(SessionEnded):
        found.update_atomic(lambda data: None)


def test_signing_in_survives_the_end_of_the_session_before(kept: Keeper, memory: t.Any) -> None:
    found = kept.open(begun(kept, a=1), 100)
    memory.kept.clear()
    found["user"] = 7
    id = kept.save(found)
    assert kept.open(id, 100) == {"a": 1, "user": 7}


def test_the_guard(memory: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(guard, "monotonic", lambda: now[0])
    ask = guard.Guard(memory)
    assert ask(memory.read, "x") is None
    memory.error = OSError("unplugged")
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            ask(memory.read, "x")
    assert memory.calls == ["read"] * 2
    now[0] += guard.PAUSE + 0.1
    with pytest.raises(StoreUnavailable, match="unplugged"):
        ask(memory.read, "x")
    memory.error = None
    with pytest.raises(StoreUnavailable):
        ask(memory.read, "x")
    now[0] += guard.PAUSE + 0.1
    assert ask(memory.read, "x") is None and ask(memory.read, "x") is None
    assert memory.calls == ["read"] * 5


def test_faults_of_a_store_are_no_outage(memory: t.Any) -> None:
    ask = guard.Guard(memory)
    memory.error = LookupError("a fault")
    with pytest.raises(LookupError):
        ask(memory.read, "x")
    memory.error = None
    assert ask(memory.read, "x") is None


def test_record_is_what_was_read() -> None:
    assert Record(b"x") == (b"x", None)


def test_other_sessions_in_the_same_process_are_apart(memory: t.Any) -> None:
    app = Erlen(__name__)
    app.config["SESSION_STORE"] = memory

    @app.get("/<int:number>")
    def put(number: int) -> dict[str, t.Any]:
        session["numbers"] = [*session.get("numbers", []), number]
        return dict(session)

    clients = [app.test_client() for _ in range(3)]
    for _ in range(2):
        for number, client in enumerate(clients):
            client.get(f"/{number}")
    assert [c.get("/9").json for c in clients] == [{"numbers": [n, n, 9]} for n in range(3)]


def test_a_test_that_prepares_a_session_hears_of_an_outage(memory: t.Any) -> None:
    app = Erlen(__name__)
    app.config["SESSION_STORE"] = memory
    memory.error = OSError("unplugged")
    with pytest.raises(StoreUnavailable), app.test_client().session_transaction() as opened:
        opened["a"] = 1


def test_a_half_imported_asyncio_is_no_loop(memory: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another thread leaves it for a moment when it is the first to run a coroutine."""
    app = Erlen(__name__)
    app.config["SESSION_STORE"] = memory
    app.get("/")(lambda: str(session.get("a")))
    client = app.test_client()
    with client.session_transaction() as opened:
        opened["a"] = 1
    client.get("/")
    monkeypatch.setitem(sys.modules, "asyncio", types.ModuleType("asyncio"))
    assert client.get("/").text == "1"
