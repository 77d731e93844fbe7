"""Spans as OpenTelemetry's conventions have them, collected by its SDK in memory."""

from __future__ import annotations

import typing as t

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from erlen import Erlen, Response
from erlen.ops import Ops

from .conftest import Ask, Lines

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
EXPORTER = InMemorySpanExporter()


@pytest.fixture(autouse=True)
def spans() -> t.Iterator[t.Callable[[], list[ReadableSpan]]]:
    """The finished spans; the process's provider is set once, as the API wants it."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
        trace.set_tracer_provider(provider)
    EXPORTER.clear()
    yield lambda: list(EXPORTER.get_finished_spans())
    assert context.get_current() == {}


Spans = t.Callable[[], list[ReadableSpan]]


def make(**settings: t.Any) -> Erlen:
    app = Erlen("ops_app", static_folder=None)
    app.config.update({"TRACING": True, **settings})
    Ops(app)

    @app.get("/items/<int:number>")
    def item(number: int) -> str:
        with trace.get_tracer("shop").start_as_current_span("query"):
            return str(1 // number)

    @app.get("/async/<int:number>")
    async def later(number: int) -> str:
        with trace.get_tracer("shop").start_as_current_span("query"):
            return str(1 // number)

    return app


@pytest.mark.parametrize("place", ["items", "async"])
def test_a_span(ask: Ask, spans: Spans, place: str) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "User-Agent": "shop/1"}
    ask(make(), f"/{place}/2?secret=1", headers)
    child, span = spans()
    assert (span.name, span.kind) == (f"GET /{place}/<int:number>", trace.SpanKind.SERVER)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.path": f"/{place}/2",
        "url.scheme": "http",
        "server.address": "localhost",
        "server.port": 80,
        "network.protocol.version": "1.1",
        "user_agent.original": "shop/1",
        "network.peer.address": "10.0.0.9",
        "client.address": "10.0.0.9",
        "http.route": f"/{place}/<int:number>",
        "http.response.status_code": 200,
    }
    assert span.context is not None and span.parent is not None
    assert format(span.context.trace_id, "032x") == TRACE
    assert format(span.parent.span_id, "016x") == PARENT
    assert child.parent is not None and child.parent.span_id == span.context.span_id
    assert span.status.status_code is trace.StatusCode.UNSET


@pytest.mark.parametrize("header", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", "00-x-y-z"])
def test_a_parent_that_makes_no_sense(ask: Ask, spans: Spans, header: str) -> None:
    assert ask(make(), "/items/2", {"traceparent": header}).status == 200
    assert spans()[-1].parent is None


@pytest.mark.parametrize("place", ["items", "async"])
def test_an_error(ask: Ask, spans: Spans, place: str) -> None:
    assert ask(make(), f"/{place}/0").status == 500
    span = spans()[-1]
    assert span.status.status_code is trace.StatusCode.ERROR
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "ZeroDivisionError"
    assert attributes["http.response.status_code"] == 500
    (event,) = span.events
    assert event.name == "exception"
    assert (event.attributes or {})["exception.type"] == "ZeroDivisionError"


def test_a_404_is_no_error(ask: Ask, spans: Spans) -> None:
    ask(make(), "/none")
    (span,) = spans()
    assert (span.name, span.status.status_code) == ("GET", trace.StatusCode.UNSET)
    assert "http.route" not in (span.attributes or {})


def test_a_503_is_one(ask: Ask, spans: Spans) -> None:
    app = make()
    app.add_url_rule("/busy", "busy", lambda: ("", 503))
    ask(app, "/busy")
    (span,) = spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "503"


def test_a_method_nobody_knows(ask: Ask, spans: Spans) -> None:
    ask(make(), "/items/2", method="BREW")
    (span,) = spans()
    assert span.name == "HTTP"
    attributes = dict(span.attributes or {})
    assert attributes["http.request.method"] == "_OTHER"
    assert attributes["http.request.method_original"] == "BREW"


def test_probes_have_none(ask: Ask, spans: Spans) -> None:
    ask(make(HEALTH_PATH="/health"), "/health")
    assert spans() == []


def test_logs_name_the_trace(ask: Ask, spans: Spans, lines: Lines) -> None:
    ask(make(LOG_FORMAT="json", ACCESS_LOG=True), "/items/2")
    (line,) = lines("erlen.access")
    ids = spans()[-1].get_span_context()
    assert ids is not None
    assert line["trace_id"] == format(ids.trace_id, "032x")
    assert line["span_id"] == format(ids.span_id, "016x")


def test_a_stream(ask: Ask, spans: Spans) -> None:
    app = make()

    @app.get("/stream")
    def stream() -> Response:
        return Response(iter(["a", "b"]))

    assert ask(app, "/stream").body == b"ab"
    (span,) = spans()
    assert span.name == "GET /stream"


def test_many_requests_leave_no_context(ask: Ask, spans: Spans) -> None:
    app = make()
    for _ in range(5):
        ask(app, "/items/1")
    assert len({span.context.trace_id for span in spans() if span.context}) == 5
