"""Flask-Session: every public feature, on the stores that need no server."""

import json
import sqlite3
import warnings

import cachelib
import pytest
from fakeredis import FakeRedis
from flask import Flask, current_app, flash, g, get_flashed_messages, session
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy
from itsdangerous import Signer

warnings.simplefilter("ignore")

STORES = ["cachelib", "filesystem", "redis", "sqlalchemy"]


def settings(store, tmp_path):
    """The configuration of a store, with everything that it keeps below ``tmp_path``."""
    own = {
        "cachelib": lambda: {"SESSION_CACHELIB": cachelib.FileSystemCache(str(tmp_path / "c"))},
        "filesystem": lambda: {"SESSION_FILE_DIR": str(tmp_path / "f")},
        "redis": lambda: {"SESSION_REDIS": FakeRedis()},
        "sqlalchemy": lambda: {
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 's.db'}",
        },
    }
    return {"SESSION_TYPE": store, "SECRET_KEY": "k", "TESTING": True, **own[store]()}


def make_app(store, tmp_path, **more):
    app = Flask(__name__)
    app.config.update(settings(store, tmp_path), **more)
    if store == "sqlalchemy":
        app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
    Session(app)
    add_routes(app)
    return app


def add_routes(app):
    @app.get("/set/<key>/<value>")
    def put(key, value):
        session[key] = value
        return "ok"

    @app.get("/get/<key>")
    def get(key):
        return json.dumps(session.get(key))

    @app.get("/pop/<key>")
    def pop(key):
        return json.dumps(session.pop(key, None))

    @app.get("/clear")
    def clear():
        session.clear()
        return "ok"

    @app.get("/nested")
    def nested():
        session.setdefault("list", []).append(1)
        session.modified = True
        return json.dumps(session["list"])

    @app.get("/permanent/<int:value>")
    def permanent(value):
        session.permanent = bool(value)
        return str(session.permanent)

    @app.get("/sid")
    def sid():
        return session.sid

    @app.get("/regenerate")
    def regenerate():
        current_app.session_interface.regenerate(session)
        return session.sid

    @app.get("/flash")
    def put_flash():
        flash("one", "info")
        return "ok"

    @app.get("/flashed")
    def flashed():
        return json.dumps(get_flashed_messages(with_categories=True))

    @app.get("/idle")
    def idle():
        return "idle"


@pytest.fixture(params=STORES)
def app(request, tmp_path):
    return make_app(request.param, tmp_path)


@pytest.fixture
def client(app):
    return app.test_client()


def test_interface(app):
    assert type(app.session_interface).__name__.lower().startswith(app.config["SESSION_TYPE"])


def test_round_trip(client):
    assert client.get("/get/a").text == "null"
    client.get("/set/a/1")
    assert client.get("/get/a").text == '"1"'
    assert client.get("/pop/a").text == '"1"'
    assert client.get("/get/a").text == "null"


def test_clients_are_apart(app):
    one, two = app.test_client(), app.test_client()
    one.get("/set/who/one")
    two.get("/set/who/two")
    assert (one.get("/get/who").text, two.get("/get/who").text) == ('"one"', '"two"')


def test_cookie_holds_only_the_id(client):
    answer = client.get("/set/secret/hidden")
    cookie = client.get_cookie("session")
    assert cookie.value == client.get("/sid").text
    assert "hidden" not in answer.headers["Set-Cookie"]
    assert "HttpOnly" in answer.headers["Set-Cookie"]


def test_idle_route_sets_no_cookie(client):
    answer = client.get("/idle")
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers


def test_reading_varies(client):
    client.get("/set/a/1")
    assert client.get("/get/a").headers["Vary"] == "Cookie"


def test_idle_route_with_session_refreshes(client):
    client.get("/set/a/1")
    assert "Set-Cookie" in client.get("/idle").headers


def test_clear_deletes(client):
    client.get("/set/a/1")
    answer = client.get("/clear")
    assert "Max-Age=0" in answer.headers["Set-Cookie"] or "1970" in answer.headers["Set-Cookie"]
    assert client.get("/get/a").text == "null"


def test_nested_change_marked_by_hand(client):
    assert client.get("/nested").text == "[1]"
    assert client.get("/nested").text == "[1, 1]"


def test_permanent_by_default(client):
    assert "Expires=" in client.get("/set/a/1").headers["Set-Cookie"]
    client.get("/permanent/0")
    assert "Expires=" not in client.get("/set/a/2").headers["Set-Cookie"]


def test_regenerate_keeps_data(client):
    client.get("/set/a/1")
    before = client.get("/sid").text
    after = client.get("/regenerate").text
    assert before != after
    assert client.get("/sid").text == after
    assert client.get("/get/a").text == '"1"'


def test_unknown_id_starts_anew(client):
    client.set_cookie("session", "made-up")
    assert client.get("/get/a").text == "null"
    assert client.get("/sid").text != "made-up"


def test_flash(client):
    client.get("/flash")
    assert json.loads(client.get("/flashed").text) == [["info", "one"]]
    assert json.loads(client.get("/flashed").text) == []


def test_session_transaction(client):
    with client.session_transaction() as opened:
        opened["a"] = "set outside"
    assert client.get("/get/a").text == '"set outside"'


def test_session_after_the_request(client):
    with client:
        client.get("/set/a/1")
        assert session["a"] == "1"
        assert session.modified and session.accessed


def test_test_request_context(app):
    with app.test_request_context("/"):
        assert not session
        session["a"] = 1
        assert session.sid and session.permanent


def test_opened_before_hooks(app):
    @app.before_request
    def seen():
        g.sid = session.sid

    @app.get("/hook")
    def hook():
        return str(g.sid == session.sid)

    assert app.test_client().get("/hook").text == "True"


@pytest.mark.parametrize("store", STORES)
def test_init_app_and_names(store, tmp_path):
    app = make_app(
        store, tmp_path, SESSION_COOKIE_NAME="sid", SESSION_KEY_PREFIX="p:", SESSION_ID_LENGTH=64
    )
    client = app.test_client()
    client.get("/set/a/1")
    assert len(client.get_cookie("sid").value) > 80
    assert client.get("/get/a").text == '"1"'


def test_signer(tmp_path):
    app = make_app("redis", tmp_path, SESSION_USE_SIGNER=True)
    client = app.test_client()
    client.get("/set/a/1")
    value = client.get_cookie("session").value
    signer = Signer("k", salt="flask-session", key_derivation="hmac")
    assert signer.unsign(value).decode() == client.get("/sid").text
    client.set_cookie("session", value + "x")
    assert client.get("/get/a").text == "null"


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_serialization(tmp_path, form):
    app = make_app("redis", tmp_path, SESSION_SERIALIZATION_FORMAT=form)
    client = app.test_client()
    client.get("/set/a/1")
    raw = app.config["SESSION_REDIS"].get("session:" + client.get_cookie("session").value)
    assert raw.startswith(b"{") == (form == "json")


def test_no_refresh_without_change(tmp_path):
    app = make_app("redis", tmp_path, SESSION_REFRESH_EACH_REQUEST=False)
    client = app.test_client()
    client.get("/set/a/1")
    assert "Set-Cookie" not in client.get("/get/a").headers


def test_not_permanent(tmp_path):
    app = make_app("redis", tmp_path, SESSION_PERMANENT=False)
    assert "Expires=" not in app.test_client().get("/set/a/1").headers["Set-Cookie"]


def test_cookie_settings(tmp_path):
    app = make_app(
        "redis",
        tmp_path,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_DOMAIN="example.com",
        SESSION_COOKIE_PATH="/app",
        SESSION_COOKIE_HTTPONLY=False,
    )
    cookie = app.test_client().get("/set/a/1").headers["Set-Cookie"]
    for part in ("Secure", "SameSite=Strict", "Domain=example.com", "Path=/app"):
        assert part in cookie
    assert "HttpOnly" not in cookie


def test_sqlalchemy_cleanup_command(tmp_path):
    app = make_app("sqlalchemy", tmp_path)
    app.test_client().get("/set/a/1")
    database = sqlite3.connect(tmp_path / "s.db")
    assert database.execute("select count(*) from sessions").fetchone() == (1,)
    database.execute("update sessions set expiry = '2000-01-01 00:00:00.000000'")
    database.commit()
    done = app.test_cli_runner().invoke(args=["session_cleanup"])
    assert done.exit_code == 0, done.output
    assert database.execute("select count(*) from sessions").fetchone() == (0,)


def test_sqlalchemy_cleanup_by_requests(tmp_path):
    app = make_app("sqlalchemy", tmp_path, SESSION_CLEANUP_N_REQUESTS=1)
    assert any(hook.__name__ == "_cleanup_n_requests" for hook in app.before_request_funcs[None])
    assert app.test_client().get("/set/a/1").status_code == 200


def test_null_store_is_refused():
    app = Flask(__name__)
    app.config["SESSION_TYPE"] = "nonsense"
    with pytest.raises(ValueError, match="nonsense"):
        Session(app)
