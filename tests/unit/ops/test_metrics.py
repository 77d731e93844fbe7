"""Metrics: what is counted, under which labels, and how many labels there can be."""

from __future__ import annotations

import asyncio
import threading
import typing as t

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from erlen import Erlen, Response
from erlen.ops import Ops

from .conftest import Ask, by_wsgi


def make(registry: CollectorRegistry | None = None, **settings: t.Any) -> Erlen:
    app = Erlen("ops_app", static_folder=None)
    app.config.update({"METRICS_PATH": "/metrics", **settings})
    Ops(app, registry=registry or CollectorRegistry())

    @app.route("/items/<int:number>", methods=["GET", "POST"])
    def item(number: int) -> str:
        return str(1 // number)

    @app.get("/async/<name>")
    async def later(name: str) -> str:
        return name

    return app


def samples(ask: Ask, app: Erlen) -> dict[tuple[str, str, str, str], float]:
    text = ask(app, "/metrics").body.decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for name, labels, value, *_ in family.samples:
            if "le" not in labels and not name.endswith("_created"):
                parts = (labels.get(key, "") for key in ("method", "route", "status"))
                found[(name, *parts)] = value
    return t.cast("dict[tuple[str, str, str, str], float]", found)


COUNT = "http_requests_total"


def test_requests_are_counted_by_rule(ask: Ask) -> None:
    app = make()
    for number in range(5):
        ask(app, f"/items/{number}")
        ask(app, f"/async/{number}")
    ask(app, "/items/1", method="POST")
    found = samples(ask, app)
    assert found[COUNT, "GET", "/items/<int:number>", "200"] == 4
    assert found[COUNT, "GET", "/items/<int:number>", "500"] == 1
    assert found[COUNT, "POST", "/items/<int:number>", "200"] == 1
    assert found[COUNT, "GET", "/async/<name>", "200"] == 5
    time = "http_request_duration_seconds"
    assert found[f"{time}_count", "GET", "/async/<name>", "200"] == 5
    assert 0 < found[f"{time}_sum", "GET", "/async/<name>", "200"] < 5
    assert found["http_requests_in_flight", "", "", ""] == 0


def test_a_client_cannot_make_labels(ask: Ask) -> None:
    app = make()
    for number in range(30):
        ask(app, f"/nothing/{number}")
        ask(app, "/items/1", method=f"X{number}")
        ask(app, "/items/x" + "y" * number)
    counted = {key: value for key, value in samples(ask, app).items() if key[0] == COUNT}
    assert counted == {
        (COUNT, "GET", "<unmatched>", "404"): 60,
        (COUNT, "OTHER", "<unmatched>", "405"): 30,
    }


def test_the_format_that_was_asked_for(ask: Ask) -> None:
    app = make()
    plain = ask(app, "/metrics")
    assert plain.header("Content-Type")[0].startswith("text/plain; version=")
    accepted = {"Accept": "application/openmetrics-text; version=1.0.0"}
    other = ask(app, "/metrics", accepted)
    assert other.header("Content-Type")[0].startswith("application/openmetrics-text")
    assert other.body.endswith(b"# EOF\n")


def test_buckets() -> None:
    app = make(METRICS_BUCKETS=[0.1, 0.5])
    by_wsgi(app, "/items/1", {}, "GET")
    text = by_wsgi(app, "/metrics", {}, "GET").body.decode()
    bounds = [line for line in text.splitlines() if "_bucket{" in line]
    assert [line.split('le="')[1].split('"')[0] for line in bounds] == ["0.1", "0.5", "+Inf"]


def test_in_flight(ask: Ask) -> None:
    registry = CollectorRegistry()
    app = make(registry)
    seen: list[float | None] = []

    @app.get("/look")
    def look() -> str:
        seen.append(registry.get_sample_value("http_requests_in_flight"))
        return ""

    ask(app, "/look")
    assert seen == [1]
    assert registry.get_sample_value("http_requests_in_flight") == 0


def test_a_stream_is_in_flight_until_it_has_ended() -> None:
    registry = CollectorRegistry()
    app = make(registry)

    @app.get("/stream")
    def stream() -> Response:
        return Response(iter(["a", "b"]))

    def value() -> float | None:
        return registry.get_sample_value("http_requests_in_flight")

    from werkzeug.test import EnvironBuilder

    environ = EnvironBuilder(path="/stream").get_environ()
    body = app(environ, lambda status, headers, exc_info=None: None)
    assert value() == 1
    assert b"".join(body) == b"ab"
    body.close()
    body.close()
    assert value() == 0


def test_a_stream_that_breaks_or_is_left(ask: Ask) -> None:
    registry = CollectorRegistry()
    app = make(registry, PROPAGATE_EXCEPTIONS=False)

    @app.get("/broken")
    def broken() -> Response:
        def parts() -> t.Iterator[str]:
            yield "a"
            raise RuntimeError("on purpose")

        return Response(parts())

    with pytest.raises(RuntimeError):
        ask(app, "/broken")
    assert registry.get_sample_value("http_requests_in_flight") == 0
    labels = {"method": "GET", "route": "/broken", "status": "200"}
    assert registry.get_sample_value(COUNT, labels) == 1


def test_two_applications_share_a_registry(ask: Ask) -> None:
    registry = CollectorRegistry()
    for app in (make(registry), make(registry)):
        ask(app, "/items/1")
    assert samples(ask, app)[COUNT, "GET", "/items/<int:number>", "200"] == 2


def test_the_library_s_own_registry(ask: Ask) -> None:
    app = Erlen("ops_app")
    app.config["METRICS_PATH"] = "/metrics"
    Ops(app)
    assert b"process_cpu_seconds_total" in ask(app, "/metrics").body


def test_counted_from_many_threads() -> None:
    app = make()
    threads = [
        threading.Thread(target=lambda: [by_wsgi(app, "/items/1", {}, "GET") for _ in range(50)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = by_wsgi(app, "/metrics", {}, "GET").body.decode()
    assert f'{COUNT}{{method="GET",route="/items/<int:number>",status="200"}} 200.0' in text
    assert "http_requests_in_flight 0.0" in text


def test_a_client_that_leaves_before_the_answer() -> None:
    from .conftest import scope_of

    registry = CollectorRegistry()
    app = make(registry)

    async def main() -> None:
        async def receive() -> t.Any:
            return {"type": "http.request", "body": b""}

        async def send(message: t.Any) -> None:
            raise AssertionError("nobody is there")

        begun = asyncio.Event()

        @app.get("/wait")
        async def wait() -> str:
            begun.set()
            await asyncio.sleep(20)
            return ""

        task = asyncio.ensure_future(app(scope_of("/wait", {}, "GET"), receive, send))
        await begun.wait()
        assert registry.get_sample_value("http_requests_in_flight") == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert registry.get_sample_value("http_requests_in_flight") == 0
    labels = {"method": "GET", "route": "/wait", "status": "499"}
    assert registry.get_sample_value(COUNT, labels) == 1
