"""A plain request walks through few functions and few files, and leaves nothing behind."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from werkzeug.test import EnvironBuilder

from erlen import Erlen, jsonify, redirect, request, session, url_for

CALLS = 16
FILES = 7  # of the package: the view has its own, and generated code has none


class Conflict(Exception):
    pass


def make_app() -> Erlen:
    app = Erlen("budget", static_folder=None)
    app.secret_key = "budget"

    @app.get("/")
    def hello() -> str:
        return "Hello, world!"

    @app.get("/users/<int:user>/posts/<slug>")
    def post(user: int, slug: str) -> dict[str, object]:
        return {"user": user, "slug": slug}

    @app.get("/query")
    def query() -> dict[str, object]:
        return {"page": request.args.get("page", type=int)}

    @app.post("/form")
    def form() -> str:
        return request.form["name"]

    @app.post("/json")
    def echo() -> object:
        return jsonify(request.get_json())

    @app.get("/session")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    @app.get("/away")
    def away() -> object:
        return redirect(url_for("post", user=1, slug="a"))

    @app.get("/conflict")
    def conflict() -> str:
        raise Conflict

    @app.errorhandler(Conflict)
    def on_conflict(error: Conflict) -> tuple[str, int]:
        return "conflict", 409

    @app.get("/stream")
    def stream() -> object:
        return iter(["a", "b", "c"])

    return app


def environ(path: str, method: str = "GET", **options: object) -> dict[str, object]:
    builder = EnvironBuilder(path, method=method, **options)  # type: ignore[arg-type]
    try:
        return builder.get_environ()
    finally:
        builder.close()


def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
    pass


def serve(app: Erlen, environ: dict[str, object]) -> None:
    """What a server does with a request."""
    body = app(environ, start_response)
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


def calls_of(run: Callable[[], None]) -> list[str]:
    """The Python functions that are entered, as ``file:name``."""
    found: list[str] = []

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            found.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    own = ("run", "serve", "start_response")
    return [call for call in found if not call.endswith(tuple(f"{__file__}:{n}" for n in own))]


@pytest.fixture(scope="module")
def app() -> Erlen:
    return make_app()


@pytest.mark.parametrize("path", ["/", "/users/1/posts/a"])
def test_a_bare_get_stays_within_the_budget(app: Erlen, path: str) -> None:
    for _ in range(3):
        serve(app, environ(path))
    prepared = environ(path)

    def run() -> None:
        serve(app, prepared)

    calls = calls_of(run)
    assert len(calls) <= CALLS, "\n".join(calls)
    files = {call.rpartition(":")[0] for call in calls if "/src/erlen/" in call}
    assert len(files) <= FILES, files


def test_the_count_sees_calls() -> None:
    def inner() -> None:
        pass

    def run() -> None:
        inner()
        inner()

    assert len(calls_of(run)) == 2


@pytest.fixture
def quiet_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("quiet_collector")
@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/", {}),
        ("/users/1/posts/a", {}),
        ("/query?page=2", {}),
        ("/form", {"method": "POST", "data": {"name": "a"}}),
        ("/json", {"method": "POST", "json": {"a": [1, 2]}}),
        ("/session", {}),
        ("/away", {}),
        ("/conflict", {}),
        ("/stream", {}),
        ("/missing", {}),
        ("/", {"method": "DELETE"}),
    ],
    ids="hello json query form post session redirect error stream 404 405".split(),
)
def test_a_request_leaves_no_cycles(app: Erlen, path: str, options: dict[str, object]) -> None:
    for _ in range(3):
        serve(app, environ(path, **options))
    requests = [environ(path, **options) for _ in range(100)]
    gc.collect()
    for prepared in requests:
        serve(app, prepared)
    requests.clear()
    assert gc.collect() == 0
