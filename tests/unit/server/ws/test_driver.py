"""Websockets from the handshake to the teardown, through the test client."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import typing as t

import pytest
from werkzeug.exceptions import HTTPException, NotFound

import erlen
from erlen import Erlen, g, request, session, websocket
from erlen.sessions import SessionInterface, SessionMixin
from erlen.testing import WebsocketClosed, WebsocketRejected


@pytest.fixture
def app() -> Erlen:
    app = Erlen("websockets", static_folder=None)
    app.secret_key = "secret"
    app.testing = True
    return app


def closed_with(ws: t.Any) -> tuple[int, str]:
    with pytest.raises(WebsocketClosed) as caught:
        ws.receive()
    return caught.value.code, caught.value.reason


def refused(app: Erlen, path: str, **options: t.Any) -> t.Any:
    with pytest.raises(WebsocketRejected) as caught:
        with app.test_client().websocket_connect(path, **options):
            pytest.fail("the websocket was accepted")
    return caught.value.response


# -- messages ----------------------------------------------------------------------------


@pytest.fixture(params=["async", "sync"])
def echo(request: pytest.FixtureRequest, app: Erlen) -> Erlen:
    if request.param == "async":

        @app.websocket("/echo/<int:times>")
        async def echo(times: int) -> None:
            while True:
                data = await websocket.receive()
                for _ in range(times):
                    await websocket.send(data)
    else:

        @app.websocket("/echo/<int:times>")
        def echo(times: int) -> None:
            blocking = erlen.blocking_websocket
            while True:
                data = blocking.receive()
                for _ in range(times):
                    blocking.send(data)

    return app


@pytest.mark.parametrize("data", ["", "text", "\u20ac\U0001f600", b"", b"\x00\xff", "x" * 70_000])
def test_messages_go_both_ways(echo: Erlen, data: t.Any) -> None:
    with echo.test_client().websocket_connect("/echo/2") as ws:
        ws.send(data)
        assert [ws.receive(), ws.receive()] == [data, data]


def test_the_order_is_kept(echo: Erlen) -> None:
    with echo.test_client().websocket_connect("/echo/1") as ws:
        for number in range(300):
            ws.send(str(number))
        assert [ws.receive() for _ in range(300)] == [str(number) for number in range(300)]


def test_json(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        value = await websocket.receive_json()
        await websocket.send_json(value)
        await websocket.send_json(a=1, b=[2])
        await websocket.send_json(1, 2)
        with pytest.raises(TypeError, match="not both"):
            await websocket.send_json(1, a=2)

    with app.test_client().websocket_connect("/") as ws:
        ws.send_json({"key": ["\u20ac", None]})
        assert ws.receive_json() == {"key": ["\u20ac", None]}
        assert ws.receive_json() == {"a": 1, "b": [2]}
        assert ws.receive_json() == [1, 2]
        assert closed_with(ws) == (1000, "")


@pytest.mark.parametrize("text", ["{", "", "nope", "[" * 100_000])
def test_a_message_that_is_not_json(app: Erlen, text: str) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.receive_json()

    with app.test_client().websocket_connect("/") as ws:
        ws.send(text)
        code, reason = closed_with(ws)
    assert code == 1007
    assert reason.startswith("The message is not JSON")
    assert len(reason.encode()) <= 123


@pytest.mark.parametrize("value", [None, 1, ["a"], {"a": 1}])
def test_only_text_and_bytes_are_messages(app: Erlen, value: t.Any) -> None:
    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(TypeError, match="send_json"):
            await websocket.send(value)
        await websocket.send(memoryview(b"view"))
        await websocket.send(bytearray(b"array"))

    with app.test_client().websocket_connect("/") as ws:
        assert [ws.receive(), ws.receive()] == [b"view", b"array"]


# -- the handshake -----------------------------------------------------------------------


def test_what_the_handshake_says(app: Erlen) -> None:
    @app.websocket("/rooms/<room>")
    async def rooms(room: str) -> None:
        await websocket.send_json(
            args=websocket.args,
            base_url=websocket.base_url,
            blueprint=websocket.blueprint,
            cookies=websocket.cookies,
            endpoint=websocket.endpoint,
            header=websocket.headers["X-One"],
            host=websocket.host,
            host_url=websocket.host_url,
            http_version=websocket.http_version,
            method=websocket.method,
            path=websocket.path,
            query=websocket.query_string.decode(),
            remote=websocket.remote_addr,
            root=websocket.script_root,
            scheme=websocket.scheme,
            secure=websocket.is_secure,
            type=websocket.scope["type"],
            url=websocket.url,
            url_root=websocket.url_root,
            values=websocket.view_args,
            same=request.path == websocket.path,
        )

    client = app.test_client()
    client.set_cookie("colour", "red")
    options = {"query_string": {"a": "b c"}, "headers": {"X-One": "1"}}
    with client.websocket_connect("/rooms/x", **options) as ws:
        found = ws.receive_json()
    assert found == {
        "args": {"a": "b c"},
        "base_url": "ws://localhost/rooms/x",
        "blueprint": None,
        "cookies": {"colour": "red"},
        "endpoint": "rooms",
        "header": "1",
        "host": "localhost",
        "host_url": "ws://localhost/",
        "http_version": "1.1",
        "method": "GET",
        "path": "/rooms/x",
        "query": "a=b+c",
        "remote": "127.0.0.1",
        "root": "",
        "scheme": "ws",
        "secure": False,
        "type": "websocket",
        "url": "ws://localhost/rooms/x?a=b+c",
        "url_root": "ws://localhost/",
        "values": {"room": "x"},
        "same": True,
    }


def test_a_secure_websocket_below_a_prefix(app: Erlen) -> None:
    @app.route("/page")
    def page() -> str:
        return ""

    @app.websocket("/ws")
    async def ws() -> None:
        await websocket.send_json(
            [
                websocket.url,
                websocket.scheme,
                websocket.is_secure,
                erlen.url_for("ws"),
                erlen.url_for("page"),
                erlen.url_for("page", _external=True),
            ]
        )

    base = {"base_url": "https://example.org/app"}
    with app.test_client().websocket_connect("/ws", **base) as connected:
        assert connected.receive_json() == [
            "wss://example.org/app/ws",
            "wss",
            True,
            "wss://example.org/app/ws",
            "/app/page",
            "https://example.org/app/page",
        ]


def test_url_for_from_outside(app: Erlen) -> None:
    app.add_websocket("/ws/<int:n>", "ws", lambda n: None)
    with app.test_request_context("/", base_url="https://example.org"):
        assert erlen.url_for("ws", n=3) == "wss://example.org/ws/3"
        assert erlen.url_for("ws", n=3, q="x", _external=True) == "wss://example.org/ws/3?q=x"


def test_accept_with_headers_and_a_subprotocol(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        assert not websocket.connected
        await websocket.accept({"X-Two": "2"}, websocket.requested_subprotocols[1])
        assert websocket.connected
        # What is done already does no harm, unless it would be lost.
        await websocket.accept()
        with pytest.raises(RuntimeError, match="before the first"):
            await websocket.accept(headers={"X-Three": "3"})

    with app.test_client().websocket_connect("/", subprotocols=["one", "two"]) as ws:
        assert ws.subprotocol == "two"
        assert ws.headers["X-Two"] == "2"
        assert closed_with(ws)[0] == 1000


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"subprotocol": "three"}, "did not offer"),
        ({"headers": {"Sec-WebSocket-Protocol": "one"}}, "is the server's"),
        ({"headers": [("Upgrade", "x")]}, "is the server's"),
        ({"headers": {"X": "a\r\nY: b"}}, None),
    ],
)
def test_accept_refuses_what_cannot_be_sent(
    app: Erlen, options: dict[str, t.Any], error: str | None
) -> None:
    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(ValueError, match=error):
            await websocket.accept(**options)
        await websocket.send("still here")

    with app.test_client().websocket_connect("/", subprotocols=["one"]) as ws:
        assert ws.receive() == "still here"


def test_many_tasks_accept_at_once(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        await asyncio.gather(*(websocket.send(str(number)) for number in range(10)))

    with app.test_client().websocket_connect("/") as ws:
        assert sorted(ws.receive() for _ in range(10)) == [str(n) for n in range(10)]


# -- no websocket ------------------------------------------------------------------------


def test_a_path_without_a_rule(app: Erlen) -> None:
    response = refused(app, "/nowhere")
    assert response.status_code == 404
    assert "Not Found" in response.text


def test_a_rule_of_the_other_kind(app: Erlen) -> None:
    @app.route("/page")
    def page() -> str:
        return "page"

    @app.websocket("/ws")
    async def ws() -> None:
        pytest.fail("called")

    @app.route("/both")
    def both() -> str:
        return "both"

    @app.websocket("/both", endpoint="both_ws")
    async def both_ws() -> None:
        await websocket.send("both")

    assert refused(app, "/page").status_code == 400
    assert "takes no websockets" in refused(app, "/page").text
    client = app.test_client()
    assert client.get("/ws").status_code == 400
    assert client.get("/both").text == "both"
    with client.websocket_connect("/both") as connected:
        assert connected.receive() == "both"


def test_a_handshake_that_came_by_wsgi(app: Erlen) -> None:
    @app.websocket("/ws")
    async def ws() -> None:
        pytest.fail("called")

    @app.websocket("/sync")
    def sync() -> None:
        pytest.fail("called")

    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    for path in ("/ws", "/sync"):
        response = app.test_client().get(path, headers=headers)
        assert response.status_code == 501
        assert "ASGI server" in response.text


def test_a_redirect_is_an_answer(app: Erlen) -> None:
    app.add_websocket("/folder/", "folder", lambda: None)
    response = refused(app, "/folder")
    assert response.status_code == 308
    assert response.headers["Location"].endswith("/folder/")


def test_a_view_that_never_accepts(app: Erlen) -> None:
    @app.websocket("/none")
    async def none() -> None:
        return None

    @app.websocket("/close")
    async def close() -> None:
        await websocket.close(4003)
        with pytest.raises(RuntimeError, match="answered already"):
            await websocket.accept()

    @app.websocket("/value")
    async def value() -> tuple[dict[str, str], int]:
        return {"reason": "full"}, 409

    assert refused(app, "/none").status_code == 403
    assert refused(app, "/close").status_code == 403
    response = refused(app, "/value")
    assert (response.status_code, response.json) == (409, {"reason": "full"})


def test_a_server_that_cannot_send_responses(app: Erlen) -> None:
    app.add_websocket("/", "view", lambda: ("no", 401))
    client = app.test_client()
    ws = client.websocket_connect("/")
    ws._session._scope["extensions"] = None
    with pytest.raises(WebsocketRejected) as caught, ws:
        pass
    assert caught.value.response.status_code == 403


def test_trusted_hosts(app: Erlen) -> None:
    app.add_websocket("/", "view", lambda: None)
    app.config["TRUSTED_HOSTS"] = ["example.org"]
    assert refused(app, "/", base_url="http://evil.example").status_code == 400
    assert refused(app, "/", base_url="http://example.org").status_code == 403


# -- who may connect ---------------------------------------------------------------------


def origin_of(app: Erlen, origin: str, base_url: str = "http://localhost") -> int:
    options = {"headers": {"Origin": origin}, "base_url": base_url}
    try:
        with app.test_client().websocket_connect("/", **options):
            return 101
    except WebsocketRejected as error:
        return error.response.status_code


def test_origins(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()

    assert origin_of(app, "http://localhost") == 101
    assert origin_of(app, "https://localhost") == 101  # a proxy that ends TLS
    assert origin_of(app, "https://localhost", "https://localhost") == 101
    assert origin_of(app, "http://localhost", "https://localhost") == 403
    assert origin_of(app, "http://localhost:8000") == 403
    assert origin_of(app, "http://localhost:8000", "http://localhost:8000") == 101
    assert origin_of(app, "https://evil.example") == 403
    assert origin_of(app, "null") == 403
    app.config["WEBSOCKET_ALLOWED_ORIGINS"] = ["https://*.example.org", "null"]
    assert origin_of(app, "https://evil.example") == 403
    assert origin_of(app, "https://a.b.example.org") == 101
    assert origin_of(app, "https://example.org") == 403
    assert origin_of(app, "null") == 101
    assert origin_of(app, "http://localhost") == 101


def test_origins_of_one_websocket(app: Erlen) -> None:
    @app.websocket("/", allowed_origins=["*"])
    async def view() -> None:
        await websocket.accept()

    assert origin_of(app, "https://evil.example") == 101


def test_hooks_do_not_run_for_foreign_pages(app: Erlen) -> None:
    called = []
    app.before_websocket(lambda: called.append(1))
    app.add_websocket("/", "view", lambda: None)
    assert origin_of(app, "https://evil.example") == 403
    assert not called


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("ALLOWED_ORIGINS", "https://example.org"),
        ("ALLOWED_ORIGINS", ["example.org"]),
        ("ALLOWED_ORIGINS", ["https://example.org/path"]),
        ("MAX_MESSAGE_SIZE", 0),
        ("IDLE_TIMEOUT", -1),
        ("QUEUE_SIZE", 0),
        ("QUEUE_SIZE", None),
    ],
)
def test_settings_that_cannot_work(app: Erlen, setting: str, value: t.Any) -> None:
    app.add_websocket("/", "view", lambda: None)
    app.config[f"WEBSOCKET_{setting}"] = value
    with pytest.raises((ValueError, TypeError)):
        with app.test_client().websocket_connect("/"):
            pass


# -- hooks -------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["async", "sync"])
def test_hooks_and_their_order(app: Erlen, colour: str) -> None:
    log: list[t.Any] = []
    bp = erlen.Blueprint("bp", __name__, url_prefix="/bp")

    def hook(name: str, answers: bool = False) -> t.Any:
        if colour == "async":

            async def call(*args: t.Any) -> t.Any:
                await asyncio.sleep(0)
                log.append((name, *args))
                return args[0] if answers else None
        else:

            def call(*args: t.Any) -> t.Any:
                log.append((name, *args))
                return args[0] if answers else None

        return call

    for place, name in ((app, "app"), (bp, "bp")):
        place.before_request(hook(f"{name} before_request"))
        place.before_websocket(hook(f"{name} before"))
        place.after_websocket(hook(f"{name} after", True))
        place.teardown_websocket(hook(f"{name} teardown"))
        place.teardown_request(hook(f"{name} teardown_request"))
    app.teardown_appcontext(hook("appcontext"))
    bp.before_app_websocket(hook("before_app"))
    bp.after_app_websocket(hook("after_app", True))
    bp.teardown_app_websocket(hook("teardown_app"))

    @app.url_value_preprocessor
    def process(endpoint: t.Any, values: t.Any) -> None:
        log.append(("values", endpoint, values))

    @bp.websocket("/<int:n>")
    async def view(n: int) -> None:
        log.append(("view", n))
        await websocket.accept()

    app.register_blueprint(bp)
    with app.test_client().websocket_connect("/bp/3") as ws:
        assert closed_with(ws)[0] == 1000
    assert log == [
        ("values", "bp.view", {"n": 3}),
        ("app before_request",),
        ("bp before_request",),
        ("app before",),
        ("before_app",),
        ("bp before",),
        ("view", 3),
        ("bp after", None),
        ("after_app", None),
        ("app after", None),
        ("bp teardown", None),
        ("teardown_app", None),
        ("app teardown", None),
        ("bp teardown_request", None),
        ("app teardown_request", None),
        ("appcontext", None),
    ]


@pytest.mark.parametrize("kind", ["before_request", "before_websocket"])
@pytest.mark.parametrize("colour", ["async", "sync"])
def test_a_hook_refuses(app: Erlen, kind: str, colour: str) -> None:
    ended = []
    app.teardown_websocket(lambda exc: ended.append(exc))
    app.after_request(lambda response: response.headers.add("X-After", "1") or response)
    answers: dict[str, t.Any] = {"401": ("who?", 401), "403": None}

    def check() -> t.Any:
        if websocket.args["case"] == "403":
            erlen.abort(403)
        return answers[websocket.args["case"]]

    async def async_check() -> t.Any:
        return check()

    getattr(app, kind)(check if colour == "sync" else async_check)

    @app.websocket("/")
    async def view() -> None:
        pytest.fail("called")

    for case in answers:
        response = refused(app, f"/?case={case}")
        assert response.status_code == int(case)
        assert response.headers["X-After"] == "1"
    assert ended == [None, None]


def test_a_hook_may_accept_and_talk(app: Erlen) -> None:
    @app.before_websocket
    async def password() -> t.Any:
        await websocket.accept()
        if await websocket.receive() != "please":
            return "no", 403
        return None

    @app.websocket("/")
    async def view() -> None:
        await websocket.send("welcome")

    with app.test_client().websocket_connect("/") as ws:
        ws.send("please")
        assert ws.receive() == "welcome"
    with app.test_client().websocket_connect("/") as ws:
        ws.send("now")
        assert closed_with(ws)[0] == 1008


def test_a_hook_changes_the_arguments(app: Erlen) -> None:
    @app.url_value_preprocessor
    def process(endpoint: t.Any, values: t.Any) -> None:
        g.lang = values.pop("lang")

    @app.websocket("/<lang>/ws")
    async def view() -> None:
        await websocket.send(g.lang)

    with app.test_client().websocket_connect("/de/ws") as ws:
        assert ws.receive() == "de"


def test_after_this_websocket(app: Erlen) -> None:
    called: list[t.Any] = []

    @app.websocket("/")
    async def view() -> t.Any:
        erlen.after_this_websocket(lambda response: called.append(response) or response)
        if "accept" in websocket.args:
            await websocket.accept()
            return None
        return "no", 409

    with app.test_client().websocket_connect("/?accept") as ws:
        closed_with(ws)
    assert refused(app, "/").status_code == 409
    assert called[0] is None
    assert called[1].status_code == 409
    with pytest.raises(RuntimeError, match="after_this_websocket"):
        erlen.after_this_websocket(print)


def test_context_variables_of_hooks(app: Erlen) -> None:
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    @app.before_websocket
    def before() -> None:
        variable.set("set")
        g.thread = threading.get_ident()

    @app.websocket("/")
    async def view() -> None:
        await websocket.send_json([variable.get(), g.thread == threading.get_ident()])

    @app.websocket("/sync")
    def sync() -> None:
        ws = erlen.blocking_websocket
        ws.send_json([variable.get(), g.thread == threading.get_ident()])

    with app.test_client().websocket_connect("/") as ws:
        assert ws.receive_json() == ["set", False]
    # A sync view keeps one thread for all its steps.
    with app.test_client().websocket_connect("/sync") as ws:
        assert ws.receive_json() == ["set", True]


# -- errors ------------------------------------------------------------------------------


class OwnError(Exception):
    pass


def failing(app: Erlen, error: BaseException, accept: bool) -> Erlen:
    @app.websocket("/")
    async def view() -> None:
        if accept:
            await websocket.accept()
        raise error

    return app


@pytest.mark.parametrize(
    ("code", "status", "closing"),
    [(400, 400, 1008), (401, 401, 1008), (404, 404, 1008), (413, 413, 1009), (503, 503, 1013)],
)
def test_http_errors(app: Erlen, code: int, status: int, closing: int) -> None:
    @app.websocket("/")
    async def view() -> None:
        if "accept" in websocket.args:
            await websocket.accept()
        erlen.abort(code)

    assert refused(app, "/").status_code == status
    with app.test_client().websocket_connect("/?accept") as ws:
        found, reason = closed_with(ws)
    assert found == closing
    assert reason


def test_handlers_by_class_and_code(app: Erlen) -> None:
    @app.errorhandler(OwnError)
    async def own(error: OwnError) -> t.Any:
        return "own", 418

    @app.errorhandler(404)
    def missing(error: HTTPException) -> t.Any:
        return {"code": error.code}, 404

    failing(app, OwnError(), False)
    response = refused(app, "/")
    assert (response.status_code, response.text) == (418, "own")
    assert refused(app, "/nowhere").json == {"code": 404}


def test_a_handler_after_the_handshake(app: Erlen) -> None:
    @app.errorhandler(OwnError)
    async def own(error: OwnError) -> t.Any:
        await websocket.send("sorry")
        if "close" in websocket.args:
            await websocket.close(4001, "own")
        return "own", 409

    failing(app, OwnError(), True)
    with app.test_client().websocket_connect("/") as ws:
        assert ws.receive() == "sorry"
        assert closed_with(ws) == (1008, "")
    with app.test_client().websocket_connect("/?close") as ws:
        assert ws.receive() == "sorry"
        assert closed_with(ws) == (4001, "own")


def test_a_handler_of_the_blueprint(app: Erlen) -> None:
    bp = erlen.Blueprint("bp", __name__)
    bp.register_error_handler(OwnError, lambda error: ("bp", 409))
    app.register_error_handler(OwnError, lambda error: ("app", 410))

    @bp.websocket("/bp")
    async def view() -> None:
        raise OwnError

    app.register_blueprint(bp)
    assert refused(app, "/bp").text == "bp"


@pytest.mark.parametrize("accept", [False, True])
def test_errors_reach_the_test(app: Erlen, accept: bool) -> None:
    failing(app, OwnError("raised"), accept)
    ended: list[t.Any] = []
    app.teardown_websocket(ended.append)
    with pytest.raises(OwnError, match="raised"):
        with app.test_client().websocket_connect("/") as ws:
            ws.receive()
    assert [type(error) for error in ended] == [OwnError]


def test_errors_in_production(app: Erlen, caplog: pytest.LogCaptureFixture) -> None:
    app.testing = False
    failing(app, OwnError("raised"), False)
    assert refused(app, "/").status_code == 500
    assert "OwnError: raised" in caplog.text
    assert "Exception on / [GET]" in caplog.text


def test_late_errors_in_production(app: Erlen, caplog: pytest.LogCaptureFixture) -> None:
    app.testing = False
    seen: list[t.Any] = []
    failing(app, OwnError("raised"), True)
    app.teardown_websocket(seen.append)
    with app.test_client().websocket_connect("/") as ws:
        assert closed_with(ws) == (1011, "")
    assert "OwnError: raised" in caplog.text
    assert [type(error) for error in seen] == [OwnError]


def test_a_handler_of_500(app: Erlen) -> None:
    app.testing = False
    seen = []

    @app.errorhandler(500)
    def handler(error: t.Any) -> t.Any:
        seen.append(type(error.original_exception))
        return "down", 503

    @app.websocket("/")
    async def view() -> None:
        if "accept" in websocket.args:
            await websocket.accept()
        raise OwnError

    assert refused(app, "/").status_code == 503
    with app.test_client().websocket_connect("/?accept") as ws:
        assert closed_with(ws)[0] == 1013
    assert seen == [OwnError, OwnError]


def test_one_error_of_a_group_of_tasks_finds_its_handler(app: Erlen) -> None:
    app.register_error_handler(OwnError, lambda error: ("own", 409))

    async def fail() -> None:
        raise OwnError

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(asyncio.sleep(10))

    with app.test_client().websocket_connect("/") as ws:
        assert closed_with(ws)[0] == 1008


def test_what_is_returned_too_late(app: Erlen, caplog: pytest.LogCaptureFixture) -> None:
    @app.websocket("/")
    async def view() -> t.Any:
        await websocket.accept()
        return "lost" if "status" not in websocket.args else ("no", 403)

    with app.test_client().websocket_connect("/") as ws:
        assert closed_with(ws)[0] == 1000
    assert "cannot be sent any more" in caplog.text
    assert "test_what_is_returned_too_late.<locals>.view" in caplog.text
    with app.test_client().websocket_connect("/?status") as ws:
        assert closed_with(ws)[0] == 1008


def test_a_teardown_function_that_fails(app: Erlen, caplog: pytest.LogCaptureFixture) -> None:
    app.testing = False
    ended = []

    @app.teardown_websocket
    def last(exc: t.Any) -> None:
        ended.append("last")

    @app.teardown_websocket
    def first(exc: t.Any) -> None:
        raise OwnError("in teardown")

    app.teardown_appcontext(lambda exc: ended.append("app"))
    app.add_websocket("/", "view", lambda: erlen.blocking_websocket.accept())
    with app.test_client().websocket_connect("/") as ws:
        assert closed_with(ws)[0] == 1000
    assert ended == ["last", "app"]
    assert "in teardown" in caplog.text


# -- the end -----------------------------------------------------------------------------


def test_close_codes_of_the_view(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, None, "1000"):
            with pytest.raises(ValueError, match="no close code"):
                await websocket.close(code)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="123 bytes"):
            await websocket.close(1000, "\u20ac" * 42)
        await websocket.close(4999, "\u20ac" * 41)
        assert not websocket.connected
        await websocket.close(1000)  # nothing is left to do
        with pytest.raises(RuntimeError, match="after close"):
            await websocket.send("x")
        with pytest.raises(erlen.WebsocketDisconnect) as caught:
            await websocket.receive()
        assert caught.value.code == 4999

    with app.test_client().websocket_connect("/") as ws:
        assert closed_with(ws) == (4999, "\u20ac" * 41)


@pytest.mark.parametrize("how", ["close", "vanish"])
@pytest.mark.parametrize("colour", ["async", "sync"])
def test_the_peer_closes(app: Erlen, how: str, colour: str) -> None:
    seen: list[t.Any] = []
    app.teardown_websocket(seen.append)

    @app.websocket("/async")
    async def in_loop() -> None:
        try:
            while True:
                await websocket.receive()
        except erlen.WebsocketDisconnect as error:
            seen.append((error.code, error.reason))
            raise

    @app.websocket("/sync")
    def in_thread() -> None:
        try:
            while True:
                erlen.blocking_websocket.receive()
        except erlen.WebsocketDisconnect as error:
            seen.append((error.code, error.reason))
            raise

    with app.test_client().websocket_connect(f"/{colour}") as ws:
        ws.send("x")
        if how == "close":
            ws.close(4000, "bye")
        else:
            ws.vanish()
    assert seen == [(4000, "bye") if how == "close" else (1006, ""), None]


def test_quart_views_notice_the_end(app: Erlen) -> None:
    seen = []

    @app.websocket("/")
    async def view() -> None:
        try:
            while True:
                await websocket.receive()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with app.test_client().websocket_connect("/") as ws:
        ws.send("x")
    assert seen == ["cancelled"]


def test_a_view_that_does_not_receive_is_cancelled(app: Erlen) -> None:
    seen: list[t.Any] = []
    app.teardown_websocket(seen.append)

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        try:
            await asyncio.sleep(60)
        finally:
            # What a view cleans up may wait.
            await asyncio.sleep(0.01)
            seen.append("cleaned up")

    started = time.monotonic()
    with app.test_client().websocket_connect("/"):
        pass
    assert seen == ["cleaned up", None]
    assert time.monotonic() - started < 3


def test_tasks_of_the_view_end_with_the_peer(app: Erlen) -> None:
    ended = []

    async def sender() -> None:
        try:
            for number in range(10_000):
                await websocket.send(str(number))
                await asyncio.sleep(0.01)
        finally:
            ended.append("sender")

    async def receiver() -> None:
        try:
            while True:
                await websocket.receive()
        finally:
            ended.append("receiver")

    @app.websocket("/gather")
    async def gathered() -> None:
        await asyncio.gather(sender(), receiver())

    @app.websocket("/group")
    async def grouped() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(sender())
            group.create_task(receiver())

    @app.websocket("/tasks")
    async def tasks() -> None:
        both = [asyncio.create_task(sender()), asyncio.create_task(receiver())]
        try:
            await asyncio.wait(both)
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait(both)

    for path in ("/gather", "/group", "/tasks"):
        with app.test_client().websocket_connect(path) as ws:
            assert ws.receive() == "0"
        assert sorted(ended) == ["receiver", "sender"], path
        ended.clear()


@pytest.mark.parametrize("waiting", ["wait_for", "timeout"])
def test_the_reason_reaches_a_view_that_waits_with_a_timeout(app: Erlen, waiting: str) -> None:
    seen = []

    @app.websocket("/")
    async def view() -> None:
        await websocket.send("ready")
        try:
            if waiting == "wait_for":
                await asyncio.wait_for(websocket.receive(), 10)
            else:
                async with asyncio.timeout(10):
                    await websocket.receive()
        except erlen.WebsocketDisconnect as error:
            seen.append(error.code)

    with app.test_client().websocket_connect("/") as ws:
        ws.receive()
        ws.close(4007)
    assert seen == [4007]


def test_a_loop_that_catches_everything_ends(app: Erlen) -> None:
    """A view that asks again and again neither blocks the loop nor lives on by ``Exception``."""

    @app.websocket("/")
    async def view() -> None:
        for _ in range(1000):
            try:
                await websocket.receive()
            except Exception:
                pytest.fail("a disconnect is no Exception")
            except asyncio.CancelledError:
                pass
        g.done = True

    with app.test_client().websocket_connect("/"):
        pass


def test_sending_to_a_peer_that_has_gone(app: Erlen) -> None:
    gone = threading.Event()
    seen = []

    @app.websocket("/")
    def view() -> None:
        ws = erlen.blocking_websocket
        ws.accept()
        gone.wait(5)
        with pytest.raises(erlen.WebsocketDisconnect) as caught:
            ws.send("x")
        seen.append(caught.value.code)

    connected = app.test_client().websocket_connect("/")
    with connected:
        connected._session._peer.leave(1001, "")
        gone.set()
    assert seen == [1006]


def test_a_sync_view_waits_with_a_timeout(app: Erlen) -> None:
    @app.websocket("/")
    def view() -> None:
        ws = erlen.blocking_websocket
        for _ in range(3):
            with pytest.raises(TimeoutError):
                ws.receive(timeout=0.01)
        ws.send("now")
        ws.send(ws.receive(timeout=5))

    with app.test_client().websocket_connect("/") as ws:
        assert ws.receive() == "now"
        ws.send("x")
        assert ws.receive() == "x"


def test_the_two_forms_are_not_mixed_up(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        blocking: t.Any = await asyncio.to_thread(lambda: websocket._get_current_object())
        assert type(blocking).__name__ == "BlockingWebsocket"
        with pytest.raises(RuntimeError, match="use 'await'"):
            blocking.send("x")
        await asyncio.to_thread(lambda: erlen.blocking_websocket.send("from a thread"))

    with app.test_client().websocket_connect("/") as ws:
        assert ws.receive() == "from a thread"


def test_outside_of_a_websocket() -> None:
    with pytest.raises(RuntimeError, match="Working outside of websocket context"):
        websocket.path  # noqa: B018
    with Erlen("x").test_request_context("/"):
        assert not erlen.has_websocket_context()
        with pytest.raises(RuntimeError, match="websocket"):
            websocket.path  # noqa: B018


def test_contexts(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        assert erlen.has_websocket_context()
        assert erlen.has_request_context()
        assert erlen.current_app.name == app.name
        g.value = 1
        with app.app_context():
            # An application context shows the websocket that is around it.
            assert websocket.path == "/"
        copied = erlen.copy_current_websocket_context(lambda: websocket.path)
        box: list[t.Any] = []
        thread = threading.Thread(target=lambda: box.append(copied()))
        thread.start()
        thread.join()

        @erlen.copy_current_websocket_context
        async def later() -> None:
            await websocket.send_json([g.value, *box])

        await asyncio.create_task(later())

    with app.test_client().websocket_connect("/") as ws:
        assert ws.receive_json() == [1, "/"]


# -- the session -------------------------------------------------------------------------


def test_the_session_is_saved_with_the_handshake(
    app: Erlen, caplog: pytest.LogCaptureFixture
) -> None:
    @app.websocket("/")
    async def view() -> None:
        session["visits"] = session.get("visits", 0) + 1
        await websocket.send_json(session["visits"])
        if "late" in websocket.args:
            session["late"] = True

    client = app.test_client()
    for expected in (1, 2):
        with client.websocket_connect("/") as ws:
            assert ws.receive_json() == expected
            assert closed_with(ws)[0] == 1000
    with client.session_transaction() as stored:
        assert stored["visits"] == 2
    assert not caplog.records
    with client.websocket_connect("/?late") as ws:
        ws.receive()
        closed_with(ws)
    assert "changed the session after" in caplog.text
    with client.session_transaction() as stored:
        assert "late" not in stored


def test_a_session_that_is_not_touched_is_not_sent(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.send(session.get("name", "nobody"))

    client = app.test_client()
    with client.session_transaction() as stored:
        stored["name"] = "Ada"
    with client.websocket_connect("/") as ws:
        assert ws.receive() == "Ada"
        assert "Set-Cookie" not in ws.headers


def test_the_session_of_a_refusal(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> t.Any:
        session["refused"] = True
        erlen.flash("no")
        return "no", 403

    client = app.test_client()
    with pytest.raises(WebsocketRejected), client.websocket_connect("/"):
        pass
    with client.session_transaction() as stored:
        assert stored["refused"]
        assert stored["_flashes"] == [("message", "no")]


class Stored(dict, SessionMixin):  # type: ignore[type-arg]
    pass


class Store(SessionInterface):
    """Keeps one session, and knows in which threads it was asked."""

    def __init__(self) -> None:
        self.data: dict[str, t.Any] = {}
        self.threads: set[str] = set()
        self.saves = 0

    def open_session(self, app: t.Any, request: t.Any) -> Stored:
        self.threads.add(threading.current_thread().name)
        return Stored(self.data)

    def save_session(self, app: t.Any, session: t.Any, response: t.Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.saves += 1
        self.data = dict(session)
        response.set_cookie("sid", "1")


def test_a_session_on_the_server(app: Erlen) -> None:
    app.session_interface = store = Store()

    @app.websocket("/")
    async def view() -> None:
        session["early"] = True
        await websocket.accept()
        session["late"] = True

    with app.test_client().websocket_connect("/") as ws:
        assert ws.headers["Set-Cookie"].startswith("sid=1")
        assert closed_with(ws)[0] == 1000
    assert store.data == {"early": True, "late": True}
    assert store.saves == 2
    assert "erlen-loop" not in store.threads


# -- limits ------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["async", "sync"])
def test_messages_have_a_limit(app: Erlen, colour: str) -> None:
    app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = 100

    @app.websocket("/async")
    async def in_loop() -> None:
        while True:
            await websocket.send(str(len(await websocket.receive())))

    @app.websocket("/sync")
    def in_thread() -> None:
        while True:
            erlen.blocking_websocket.send(str(len(erlen.blocking_websocket.receive())))

    for fits, too_big in (("x" * 100, "x" * 101), (b"x" * 100, b"x" * 101)):
        with app.test_client().websocket_connect(f"/{colour}") as ws:
            ws.send(fits)
            assert ws.receive() == "100"
            ws.send(too_big)
            assert closed_with(ws) == (1009, "The limit is 100 bytes.")
    # Text counts by its bytes.
    with app.test_client().websocket_connect(f"/{colour}") as ws:
        ws.send("\u20ac" * 33)
        assert ws.receive() == "33"
        ws.send("\u20ac" * 34)
        assert closed_with(ws)[0] == 1009


def test_one_websocket_has_a_limit_of_its_own(app: Erlen) -> None:
    @app.websocket("/", max_message_size=10)
    async def view() -> None:
        await websocket.receive()

    @app.websocket("/none", max_message_size=None)
    async def unlimited() -> None:
        await websocket.send(str(len(await websocket.receive())))

    with app.test_client().websocket_connect("/") as ws:
        ws.send("x" * 11)
        assert closed_with(ws)[0] == 1009
    with app.test_client().websocket_connect("/none") as ws:
        ws.send("x" * 2_000_000)
        assert ws.receive() == "2000000"


def test_a_view_may_handle_too_big_a_message(app: Erlen) -> None:
    seen = []

    @app.errorhandler(413)
    def handler(error: t.Any) -> t.Any:
        seen.append(type(error).__name__)
        return "too big", 413

    app.add_websocket("/", "view", lambda: erlen.blocking_websocket.receive(), max_message_size=1)
    with app.test_client().websocket_connect("/") as ws:
        ws.send("xx")
        assert closed_with(ws)[0] == 1009
    assert seen == ["MessageTooBig"]


@pytest.mark.parametrize("colour", ["async", "sync"])
def test_a_silent_peer(app: Erlen, colour: str) -> None:
    seen: list[t.Any] = []
    app.teardown_websocket(seen.append)

    @app.websocket("/async", idle_timeout=0.3)
    async def in_loop() -> None:
        try:
            while True:
                await websocket.receive()
        except erlen.WebsocketDisconnect as error:
            seen.append(error.code)

    @app.websocket("/sync", idle_timeout=0.3)
    def in_thread() -> None:
        try:
            while True:
                erlen.blocking_websocket.receive()
        except erlen.WebsocketDisconnect as error:
            seen.append(error.code)

    with app.test_client().websocket_connect(f"/{colour}") as ws:
        ws.send("x")
        assert closed_with(ws) == (1001, "Nothing came for 0.3 seconds.")
    assert seen == [1001, None]


def test_a_peer_that_talks_is_not_silent(app: Erlen) -> None:
    app.config["WEBSOCKET_IDLE_TIMEOUT"] = 1

    @app.websocket("/")
    async def view() -> None:
        while True:
            await websocket.send(await websocket.receive())

    with app.test_client().websocket_connect("/") as ws:
        for _ in range(8):
            time.sleep(0.2)
            ws.send("x")
            assert ws.receive() == "x"


def test_most_connections(app: Erlen) -> None:
    app.config["WEBSOCKET_MAX_CONNECTIONS"] = 2

    @app.websocket("/")
    async def view() -> None:
        while True:
            await websocket.send(await websocket.receive())

    client = app.test_client()
    with client.websocket_connect("/"), client.websocket_connect("/"):
        assert refused(app, "/").status_code == 503
    with client.websocket_connect("/") as ws:
        ws.send("x")
        assert ws.receive() == "x"


def test_most_threads(app: Erlen) -> None:
    app.config["WEBSOCKET_MAX_THREADS"] = 1
    app.add_websocket("/sync", "sync", lambda: erlen.blocking_websocket.receive())

    @app.websocket("/async")
    async def view() -> None:
        await websocket.receive()

    client = app.test_client()
    for _ in range(3):
        with client.websocket_connect("/sync"):
            assert refused(app, "/sync").status_code == 503
            with client.websocket_connect("/async"):
                pass


def test_many_threads_do_not_keep_requests_out(app: Erlen) -> None:
    app.config["THREADS"] = 2

    @app.websocket("/")
    def view() -> None:
        while True:
            erlen.blocking_websocket.send(erlen.blocking_websocket.receive())

    app.before_websocket(lambda: None)
    from contextlib import ExitStack

    with ExitStack() as stack:
        client = app.test_client()
        open_ones = [stack.enter_context(client.websocket_connect("/")) for _ in range(20)]
        for ws in open_ones:
            ws.send("x")
        assert [ws.receive() for ws in open_ones] == ["x"] * 20


# -- signals, overrides, late changes ------------------------------------------------------


def test_signals(app: Erlen) -> None:
    from erlen import signals

    log: list[t.Any] = []

    def listen(name: str) -> t.Any:
        def receiver(sender: t.Any, **values: t.Any) -> None:
            log.append((name, sorted(values)))

        getattr(signals, name).connect(receiver)
        return receiver

    names = "websocket_started websocket_finished websocket_tearing_down got_websocket_exception"
    kept = [listen(name) for name in names.split()]
    app.testing = False

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        if "fail" in websocket.args:
            raise OwnError

    with app.test_client().websocket_connect("/") as ws:
        closed_with(ws)
    assert log == [
        ("websocket_started", []),
        ("websocket_finished", ["response"]),
        ("websocket_tearing_down", ["exc"]),
    ]
    log.clear()
    with app.test_client().websocket_connect("/?fail") as ws:
        closed_with(ws)
    assert ("got_websocket_exception", ["exception"]) in log
    assert len(kept) == 4


def test_what_is_registered_late_counts(app: Erlen) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.send(str(g.get("hook", "no hook")))

    client = app.test_client()
    with client.websocket_connect("/") as ws:
        assert ws.receive() == "no hook"
    app.before_websocket_funcs.setdefault(None, []).append(lambda: setattr(g, "hook", "hook"))
    with client.websocket_connect("/") as ws:
        assert ws.receive() == "hook"

    async def other() -> None:
        await websocket.send("other")

    app.view_functions["view"] = other
    with client.websocket_connect("/") as ws:
        assert ws.receive() == "other"


def test_a_decorator_around_a_registered_view(app: Erlen) -> None:
    import functools

    @app.websocket("/")
    async def view() -> None:
        await websocket.send("inner")

    inner = app.view_functions["view"]

    @functools.wraps(inner)
    async def outer(**values: t.Any) -> None:
        await websocket.send("outer")
        await inner(**values)

    app.view_functions["view"] = outer
    with app.test_client().websocket_connect("/") as ws:
        assert [ws.receive(), ws.receive()] == ["outer", "inner"]


def test_overridden_methods(app: Erlen) -> None:
    class Own(Erlen):
        def handle_user_exception(self, e: Exception) -> t.Any:
            return f"own {type(e).__name__}", 409

        def do_teardown_request(self, exc: t.Any = None) -> None:
            log.append("teardown")
            super().do_teardown_request(exc)

        def preprocess_request(self) -> t.Any:
            log.append("preprocess")
            return super().preprocess_request()

    log: list[str] = []
    own = failing(Own("own", static_folder=None), OwnError(), False)
    assert refused(own, "/").text == "own OwnError"
    assert log == ["preprocess", "teardown"]
    assert refused(own, "/nowhere").text == "own NotFound"
    assert issubclass(NotFound, HTTPException)


def test_subdomains(app: Erlen) -> None:
    app = Erlen("hosts", static_folder=None, subdomain_matching=True)
    app.testing = True
    app.config["SERVER_NAME"] = "example.org"

    @app.websocket("/", subdomain="<user>")
    async def view(user: str) -> None:
        await websocket.send(user)

    with app.test_client().websocket_connect("/", base_url="http://ada.example.org") as ws:
        assert ws.receive() == "ada"


def test_log_level_of_a_quiet_end(app: Erlen, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app.testing = False

    @app.websocket("/")
    async def view() -> None:
        await websocket.receive()

    with app.test_client().websocket_connect("/"):
        pass
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_what_runs_before_serving_has_run(app: Erlen) -> None:
    log: list[str] = []

    @app.before_serving
    async def begin() -> None:
        log.append("begun")

    @app.websocket("/")
    async def view() -> None:
        await websocket.send_json(log)

    for _ in range(2):
        with app.test_client().websocket_connect("/") as ws:
            assert ws.receive_json() == ["begun"]


def test_middleware_of_wsgi_is_not_left_out_silently(
    app: Erlen, caplog: pytest.LogCaptureFixture
) -> None:
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(environ, start_response)  # type: ignore[method-assign]
    app.add_websocket("/", "view", lambda: erlen.blocking_websocket.accept())
    for _ in range(2):
        with app.test_client().websocket_connect("/"):
            pass
    assert caplog.text.count("do not pass through what is wrapped around 'wsgi_app'") == 1


def test_middleware_of_asgi_sees_websockets(app: Erlen) -> None:
    inner = app.asgi_app

    async def middleware(scope: t.Any, receive: t.Any, send: t.Any) -> None:
        headers = [*scope["headers"], (b"x-from-middleware", b"1")]
        # No bound method of a known server any more: read ahead all the time.
        await inner({**scope, "headers": headers}, lambda: receive(), send)

    app.asgi_app = middleware  # type: ignore[method-assign]

    @app.websocket("/")
    async def view() -> None:
        await websocket.send(websocket.headers["X-From-Middleware"])
        while True:
            await websocket.send(await websocket.receive())

    with app.test_client().websocket_connect("/") as ws:
        assert ws.receive() == "1"
        for data in ("a", b"b"):
            ws.send(data)
            assert ws.receive() == data
