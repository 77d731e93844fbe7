"""Streams of events under WSGI and ASGI, from sources of both colours."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import typing as t

import pytest

from erlen import Erlen, g, request
from erlen.channels import Channels
from erlen.sse import Event, EventLog, EventStream, close_all, last_event_id

Event_ = dict[str, t.Any]
SOURCES = ["sync", "async", "channel"]


class Client:
    """Reads a stream as it comes, by WSGI in a thread or by ASGI on a loop in a thread."""

    def __init__(self, app: Erlen, protocol: str, path: str, **headers: str) -> None:
        self.chunks: queue.Queue[bytes | BaseException | None] = queue.Queue()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.app, self.path, self.sent_headers = app, path, headers
        self.leave = threading.Event()
        self.received = b""
        target = self._wsgi if protocol == "wsgi" else lambda: asyncio.run(self._asgi())
        self.thread = threading.Thread(target=target)
        self.thread.start()

    def _wsgi(self) -> None:
        from werkzeug.test import EnvironBuilder

        headers = {name.replace("_", "-"): value for name, value in self.sent_headers.items()}
        environ = EnvironBuilder(self.path, headers=headers).get_environ()

        def start_response(status: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
            self.status = int(status[:3])
            self.headers = {name.lower(): value for name, value in headers}

        body: t.Any = None
        try:
            body = self.app(environ, start_response)
            for chunk in body:
                self.chunks.put(chunk)
                if self.leave.is_set():
                    break
            self.chunks.put(None)
        except BaseException as error:
            self.chunks.put(error)
        finally:
            if hasattr(body, "close"):
                body.close()

    async def _asgi(self) -> None:
        path, _, query = self.path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"localhost")]
            + [
                (k.replace("_", "-").lower().encode(), v.encode())
                for k, v in self.sent_headers.items()
            ],
            "server": ("localhost", 80),
            "client": ("127.0.0.1", 1),
        }
        asked = False

        async def receive() -> Event_:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            while not self.leave.is_set():
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

        async def send(event: Event_) -> None:
            if event["type"] == "http.response.start":
                self.status = event["status"]
                self.headers = {n.decode(): v.decode() for n, v in event["headers"]}
            elif event.get("body"):
                self.chunks.put(event["body"])

        try:
            await self.app.asgi_app(scope, receive, send)
            self.chunks.put(None)
        except BaseException as error:
            self.chunks.put(error)

    def until(self, text: str, seconds: float = 5) -> bytes:
        """Read until some text was there."""
        end = time.monotonic() + seconds
        while text.encode() not in self.received:
            chunk = self.chunks.get(timeout=max(end - time.monotonic(), 0.01))
            if isinstance(chunk, BaseException):
                raise chunk
            assert chunk is not None, self.received
            self.received += chunk
        return self.received

    def rest(self, seconds: float = 5) -> bytes:
        """Read up to the end."""
        while (chunk := self.chunks.get(timeout=seconds)) is not None:
            if isinstance(chunk, BaseException):
                raise chunk
            self.received += chunk
        self.thread.join(5)
        return self.received

    def go(self, seconds: float = 5) -> None:
        """Leave, and wait until the server has noticed."""
        self.leave.set()
        self.thread.join(seconds)
        assert not self.thread.is_alive()


@pytest.fixture(params=["wsgi", "asgi"])
def protocol(request: pytest.FixtureRequest) -> str:
    return t.cast(str, request.param)


@pytest.fixture
def app() -> Erlen:
    app = Erlen("streams", static_folder=None)
    app.testing = True
    return app


def numbers(kind: str, count: int, pause: float, log: list[str]) -> t.Any:
    def in_thread() -> t.Iterator[t.Any]:
        try:
            for number in range(count):
                time.sleep(pause)
                yield Event({"n": number, "path": request.path}, id=number)
        finally:
            log.append("closed")

    async def on_loop() -> t.AsyncIterator[t.Any]:
        try:
            for number in range(count):
                await asyncio.sleep(pause)
                yield Event({"n": number, "path": request.path}, id=number)
        finally:
            log.append("closed")

    return in_thread() if kind == "sync" else on_loop()


def wait_for(condition: t.Callable[[], t.Any], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("view", ["sync", "async"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_generators(app: Erlen, protocol: str, view: str, kind: str) -> None:
    log: list[str] = []
    app.teardown_request(lambda error: log.append("teardown"))

    @app.get("/sync")
    def sync_view() -> EventStream:
        return EventStream(numbers(kind, 3, 0.05, log), heartbeat=0.02, retry=1500)

    @app.get("/async")
    async def async_view() -> EventStream:
        return EventStream(numbers(kind, 3, 0.05, log), heartbeat=0.02, retry=1500)

    client = Client(app, protocol, f"/{view}")
    body = client.rest()
    assert client.status == 200
    assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert client.headers["cache-control"] == "no-cache, no-transform"
    assert client.headers["x-accel-buffering"] == "no"
    assert "content-length" not in client.headers
    assert body.startswith(b"retry: 1500\n\n")
    lines = [line for line in body.split(b"\n") if line.startswith((b"id", b"data"))]
    assert lines == [
        line
        for n in range(3)
        for line in (b"id: %d" % n, b'data: {"n": %d, "path": "/%s"}' % (n, view.encode()))
    ]
    assert body.count(b":\n\n") >= 3
    assert log == ["closed", "teardown"]


@pytest.mark.timed
@pytest.mark.parametrize("kind", SOURCES)
def test_the_client_leaves(app: Erlen, protocol: str, kind: str) -> None:
    """Noticed at the next heartbeat under WSGI, at once under ASGI."""
    log: list[str] = []
    channels = Channels()
    app.teardown_request(lambda error: log.append("teardown"))

    @app.get("/")
    async def view() -> EventStream:
        if kind == "channel":
            return EventStream(channels.subscribe("a"), heartbeat=0.3)
        return EventStream(numbers(kind, 1000, 0.05, log), heartbeat=0.3)

    client = Client(app, protocol, "/")
    if kind == "channel":
        client.until(":\n")
        wait_for(lambda: channels.count("a"))
    else:
        client.until("id: 0")
    started = time.monotonic()
    client.go()
    assert time.monotonic() - started < 0.8
    wait_for(lambda: "teardown" in log)
    if kind == "channel":
        assert channels.count("a") == 0
        assert log == ["teardown"]
    else:
        wait_for(lambda: len(log) == 2)
        assert sorted(log) == ["closed", "teardown"]


def test_a_channel(app: Erlen, protocol: str) -> None:
    channels = Channels(history=10)
    first = channels.publish("a", "text\nof two lines")

    @app.get("/")
    async def view() -> EventStream:
        return EventStream(channels.subscribe("a", after=last_event_id()))

    client = Client(app, protocol, "/")
    client.until(":\n")
    wait_for(lambda: channels.count("a"))
    second = channels.publish("a", {"n": 2}, event="number")
    body = client.until("}\n\n")
    assert body == f':\n\nevent: number\nid: {second}\ndata: {{"n": 2}}\n\n'.encode()
    client.leave.set()
    channels.publish("a", 3)
    client.go()
    # Back again, with what was missed.
    client = Client(app, protocol, "/", Last_Event_ID=first)
    body = client.until("data: 3\n\n")
    assert body.count(b"id: ") == 2
    client.leave.set()
    channels.publish("a", 4)
    client.go()
    # From long ago: the page is told that something may be missing.
    client = Client(app, protocol, "/", Last_Event_ID="1-1")
    body = client.until("data: 4\n\n")
    assert body.startswith(b":\n\nevent: gap\ndata: \n\n")
    assert body.count(b"id: ") == 4
    assert b"data: text\ndata: of two lines\n" in body
    client.leave.set()
    channels.publish("a", 5)
    client.go()


def test_a_log(app: Erlen, protocol: str) -> None:
    log = EventLog(3)
    ids = [log.append(number) for number in range(5)]
    assert len(log) == 3
    assert [message.data for message in log] == [2, 3, 4]

    @app.get("/")
    async def view() -> EventStream:
        return EventStream(log.follow(last_event_id()), to_event=lambda m: Event(m.data * 10, m.id))

    client = Client(app, protocol, "/", Last_Event_ID=ids[3])
    client.until("data: 40\n\n")
    assert log.followers == 1
    log.append(5)
    client.until("data: 50\n\n")
    client.leave.set()
    log.append(6)
    client.go()
    wait_for(lambda: log.followers == 0)


@pytest.mark.parametrize("kind", SOURCES)
def test_the_server_ends(app: Erlen, protocol: str, kind: str) -> None:
    log: list[str] = []
    channels = Channels()

    @app.get("/")
    async def view() -> EventStream:
        closing = Event("until later", event="bye")
        if kind == "channel":
            return EventStream(channels.subscribe("a"), closing=closing)
        return EventStream(numbers(kind, 1000, 0.05, log), closing=closing)

    client = Client(app, protocol, "/")
    if kind == "channel":
        client.until(":\n")
        wait_for(lambda: channels.count("a"))
    else:
        client.until("id: 0")
    assert close_all() == 1
    assert client.rest().endswith(b"event: bye\ndata: until later\n\n")
    assert close_all() == 0
    if kind != "channel":
        wait_for(lambda: log == ["closed"])


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_generator_that_fails(
    app: Erlen, protocol: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> t.Iterator[t.Any]:
        yield "one"
        raise TimeoutError("of its own")

    async def fails_too() -> t.AsyncIterator[t.Any]:
        yield "one"
        raise TimeoutError("of its own")

    @app.get("/")
    async def view() -> EventStream:
        return EventStream(fails() if kind == "sync" else fails_too())

    client = Client(app, protocol, "/")
    with pytest.raises(TimeoutError, match="of its own"):
        client.rest()
    assert client.received == b":\n\ndata: one\n\n"


def test_a_slow_client(app: Erlen, caplog: pytest.LogCaptureFixture) -> None:
    """A client that reads nothing is ended, and does not hold the others up."""
    channels = Channels(queue=3)

    @app.get("/")
    async def view() -> EventStream:
        return EventStream(channels.subscribe("a"))

    body = iter(t.cast(t.Any, app.test_client().get("/").response))
    assert next(body) == b":\n\n"
    channels.publish("a", "before anybody is there")
    thread = threading.Thread(target=lambda: collected.append(next(body)))
    collected: list[bytes] = []
    thread.start()
    wait_for(lambda: channels.count("a"))
    for number in range(10):
        channels.publish("a", number)
        time.sleep(0.01)
    thread.join(5)
    rest = list(body)
    assert collected and len(rest) == 3
    assert "reads too slowly" in caplog.text


def test_no_heartbeat(app: Erlen, protocol: str) -> None:
    @app.get("/")
    async def view() -> EventStream:
        return EventStream(numbers("async", 2, 0.05, []), heartbeat=None)

    assert Client(app, protocol, "/").rest().count(b":\n\n") == 1


def test_head_and_streams_that_are_never_read(app: Erlen) -> None:
    channels = Channels()
    log: list[str] = []

    @app.get("/")
    def view() -> EventStream:
        g.stream = EventStream(channels.subscribe("a"))
        return EventStream(numbers("sync", 3, 0, log))

    before = threading.active_count()
    response = app.test_client().head("/")
    assert response.status_code == 200
    assert response.content_type == "text/event-stream; charset=utf-8"
    response.close()
    assert channels.count("a") == 0
    assert threading.active_count() == before


def test_status_and_headers(app: Erlen) -> None:
    @app.get("/")
    def view() -> t.Any:
        stream = EventStream(["a", "b"], status=203, headers={"X-A": "1", "Cache-Control": "x"})
        stream.set_cookie("c", "d")
        return stream

    response = app.test_client().get("/")
    assert response.status_code == 203
    assert response.headers["X-A"] == "1"
    assert response.headers["Cache-Control"] == "x"
    assert response.headers["Set-Cookie"] == "c=d; Path=/"
    assert response.data == b":\n\ndata: a\n\ndata: b\n\n"


def test_an_own_response_class(app: Erlen) -> None:
    from erlen import Response

    class Own(Response):
        pass

    app.response_class = Own
    app.add_url_rule("/", "view", lambda: EventStream(["a"]))
    response = app.test_client().get("/")
    assert response.data == b":\n\ndata: a\n\n"


@pytest.mark.parametrize("source", [None, 5, "text", b"bytes", {"a": 1}])
def test_what_is_no_source(source: t.Any) -> None:
    with pytest.raises(TypeError, match="The source of an EventStream"):
        EventStream(source)


@pytest.mark.parametrize("heartbeat", [0, -1])
def test_heartbeats(heartbeat: float) -> None:
    with pytest.raises(ValueError, match="heartbeat"):
        EventStream([], heartbeat=heartbeat)


def test_last_event_id(app: Erlen) -> None:
    for given, expected in ((None, None), ("", None), ("5-1", "5-1"), ("\u20ac", None)):
        headers = {} if given is None else {"Last-Event-ID": given}
        if given == "\u20ac":
            continue
        with app.test_request_context("/", headers=headers):
            assert last_event_id() == expected


def test_many_streams_on_one_loop(app: Erlen) -> None:
    """A hundred streams of an async view cost no thread."""
    channels = Channels()

    @app.get("/")
    async def view() -> EventStream:
        return EventStream(channels.subscribe("a"))

    async def main() -> None:
        got: list[bytes] = []
        leave = asyncio.Event()

        async def one() -> None:
            asked = False

            async def receive() -> Event_:
                nonlocal asked
                if asked:
                    await leave.wait()
                    return {"type": "http.disconnect"}
                asked = True
                return {"type": "http.request"}

            async def send(event: Event_) -> None:
                if b"hello" in event.get("body", b""):
                    got.append(event["body"])

            scope = {
                "type": "http",
                "method": "GET",
                "path": "/",
                "query_string": b"",
                "headers": [(b"host", b"localhost")],
            }
            await app.asgi_app(scope, receive, send)

        before = threading.active_count()
        tasks = [asyncio.create_task(one()) for _ in range(100)]
        async with asyncio.timeout(20):
            while channels.count("a") < 100:
                await asyncio.sleep(0.01)
            channels.publish("a", "hello")
            while len(got) < 100:
                await asyncio.sleep(0.01)
            assert threading.active_count() <= before + 1
            leave.set()
            await asyncio.wait(tasks)
        assert channels.count("a") == 0

    asyncio.run(main())
