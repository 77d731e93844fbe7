"""What a session on Redis costs beside the bare round trips, side by side in one run.

    python bench/sessions.py [--url redis://127.0.0.1:6379/0] [--rounds 40]

Without a URL a ``redis-server`` is started. Each round measures, one after the other:

* bare: ``GET`` and ``SET ... PX`` by the same client, with what a session has in it;
* idle: a route that does not look at its session, with the cookie in the request;
* read, write: routes that read a session, or read and change it.

Printed are the fastest rounds, and what a session's reading and writing adds to an idle route
as a multiple of the bare commands. 1.3 is the limit.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "tests")]

import redis  # noqa: E402
from werkzeug.test import EnvironBuilder  # noqa: E402

from erlen import Erlen, session  # noqa: E402
from running import free_port  # noqa: E402

LIMIT = 1.3


@contextlib.contextmanager
def server() -> t.Iterator[str]:
    """A Redis of our own; gives its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = f"--port {port} --bind 127.0.0.1 --appendonly no --dir {folder}"
        process = subprocess.Popen(
            ["redis-server", *options.split(), "--save", ""], stdout=subprocess.DEVNULL
        )
        try:
            client = redis.Redis(port=port)
            for _ in range(100):
                with contextlib.suppress(redis.ConnectionError):
                    client.ping()
                    break
                time.sleep(0.05)
            client.close()
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait()


def make_app(url: str) -> Erlen:
    """An application with one route of each kind."""
    app = Erlen(__name__)
    app.config["SESSION_STORE"] = url

    @app.get("/idle")
    def idle() -> str:
        return "idle"

    @app.get("/read")
    def read() -> str:
        return str(session["n"])

    @app.get("/write")
    def write() -> str:
        session["n"] = session.get("n", 0) + 1
        return "written"

    @app.get("/login")
    def login() -> str:
        session.update(user_id="4711", name="Thistle", theme="dark", n=1)
        return ""

    @app.get("/anonymous")
    def anonymous() -> str:
        session.update(name="Thistle", theme="dark", n=1)
        return ""

    return app


def caller(app: Erlen, path: str, cookie: str) -> t.Callable[[], t.Any]:
    """What sends one request by WSGI."""
    environ = EnvironBuilder(path=path, headers={"Cookie": cookie}).get_environ()

    def call() -> None:
        for _ in app.wsgi_app(dict(environ), _start_response):
            pass

    return call


def _start_response(status: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
    if not status.startswith("200"):
        raise RuntimeError(status)


def timed(call: t.Callable[[], t.Any], count: int) -> float:
    """Microseconds per call."""
    begun = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begun) / count * 1e6


def measure(url: str, rounds: int, count: int, login: bool) -> dict[str, float]:
    """The fastest round of each kind, in microseconds."""
    app = make_app(url)
    client = app.test_client()
    client.get("/login" if login else "/anonymous")
    cookie = client.get_cookie("session")
    assert cookie is not None
    header = f"session={cookie.value}"
    store: t.Any = app.session_interface.keeper.store  # type: ignore[attr-defined]
    link = store._client
    name = next(key for key in link.scan_iter("erlen:session:*"))
    raw = link.get(name)

    def bare() -> None:
        link.get(name)
        link.set("bare", raw, px=1000_000)

    calls: dict[str, t.Callable[[], t.Any]] = {"bare": bare, "get": lambda: link.get(name)}
    calls |= {path: caller(app, f"/{path}", header) for path in ("idle", "read", "write")}
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for kind, call in calls.items():
            best[kind] = min(best[kind], timed(call, count))
    link.delete(name)
    store.close()
    return best


def main() -> int:
    """Measure and print; 1 if a session costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    failed = False
    with contextlib.nullcontext(options.url) if options.url else server() as url:
        for login in (False, True):
            best = measure(url, options.rounds, options.count, login)
            both = (best["write"] - best["idle"]) / best["bare"]
            read = (best["read"] - best["idle"]) / best["get"]
            failed = failed or both > LIMIT
            print("signed in:" if login else "anonymous:")
            print("  " + ", ".join(f"{kind} {value:.1f} us" for kind, value in best.items()))
            print(f"  read and write {both:.2f} x GET and SET (limit {LIMIT})", end="")
            print(f", read {read:.2f} x GET")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
