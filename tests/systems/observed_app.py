"""What the tests of health, metrics, logs and traces serve."""

from __future__ import annotations

import asyncio
import os
import time

from erlen import Erlen, request, websocket
from erlen.ops import Ops, request_id

app = Erlen(__name__)
app.config.update(
    HEALTH_PATH="/health",
    READINESS_PATH="/ready",
    READINESS_TIMEOUT=2,
    REQUEST_ID_HEADER="X-Request-ID",
    LOG_FORMAT="json",
    ACCESS_LOG=True,
    METRICS_PATH="/metrics",
    TRACING="SPANS" in os.environ,
    THREADS=8,
    DRAIN_DELAY=float(os.environ.get("DRAIN_DELAY", "0")),
)
ops = Ops()


@ops.check
def redis() -> None:
    if "REDIS_PORT" in os.environ:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        # By default the client tries for seconds, which is longer than a probe should wait.
        once = Retry(NoBackoff(), 0)
        Redis(port=int(os.environ["REDIS_PORT"]), socket_timeout=1, retry=once).ping()


if "SPANS" in os.environ:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

    out = open(os.environ["SPANS"], "a", buffering=1)  # noqa: SIM115 - as long as the process
    exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n")
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

ops.init_app(app)
app.add_readiness("/ready-route", lambda: True)


@app.get("/pid/<int:number>")
def pid(number: int) -> dict[str, int]:
    return {"pid": os.getpid(), "number": number}


@app.get("/slow")
def slow() -> str:
    time.sleep(float(request.args.get("seconds", "0.3")))
    return "done"


@app.get("/work")
def work() -> str:
    app.logger.warning("in the view\nof %s", request_id())
    app.add_background_task(later)
    return "begun"


def later() -> None:
    app.logger.warning("in the task")


@app.get("/aslow")
async def aslow() -> str:
    await asyncio.sleep(0.05)
    app.logger.warning("in the coroutine")
    return "done"


@app.get("/fail/<name>")
def fail(name: str) -> str:
    raise LookupError(name)


@app.websocket("/echo/<room>")
async def echo(room: str) -> None:
    while True:
        text = await websocket.receive()
        app.logger.warning("heard in %s", room)
        await websocket.send(f"{request_id()}: {text}")
