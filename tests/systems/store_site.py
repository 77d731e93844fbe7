"""One store for all: Flask-Caching, Flask-Limiter and Flask-Login, unmodified, and sessions."""

from __future__ import annotations

import os
import time
import typing as t

import erlen

erlen.install_as_flask()

from flask import Flask, jsonify, request, session  # noqa: E402
from flask_caching import Cache  # noqa: E402
from flask_limiter import Limiter  # noqa: E402
from flask_limiter.util import get_remote_address  # noqa: E402
from flask_login import (  # noqa: E402
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
    logout_user,
)

URL = os.environ["STORE"]

app = Flask(__name__)
app.secret_key = "a key"
app.config["SESSION_STORE"] = URL

if URL.startswith("redis:"):
    options = {"socket_timeout": 1, "socket_connect_timeout": 1}
    app.config.update(CACHE_TYPE="RedisCache", CACHE_REDIS_URL=URL, CACHE_OPTIONS=options)
else:
    from pymemcache.client.base import PooledClient
    from pymemcache.serde import pickle_serde

    from erlen.sessionstores.memcached import server_of

    options = {"timeout": 1, "connect_timeout": 1}
    client = PooledClient(server_of(URL), serde=pickle_serde, **options)
    app.config.update(CACHE_TYPE="MemcachedCache", CACHE_MEMCACHED_SERVERS=client)

cache = Cache(app)
limiter = Limiter(
    get_remote_address,
    app=app,
    storage_uri=URL,
    storage_options=options,
    headers_enabled=True,
    in_memory_fallback=["3 per minute"],
)
login = LoginManager(app)


class User(UserMixin):
    def __init__(self, id: str) -> None:
        self.id = id


login.user_loader(User)


@app.get("/")
def index() -> str:
    return "here"


@app.get("/now")
@cache.cached(timeout=60, query_string=True)
def now() -> t.Any:
    return jsonify(pid=os.getpid(), time=time.time())


@app.get("/anow")
@cache.cached(timeout=60)
async def anow() -> dict[str, float]:
    return {"pid": os.getpid(), "time": time.time()}


@cache.memoize(60)
def squared(number: int) -> tuple[int, float]:
    return number * number, time.time()


@app.get("/squared/<int:number>")
def square(number: int) -> t.Any:
    return jsonify(squared(number))


@app.post("/forget/<int:number>")
def forget(number: int) -> str:
    cache.delete_memoized(squared, number)
    return ""


@app.get("/limited")
@limiter.limit("5 per minute", key_func=lambda: request.args.get("who", ""))
def limited() -> str:
    return "in time"


@app.get("/alimited")
@limiter.limit("5 per minute", key_func=lambda: request.args.get("who", ""))
async def alimited() -> str:
    return "in time"


@app.get("/login/<user>")
def log_in(user: str) -> str:
    session["cart"] = "apple"
    login_user(User(user))
    return ""


@app.get("/logout")
def log_out() -> str:
    logout_user()
    return ""


@app.get("/me")
@login_required
def me() -> t.Any:
    return jsonify(user=current_user.id, cart=session.get("cart"))


@app.get("/everywhere")
@login_required
def everywhere() -> str:
    from erlen.sessionstores import sign_out

    sign_out(current_user.id)
    return ""
