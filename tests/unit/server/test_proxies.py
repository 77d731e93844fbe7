"""Requests that trusted proxies pass on, by WSGI, by ASGI in a thread and on the loop."""

from __future__ import annotations

import asyncio
import copy
import pickle
import typing as t
from urllib.parse import urljoin

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

import erlen
from erlen import Erlen, request, session, url_for, websocket

ALL = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
]
HONEST = {
    "X-Forwarded-For": "6.6.6.6, 192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "example.org",
    "X-Forwarded-Prefix": "/app",
}


def make(proxies: t.Any = ("127.0.0.1",), headers: t.Any = ALL) -> Erlen:
    app = Erlen(__name__)
    app.secret_key = "secret"

    def about() -> dict[str, t.Any]:
        return {
            "address": request.remote_addr,
            "url": request.url,
            "secure": request.is_secure,
            "root": request.script_root,
            "path": request.path,
            "link": url_for("folder", _external=True),
            "static": url_for("static", filename="a.js"),
        }

    @app.get("/caf\u00e9/<name>")
    def sync_view(name: str) -> t.Any:
        return about()

    @app.get("/async/<name>")
    async def async_view(name: str) -> t.Any:
        return about()

    @app.get("/folder/")
    def folder() -> str:
        session["here"] = 1
        return "folder"

    if proxies is not None:
        app.config["TRUSTED_PROXIES"] = list(proxies)
        app.config["TRUSTED_PROXY_HEADERS"] = headers
    return app


@pytest.fixture(params=["wsgi", "asgi", "native"])
def get(request: pytest.FixtureRequest) -> t.Callable[..., t.Any]:
    """GET by one of the three ways."""
    path = "/async/x" if request.param == "native" else "/caf\u00e9/x"

    def call(app: Erlen, headers: dict[str, str], target: str = path, **options: t.Any) -> t.Any:
        if request.param == "wsgi":
            return app.test_client().get(target, headers=headers, **options)

        async def by_asgi() -> t.Any:
            return await app.async_client().get(target, headers=headers, **options)

        return asyncio.run(by_asgi())

    return call


Get = t.Callable[..., t.Any]


def test_what_a_trusted_proxy_says_is_the_request(get: Get) -> None:
    found = get(make(), HONEST).json
    path = found["path"]
    assert found == {
        "address": "192.0.2.1",
        "url": f"https://example.org/app{path}",
        "secure": True,
        "root": "/app",
        "path": path,
        "link": "https://example.org/app/folder/",
        "static": "/app/static/a.js",
    }
    assert path in ("/caf\u00e9/x", "/async/x")


def test_nothing_is_believed_by_default(get: Get) -> None:
    app = make(proxies=None)
    assert not {"wsgi_app", "asgi_app"} & {*vars(app)}
    found = get(app, {**HONEST, "Forwarded": "for=6.6.6.6;host=evil.com"}).json
    assert (found["address"], found["root"]) == ("127.0.0.1", "")
    assert found["link"] == "http://localhost/folder/"


def test_nothing_is_believed_of_a_stranger(get: Get) -> None:
    # Not even that it is nonsense.
    headers = {**HONEST, "X-Forwarded-Proto": "javascript", "X-Forwarded-Prefix": "//evil.com"}
    found = get(make(proxies=["10.0.0.0/8"]), headers).json
    assert (found["address"], found["root"]) == ("127.0.0.1", "")
    assert found["link"] == "http://localhost/folder/"
    assert found["static"] == "/static/a.js"


def test_by_default_address_and_scheme_only(get: Get) -> None:
    app = make(proxies=None)
    app.config["TRUSTED_PROXIES"] = ["127.0.0.1"]
    found = get(app, HONEST).json
    assert found["address"] == "192.0.2.1"
    assert found["link"] == "https://localhost/folder/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "not an address"),
        ("X-Forwarded-For", "\xff"),
        ("X-Forwarded-Proto", "javascript"),
        ("X-Forwarded-Proto", "http://evil.com/?"),
        ("X-Forwarded-Host", "evil.com/path"),
        ("X-Forwarded-Host", "user@evil.com"),
        ("X-Forwarded-Port", "99999"),
        ("X-Forwarded-Prefix", "//evil.com"),
        ("X-Forwarded-Prefix", "/../admin"),
        ("X-Forwarded-Prefix", "/<script>"),
    ],
)
def test_nonsense_is_refused(get: Get, name: str, value: str) -> None:
    answer = get(make(), {name: value})
    assert answer.status_code == 400
    assert f"The header {name} " in answer.text
    assert "<script>" not in answer.text


def test_the_standard_header(get: Get) -> None:
    app = make(headers=["Forwarded"])
    told = 'for=6.6.6.6;proto=http, for="[2001:db8::1]:1234";proto=https;host="example.org:8443"'
    found = get(app, {"Forwarded": told, **HONEST}).json
    assert found["address"] == "2001:db8::1"
    assert found["link"] == "https://example.org:8443/folder/"
    assert get(app, {"Forwarded": "for=1.2.3.4;for=6.6.6.6"}).status_code == 400


def test_an_address_that_is_kept_secret(get: Get) -> None:
    found = get(make(headers=["Forwarded"]), {"Forwarded": "for=_hidden;proto=https"}).json
    assert found["address"] is None and found["secure"] is True


def test_a_host_that_is_not_trusted_is_refused(get: Get) -> None:
    app = make()
    app.config["TRUSTED_HOSTS"] = ["example.org"]
    assert get(app, HONEST).status_code == 200
    assert get(app, {**HONEST, "X-Forwarded-Host": "evil.com"}).status_code == 400
    assert get(app, {}).status_code == 400


def test_redirects_and_cookies_below_a_prefix(get: Get) -> None:
    app = make()
    app.config["SESSION_COOKIE_PATH"] = "/app"
    answer = get(app, HONEST, "/folder")
    assert answer.status_code == 308
    target = urljoin("https://example.org/app/folder", answer.headers["Location"])
    assert target == "https://example.org/app/folder/"
    assert "Path=/app" in get(app, HONEST, "/folder/").headers["Set-Cookie"]


def test_a_prefix_in_front_of_a_mounted_application(get: Get) -> None:
    found = get(make(), HONEST, base_url="http://localhost/inner/").json
    assert found["root"] == "/app/inner"
    assert found["static"] == "/app/inner/static/a.js"
    assert found["url"].startswith("https://example.org/app/inner/")


def test_nobody_is_asked_twice(get: Get) -> None:
    # The visitor is in the network of the proxies, too; middleware sends all through a thread.
    app = make(proxies=["127.0.0.0/8"])
    own = app.wsgi_app
    app.wsgi_app = lambda environ, start: own(environ, start)  # type: ignore[method-assign]
    found = get(app, {"X-Forwarded-For": "6.6.6.6, 127.0.0.9", "X-Forwarded-Prefix": "/app"}).json
    assert found["address"] == "6.6.6.6" and found["root"] == "/app"
    found = get(app, {"X-Forwarded-For": "127.0.0.7", "X-Forwarded-Prefix": "/app"}).json
    assert found["address"] == "127.0.0.7" and found["root"] == "/app"


def test_settings_change(get: Get) -> None:
    app = make()
    assert get(app, HONEST).json["address"] == "192.0.2.1"
    app.config.update(TRUSTED_PROXIES=["10.0.0.0/8"])
    assert get(app, HONEST).json["address"] == "127.0.0.1"
    app.config |= {"TRUSTED_PROXIES": ["127.0.0.1"], "TRUSTED_PROXY_HEADERS": ["x-forwarded-for"]}
    assert get(app, HONEST).json["link"] == "http://localhost/folder/"
    app.config.pop("TRUSTED_PROXIES")
    assert get(app, HONEST).json["address"] == "127.0.0.1"
    app.config.setdefault("TRUSTED_PROXIES", ["127.0.0.1"])
    assert get(app, HONEST).json["address"] == "192.0.2.1"


def test_a_class_has_it_by_default(get: Get) -> None:
    class Ours(Erlen):
        default_config = {**Erlen.default_config, "TRUSTED_PROXIES": ["127.0.0.1"]}

    app = Ours(__name__)
    app.add_url_rule("/a", "a", lambda: {"address": request.remote_addr})
    assert get(app, HONEST, "/a").json == {"address": "192.0.2.1"}


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TRUSTED_PROXIES", '["127.0.0.1", "unix"]')
    app = make(proxies=None)
    app.config.from_prefixed_env("SHOP")
    assert app.test_client().get("/async/x", headers=HONEST).json["address"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("TRUSTED_PROXIES", "127.0.0.1", TypeError),
        ("TRUSTED_PROXIES", ["proxy.lan"], ValueError),
        ("TRUSTED_PROXY_HEADERS", ["Forwarded", "X-Forwarded-For"], ValueError),
    ],
)
def test_a_setting_that_can_not_be_meant(name: str, value: t.Any, error: type[Exception]) -> None:
    app = make()
    with pytest.raises(error, match=name):
        app.config[name] = value


def test_settings_can_be_copied_and_sent() -> None:
    app = make()
    for copied in (copy.deepcopy(app.config), pickle.loads(pickle.dumps(app.config))):
        assert copied == app.config and copied.root_path == app.config.root_path
        copied["TRUSTED_PROXIES"] = "anything"
    assert app.config["TRUSTED_PROXIES"] == ["127.0.0.1"]


def test_plans_for_loops_stay_native() -> None:
    from erlen.server.loop.plans import NativePlans
    from erlen.server.needs import wants_asgi

    app = make()
    assert not NativePlans(app).wrapped
    assert wants_asgi(app) == "the async view 'async_view'"
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start: inner(environ, start)  # type: ignore[method-assign]
    assert NativePlans(app).wrapped
    # Middleware that was there first still stands behind it.
    app = make(proxies=None)
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start: inner(environ, start)  # type: ignore[method-assign]
    app.config["TRUSTED_PROXIES"] = ["127.0.0.1"]
    assert NativePlans(app).wrapped


def test_a_socket_in_the_file_system() -> None:
    app = make(proxies=["unix"])
    client = app.test_client()
    for peer in ({"REMOTE_ADDR": ""}, {"REMOTE_ADDR": None}):
        found = client.get("/async/x", headers=HONEST, environ_overrides=peer).json
        assert found["address"] == "192.0.2.1"
    assert client.get("/async/x", headers=HONEST).json["address"] == "127.0.0.1"


@pytest.mark.wsgi
def test_what_the_environ_says_of_the_peer() -> None:
    app = make()
    peers = []

    @app.before_request
    def look() -> None:
        environ = request.environ
        peers.append((environ["erlen.peer"], environ["REMOTE_ADDR"], environ.get("REMOTE_PORT")))

    options = {"environ_overrides": {"REMOTE_PORT": "5"}}
    app.test_client().get("/async/x", headers=HONEST, **options)
    app.test_client().get("/async/x", **options)
    assert peers == [("127.0.0.1", "192.0.2.1", None), ("127.0.0.1", "127.0.0.1", "5")]


def proxied(app: Erlen, outside: bool) -> Erlen:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    if outside:
        app.config["TRUSTED_PROXIES"] = ["10.0.0.0/8"]
    return app


@pytest.mark.parametrize("outside", [False, True])
def test_werkzeugs_proxy_fix_still_works(get: Get, outside: bool) -> None:
    found = get(proxied(make(proxies=None), outside), HONEST).json
    assert found["address"] == "192.0.2.1"
    assert found["link"] == "https://example.org/app/folder/"


def test_a_websocket(caplog: pytest.LogCaptureFixture) -> None:
    app = make()

    @app.websocket("/ws")
    async def ws() -> None:
        await websocket.send_json([websocket.remote_addr, websocket.url])

    client = app.test_client()
    with client.websocket_connect("/ws", headers=HONEST) as connection:
        assert connection.receive_json() == ["192.0.2.1", "wss://example.org/app/ws"]
    headers = {**HONEST, "Origin": "https://example.org"}
    with client.websocket_connect("/ws", headers=headers) as connection:
        assert connection.receive_json()[0] == "192.0.2.1"
    with pytest.raises(erlen.testing.WebsocketRejected) as caught:
        with client.websocket_connect("/ws", headers={"X-Forwarded-For": "nonsense"}):
            pass
    assert caught.value.response.status_code in (400, 403)
    with pytest.raises(erlen.testing.WebsocketRejected):
        with client.websocket_connect("/ws", headers={**HONEST, "Origin": "https://evil.com"}):
            pass
    assert "do not pass through" not in caplog.text


def test_paths_as_servers_spell_them() -> None:
    """The path with the root in front or without it, and the bytes as they came."""
    seen = []

    async def inner(scope: t.Any, receive: t.Any, send: t.Any) -> None:
        seen.append((scope["root_path"], scope["path"], scope["raw_path"]))

    app = make(proxies=None)
    app.asgi_app = inner  # type: ignore[method-assign]
    app.config.update(TRUSTED_PROXIES=["::1"], TRUSTED_PROXY_HEADERS=ALL)
    headers = [(b"x-forwarded-prefix", b"/app")]
    for root, path, raw in [
        ("", "/caf\u00e9", b"/caf%C3%A9"),
        ("/in", "/in/a", b"/in/a"),
        ("/in", "/a", b"/a"),
    ]:
        scope = {"type": "http", "client": ("::1", 1), "headers": headers, "scheme": "http"}
        scope |= {"root_path": root, "path": path, "raw_path": raw}
        asyncio.run(app.asgi_app(scope, None, None))  # type: ignore[arg-type]
        assert scope["path"] == path
    assert seen == [
        ("/app", "/app/caf\u00e9", b"/app/caf%C3%A9"),
        ("/app/in", "/app/in/a", b"/app/in/a"),
        ("/app/in", "/app/in/a", b"/app/in/a"),
    ]
