"""Who reads, who waits and who is cancelled on one connection, with a server made by hand."""

from __future__ import annotations

import asyncio
import functools
import random
import typing as t

import pytest

import erlen
from erlen import Erlen, websocket
from erlen.http.websocket import WebsocketDisconnect
from erlen.server.ws import sweep
from erlen.server.ws.connection import Connection
from erlen.server.ws.driver import serve
from erlen.server.ws.reading import Limits
from erlen.server.ws.registry import close_all, sockets_of

Event = dict[str, t.Any]
SCOPE: Event = {
    "type": "websocket",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "scheme": "ws",
    "path": "/",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "server": ("localhost", 80),
    "client": ("127.0.0.1", 1),
    "extensions": {"websocket.http.response": {}},
}


def in_loop(test: t.Callable[..., t.Coroutine[t.Any, t.Any, None]]) -> t.Callable[..., None]:
    """Run a test on an event loop of its own, and look for what it leaves behind."""

    @functools.wraps(test)
    def run(*args: t.Any, **kwargs: t.Any) -> None:
        async def main() -> None:
            failures: list[t.Any] = []
            asyncio.get_running_loop().set_exception_handler(lambda loop, c: failures.append(c))
            async with asyncio.timeout(20):
                await test(*args, **kwargs)
            await asyncio.sleep(0)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, left
            assert not failures, failures

        asyncio.run(main())

    return run


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "PERIOD", 0.02)


class Server:
    """An ASGI server for one connection.

    Args:
        safe: Whether a ``receive`` that is cancelled loses no message.
    """

    def __init__(self, safe: bool = True) -> None:
        self.queue: asyncio.Queue[Event] = asyncio.Queue()
        self.sent: list[Event] = []
        self.reading = 0
        self.receive = self.queue.get if safe else self._careless
        self.writable = asyncio.Event()
        self.writable.set()
        self.error: Exception | None = None

    async def _careless(self) -> Event:
        # As Granian: what is taken is lost if nobody waits any more.
        self.reading += 1
        assert self.reading == 1, "receive was called twice at a time"
        try:
            event = await self.queue.get()
            await asyncio.sleep(0)
            return event
        finally:
            self.reading -= 1

    async def send(self, event: Event) -> None:
        await self.writable.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(event)

    def text(self, *texts: str) -> None:
        for text in texts:
            self.queue.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int = 1001, reason: str = "away") -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def connection(self, **limits: t.Any) -> Connection:
        known = {"message_size": 100, "queue": 3, "idle": None, "send": None, **limits}
        loop = asyncio.get_running_loop()
        watch = sweep.Sweep(loop)
        return Connection(SCOPE, self.receive, self.send, watch, Limits(**known))


both = pytest.mark.parametrize("safe", [True, False], ids=["safe", "careless"])


@both
@in_loop
async def test_messages_and_the_end(safe: bool) -> None:
    server = Server(safe)
    connection = server.connection()
    server.text("a", "b")
    assert [await connection.receive(), await connection.receive()] == ["a", "b"]
    assert server.sent[0]["type"] == "websocket.accept"
    server.leave(4000, "why")
    for _ in range(3):
        with pytest.raises(WebsocketDisconnect) as caught:
            await connection.receive()
        assert (caught.value.code, caught.value.reason) == (4000, "why")
    with pytest.raises(WebsocketDisconnect):
        await connection.send("x")
    await connection.finish()
    assert not await connection.take_back()


@both
@in_loop
async def test_a_cancelled_receive_loses_nothing(safe: bool) -> None:
    server = Server(safe)
    connection = server.connection(queue=1000)
    await connection.accept()
    chance, got = random.Random(1), []

    async def feed() -> None:
        for number in range(500):
            server.text(str(number))
            await asyncio.sleep(chance.choice((0, 0, 0.0005)))

    feeding = asyncio.create_task(feed())
    cancelled = 0
    while len(got) < 500:
        try:
            got.append(await asyncio.wait_for(connection.receive(), chance.random() * 0.001))
        except TimeoutError:
            cancelled += 1
    await feeding
    assert got == [str(number) for number in range(500)]
    assert cancelled
    await connection.finish()


@both
@in_loop
async def test_several_tasks_receive(safe: bool) -> None:
    server = Server(safe)
    connection = server.connection()
    await connection.accept()
    got: list[str] = []

    async def take(times: int) -> None:
        for _ in range(times):
            got.append(t.cast(str, await connection.receive()))

    tasks = [asyncio.create_task(take(10)) for _ in range(5)]
    loser = asyncio.create_task(take(1000))
    await asyncio.sleep(0.01)
    for number in range(25):
        server.text(str(number))
    await asyncio.sleep(0.01)
    # One that waits for its turn gives up: the others go on.
    loser.cancel()
    await asyncio.wait([loser])
    for number in range(25, 100):
        server.text(str(number))
    await asyncio.wait(tasks)
    assert set(got) <= {str(number) for number in range(100)}
    assert len(got) == len(set(got)) >= 50
    await connection.finish()


@both
@in_loop
async def test_a_busy_view_is_read_ahead_up_to_a_limit(safe: bool) -> None:
    server = Server(safe)
    connection = server.connection(queue=3)
    await connection.accept()
    server.text(*"abcdefgh")
    await asyncio.sleep(0.1)
    # Three are held; one more may be on its way.
    assert 4 <= server.queue.qsize() <= 5
    assert [await connection.receive() for _ in range(8)] == list("abcdefgh")
    await connection.finish()


@both
@in_loop
async def test_reading_ahead_counts_bytes(safe: bool) -> None:
    server = Server(safe)
    connection = server.connection(queue=1000, message_size=100)
    await connection.accept()
    server.text(*["x" * 40] * 10)
    await asyncio.sleep(0.1)
    assert server.queue.qsize() == 7
    assert [await connection.receive() for _ in range(10)] == ["x" * 40] * 10
    await connection.finish()


@both
@in_loop
async def test_what_came_before_the_end_is_delivered(safe: bool) -> None:
    server = Server(safe)
    connection = server.connection(queue=10)
    connection.task = None  # nobody is cancelled
    await connection.accept()
    server.text("a", "b")
    server.leave()
    await asyncio.sleep(0.1)
    assert connection.ended
    assert [await connection.receive(), await connection.receive()] == ["a", "b"]
    with pytest.raises(WebsocketDisconnect):
        await connection.receive()
    await connection.finish()


@both
@in_loop
async def test_a_busy_view_is_cancelled_once(safe: bool) -> None:
    server = Server(safe)
    seen: list[t.Any] = []

    async def view() -> None:
        connection = server.connection()
        await connection.accept()
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError as error:
            seen.append(str(error))
        await asyncio.sleep(0.05)
        seen.append("cleaned up")
        await connection.finish()
        assert not await connection.take_back()

    task = asyncio.create_task(view())
    server.leave(4000)
    await task
    assert seen == ["The websocket has ended with code 4000.", "cleaned up"]


@both
@in_loop
async def test_the_view_is_cancelled_when_its_task_learns_the_end(safe: bool) -> None:
    server = Server(safe)
    seen: list[t.Any] = []

    async def receive(connection: Connection) -> None:
        try:
            await connection.receive()
        except WebsocketDisconnect as error:
            seen.append(error.code)
            raise

    async def view() -> None:
        connection = server.connection()
        await connection.accept()
        alone = asyncio.create_task(receive(connection))
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("view")
        await asyncio.wait([alone])
        await connection.finish()
        assert not await connection.take_back()

    task = asyncio.create_task(view())
    await asyncio.sleep(0.01)
    server.leave(4001)
    await task
    assert sorted(map(str, seen)) == ["4001", "view"]


@in_loop
async def test_a_server_that_fails_to_receive(capsys: t.Any) -> None:
    server = Server()

    async def receive() -> Event:
        raise ValueError("the server's own")

    connection = server.connection()
    connection._receive, connection._direct = receive, False
    failures: list[t.Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, c: failures.append(c))
    connection.task = None
    await connection.accept()
    with pytest.raises(WebsocketDisconnect) as caught:
        await connection.receive()
    assert caught.value.code == 1006
    await connection.finish()
    import gc

    gc.collect()
    assert "the server's own" in str(failures)


# -- sending -----------------------------------------------------------------------------


@in_loop
async def test_a_loop_that_only_sends_lets_others_run() -> None:
    server = Server()
    connection = server.connection()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for _ in range(320):
        await connection.send("x")
    task.cancel()
    await asyncio.wait([task])
    assert turns >= 20
    await connection.finish()


@in_loop
async def test_two_tasks_send() -> None:
    server = Server()
    connection = server.connection(send=10)

    async def send(name: str) -> None:
        for number in range(50):
            await connection.send(f"{name}{number}")

    await asyncio.gather(send("a"), send("b"))
    texts = [event["text"] for event in server.sent if event["type"] == "websocket.send"]
    assert [text for text in texts if text[0] == "a"] == [f"a{n}" for n in range(50)]
    assert len(texts) == 100
    assert [event["type"] for event in server.sent].count("websocket.accept") == 1
    await connection.finish()


@pytest.mark.parametrize("error", [ConnectionResetError(), RuntimeError("after close")])
@in_loop
async def test_a_send_that_fails(error: Exception) -> None:
    server = Server()
    connection = server.connection()
    await connection.accept()
    server.error = error
    with pytest.raises(WebsocketDisconnect) as caught:
        await connection.send("x")
    assert caught.value.code == 1006
    with pytest.raises(WebsocketDisconnect):
        await connection.receive()
    await connection.close()
    await connection.finish()
    assert not await connection.take_back()


@in_loop
async def test_the_peer_leaves_during_the_handshake() -> None:
    server = Server()
    connection = server.connection()
    server.error = ConnectionResetError()
    with pytest.raises(WebsocketDisconnect):
        await connection.accept()
    with pytest.raises(WebsocketDisconnect):
        await connection.receive()
    await connection.refuse(500, [], b"")
    await connection.finish()


@in_loop
async def test_a_peer_that_reads_nothing() -> None:
    server = Server()
    connection = server.connection(send=0.05)
    seen = []

    async def view() -> None:
        connection.task = asyncio.current_task()
        await connection.accept()
        server.writable.clear()
        try:
            await connection.send("x")
        except asyncio.CancelledError:
            seen.append(connection.code)
        server.writable.set()
        await connection.finish()
        assert not await connection.take_back()

    await asyncio.create_task(view())
    assert seen == [1001]
    assert server.sent[-1]["type"] == "websocket.close"


# -- the application around it -----------------------------------------------------------


def make() -> Erlen:
    app = Erlen("connections", static_folder=None)
    app.testing = True
    return app


@in_loop
async def test_the_server_cancels() -> None:
    app, server, seen = make(), Server(), []
    app.teardown_websocket(lambda exc: seen.append(type(exc).__name__))

    @app.websocket("/")
    async def view() -> None:
        try:
            await websocket.receive()
        finally:
            seen.append("view")

    server.queue.put_nowait({"type": "websocket.connect"})
    task = asyncio.ensure_future(serve(app, SCOPE, server.receive, server.send))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert seen == ["view", "CancelledError"]


@in_loop
async def test_the_server_cancels_a_view_in_a_thread() -> None:
    app, server, seen = make(), Server(), []
    app.teardown_websocket(lambda exc: seen.append("teardown"))

    @app.websocket("/")
    def view() -> None:
        try:
            erlen.blocking_websocket.receive()
        except WebsocketDisconnect as error:
            seen.append(error.code)
            raise

    server.queue.put_nowait({"type": "websocket.connect"})
    task = asyncio.ensure_future(serve(app, SCOPE, server.receive, server.send))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait([task])
    assert seen == [1001, "teardown"]
    assert server.sent[-1]["type"] == "websocket.close"


@in_loop
async def test_a_client_that_leaves_before_it_connects() -> None:
    app, server = make(), Server()
    app.add_websocket("/", "view", lambda: pytest.fail("called"))
    server.leave()
    await serve(app, SCOPE, server.receive, server.send)
    assert server.sent == []


class Uncancellable(asyncio.Task):  # type: ignore[type-arg]
    def cancel(self, msg: t.Any = None) -> bool:
        return False


@in_loop
async def test_a_task_that_cannot_be_cancelled() -> None:
    """Granian runs applications in such tasks, if it is told to."""
    app, server, seen = make(), Server(), []

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    server.queue.put_nowait({"type": "websocket.connect"})
    server.leave()

    async def run() -> None:
        await serve(app, SCOPE, server.receive, server.send)

    await Uncancellable(run())
    assert seen == ["cancelled"]


@in_loop
async def test_draining() -> None:
    app, seen = make(), []

    @app.websocket("/")
    async def in_loop() -> None:
        try:
            await websocket.receive()
        except WebsocketDisconnect as error:
            seen.append(("async", error.code))

    @app.websocket("/busy")
    async def busy() -> None:
        await websocket.accept()
        try:
            await asyncio.sleep(10)
        finally:
            seen.append(("busy", 0))

    @app.websocket("/sync")
    def in_thread() -> None:
        try:
            erlen.blocking_websocket.receive()
        except WebsocketDisconnect as error:
            seen.append(("sync", error.code))

    assert await close_all(app) == 0
    servers = {path: Server() for path in ("/", "/busy", "/sync")}
    tasks = []
    for path, server in servers.items():
        server.queue.put_nowait({"type": "websocket.connect"})
        scope = {**SCOPE, "path": path}
        tasks.append(asyncio.ensure_future(serve(app, scope, server.receive, server.send)))
    await asyncio.sleep(0.1)
    assert len(sockets_of(app).connections) == 3
    assert await close_all(app, 1012, "soon back") == 0
    await asyncio.wait(tasks)
    assert sorted(seen) == [("async", 1012), ("busy", 0), ("sync", 1012)]
    for server in servers.values():
        assert server.sent[-1] == {
            "type": "websocket.close",
            "code": 1012,
            "reason": "soon back",
        }
    late = Server()
    late.queue.put_nowait({"type": "websocket.connect"})
    await serve(app, SCOPE, late.receive, late.send)
    assert late.sent[0]["status"] == 503


@in_loop
async def test_draining_does_not_wait_for_ever() -> None:
    app, server = make(), Server()
    hold = asyncio.Event()

    @app.websocket("/")
    async def stubborn() -> None:
        await websocket.accept()
        try:
            await asyncio.sleep(10)
        finally:
            await hold.wait()

    server.queue.put_nowait({"type": "websocket.connect"})
    task = asyncio.ensure_future(serve(app, SCOPE, server.receive, server.send))
    await asyncio.sleep(0.1)
    assert await close_all(app, timeout=0.05) == 1
    hold.set()
    await task


@in_loop
async def test_nothing_is_kept_of_ended_websockets() -> None:
    app = make()

    @app.websocket("/")
    async def view() -> None:
        await websocket.receive()

    for _ in range(20):
        server = Server()
        server.queue.put_nowait({"type": "websocket.connect"})
        server.text("x")
        await serve(app, SCOPE, server.receive, server.send)
    sockets = sockets_of(app)
    assert not sockets.connections
    assert not sockets.sweep._away and not sockets.sweep._timed


def test_loops_that_have_ended_are_forgotten() -> None:
    app = make()

    async def ask() -> None:
        sockets_of(app)

    for _ in range(3):
        asyncio.run(ask())
    assert len(app.__dict__["_sockets"]) == 1
