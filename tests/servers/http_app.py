"""What the tests of HTTP on real servers talk to: one application for all of them."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
import time
import typing as t
from collections import Counter

import erlen
from erlen import Blueprint, Erlen, abort, g, redirect, request, session, url_for

app = Erlen(__name__, static_folder="static")
app.secret_key = "secret"
# Redirects by the router have the host in them, whatever the server calls itself.
app.config["TRUSTED_HOSTS"] = ["127.0.0.1"]
shop = Blueprint("shop", __name__, url_prefix="/shop")
customer: contextvars.ContextVar[str] = contextvars.ContextVar("customer", default="nobody")
counts: Counter[str] = Counter()
_lock = threading.Lock()


def count(what: str) -> None:
    """Remember that something happened; ``/counts`` tells."""
    with _lock:
        counts[what] += 1


@app.before_serving
async def begin() -> None:
    count("begun")


@app.while_serving
def meanwhile() -> t.Iterator[None]:
    count("entered")
    yield
    print("has left", file=sys.stderr, flush=True)


@app.after_serving
def end() -> None:
    print(f"ended, begun {counts['begun']}", file=sys.stderr, flush=True)


def step(name: str) -> None:
    """One more step of this request."""
    g.trail = [*g.get("trail", ()), name]


@app.url_value_preprocessor
def values(endpoint: str | None, args: dict[str, t.Any] | None) -> None:
    step("values")


@app.before_request
def before_all() -> None:
    step("before")
    customer.set(request.args.get("customer", "nobody"))


@app.before_request
async def before_all_async() -> None:
    await asyncio.sleep(0)
    step("abefore")


@shop.before_request
async def before_shop() -> None:
    step("shop-before")


@shop.after_request
def after_shop(response: t.Any) -> t.Any:
    step("shop-after")
    return response


@app.after_request
async def after_all(response: t.Any) -> t.Any:
    step("aafter")
    response.headers["X-Trail"] = " ".join(g.trail)
    response.headers["X-Customer"] = customer.get()
    return response


@app.after_request
def after_first(response: t.Any) -> t.Any:
    step("after")
    return response


@app.teardown_request
def torn(exc: BaseException | None) -> None:
    count(f"teardown {request.path}")


@app.teardown_appcontext
async def torn_async(exc: BaseException | None) -> None:
    # Background tasks and what runs around serving have contexts without a request.
    if erlen.has_request_context():
        count(f"ateardown {request.path}")


@app.get("/counts")
def tell_counts() -> dict[str, t.Any]:
    with _lock:
        return dict(counts)


@shop.get("/sync/<int:number>")
def sync_view(number: int) -> dict[str, t.Any]:
    step("view")
    found = customer.get()
    customer.set(found + "!")
    return {"number": number, "customer": found, "link": url_for("shop.async_view", number=2)}


@shop.get("/async/<int:number>")
async def async_view(number: int) -> dict[str, t.Any]:
    await asyncio.sleep(0.001)
    step("view")
    found = customer.get()
    customer.set(found + "!")
    return {"number": number, "customer": found, "link": url_for(".sync_view", number=2)}


@app.get("/about/<path:rest>")
def about(rest: str) -> dict[str, t.Any]:
    return {
        "rest": rest,
        "path": request.path,
        "url": request.url,
        "base": request.base_url,
        "host": request.host,
        "scheme": request.scheme,
        "root": request.script_root,
        "method": request.method,
        "args": request.args.to_dict(flat=False),
        "query": request.query_string.decode(),
        "remote": request.remote_addr,
        "agent": request.user_agent.string,
        "own": request.headers.getlist("X-Own"),
        "cookies": dict(request.cookies),
        "link": url_for("about", rest="x y", _external=True),
    }


@app.get("/visits")
def visits() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.get("/avisits")
async def async_visits() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.errorhandler(404)
def not_found(error: t.Any) -> t.Any:
    return {"error": "nothing here", "path": request.path}, 404


@app.errorhandler(ZeroDivisionError)
async def divided(error: Exception) -> t.Any:
    return {"error": str(error)}, 500


@app.get("/divide")
def divide() -> str:
    raise ZeroDivisionError("on purpose")


@app.get("/adivide")
async def async_divide() -> str:
    raise ZeroDivisionError("on purpose")


@app.get("/broken")
def broken() -> str:
    raise RuntimeError("nobody takes this")


@app.get("/teapot")
async def teapot() -> str:
    abort(418)


@app.post("/json")
def take_json() -> t.Any:
    return {"got": request.get_json()}


@app.post("/ajson")
async def take_json_async() -> t.Any:
    return {"got": request.get_json()}


@app.post("/form")
def take_form() -> t.Any:
    fields = request.form.to_dict(flat=False)
    count("form")
    return {
        "fields": fields,
        "files": {name: [file.filename, len(file.read())] for name, file in request.files.items()},
    }


@app.post("/aform")
async def take_form_async() -> t.Any:
    return take_form()


@app.post("/small")
def small() -> str:
    request.max_content_length = 1000
    return str(len(request.get_data()))


@app.post("/limited")
@erlen.stream_body
async def limited() -> str:
    request.max_content_length = 1000
    await request.receive()
    return str(len(request.get_data()))


@app.route("/echo", methods=["POST", "PUT", "PATCH", "DELETE"])
def echo() -> t.Any:
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@app.post("/aecho")
async def async_echo() -> t.Any:
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@app.post("/unread")
def unread() -> str:
    return "not read"


@app.get("/lines")
def lines() -> t.Any:
    return (f"line {number} of {customer.get()}\n" for number in range(5)), 200, {"X-Own": "1"}


@app.get("/alines")
async def async_lines() -> t.Any:
    async def generate() -> t.AsyncIterator[str]:
        for number in range(5):
            await asyncio.sleep(0)
            yield f"line {number} of {customer.get()}\n"

    return generate(), 200, {"X-Own": "1"}


@app.get("/endless")
def endless() -> t.Any:
    def generate() -> t.Iterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
                time.sleep(0.001)
        finally:
            count("endless closed")

    return generate()


@app.get("/aendless")
async def async_endless() -> t.Any:
    async def generate() -> t.AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0.001)
        finally:
            count("aendless closed")

    return generate()


@app.get("/late")
def late() -> t.Any:
    app.add_background_task(background, "sync")
    app.add_background_task(async_background)
    return "later"


def background(kind: str) -> None:
    time.sleep(0.05)
    count(f"background {kind}")


async def async_background() -> None:
    await asyncio.sleep(0.05)
    count("background async")


@app.get("/cookies")
def cookies() -> t.Any:
    response = erlen.make_response("baked")
    response.set_cookie("one", "1", httponly=True)
    response.set_cookie("two", "zwei \u00e4", max_age=60)
    response.delete_cookie("three")
    return response


@app.get("/big/<int:size>")
def big(size: int) -> t.Any:
    return b"0123456789" * (size // 10), {"Content-Type": "application/octet-stream"}


@app.get("/old")
def old() -> t.Any:
    return redirect(url_for("folder"))


@app.get("/folder/")
def folder() -> str:
    return "folder"


@app.get("/nothing")
def nothing() -> t.Any:
    return "", 204


@app.get("/slow")
async def slow() -> str:
    mine = customer.get()
    await asyncio.sleep(0.02)
    return f"{mine} {customer.get()} {request.args['customer']}"


@app.get("/wait/<float:seconds>")
async def wait(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "waited"


@app.get("/file")
def file() -> t.Any:
    return erlen.send_file(
        os.path.join(app.static_folder or "", "letters.txt"), download_name="abc.txt", etag=True
    )


app.register_blueprint(shop)
