"""An application that sends tasks, and the tasks; a web server and workers both import it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from erlen import Erlen, current_app, g, has_request_context, request
from erlen.ops import Ops, request_id
from erlen.tasks import celery_app, report_progress, task_status

app = Erlen(__name__)
app.config.update(FACTOR=10, REQUEST_ID_HEADER="X-Request-ID")
Ops(app)
celery = celery_app(
    app,
    broker_url=os.environ["BROKER"],
    result_backend=os.environ["RESULTS"],
    broker_connection_retry_on_startup=True,
    # Shorter than in production, for a test that waits until a lost task comes back.
    broker_transport_options={"visibility_timeout": 1}
    if os.environ["BROKER"].startswith("redis")
    else {},
)


@app.teardown_appcontext
def leave_note(error: BaseException | None) -> None:
    if "note" in g:
        Path(g.note).write_text("torn down")


def wait_for(gate: str) -> None:
    end = time.monotonic() + 30
    while not Path(gate).exists() and time.monotonic() < end:
        time.sleep(0.01)


def append(path: str, line: str) -> int:
    with open(path, "a") as file:
        file.write(f"{line}\n")
    return len(Path(path).read_text().splitlines())


@celery.task
def about(number: int, note: str) -> dict[str, Any]:
    """What a task sees."""
    g.note = note
    return {
        "product": number * current_app.config["FACTOR"],
        "request_id": request_id(),
        "in_request": has_request_context(),
    }


@celery.task
async def later(number: int) -> int:
    """A coroutine function."""
    import asyncio

    await asyncio.sleep(0.01)
    return number * int(current_app.config["FACTOR"])


@celery.task(bind=True, max_retries=5)
def flaky(self: Any, path: str) -> dict[str, Any]:
    """Fails twice."""
    attempt = append(path, str(request_id()))
    if attempt < 3:
        raise self.retry(exc=LookupError(f"attempt {attempt}"), countdown=0.1)
    return {"attempts": attempt, "request_id": request_id()}


@celery.task
def fails() -> None:
    """Fails for good."""
    raise LookupError("on purpose")


@celery.task
def count(total: int, stop_at: int, gate: str) -> str:
    """Says how far it is, and waits at one point."""
    for number in range(total):
        report_progress(number, total, f"step {number}")
        if number == stop_at:
            wait_for(gate)
    return "counted"


@celery.task
def passes_on(path: str) -> None:
    """Sends a task itself."""
    flaky.delay(path)


@celery.task(acks_late=True, reject_on_worker_lost=True)
def careful(path: str, gate: str) -> int:
    """Is done again if its worker is lost."""
    begun = append(path, "begun")
    wait_for(gate)
    return begun


@app.post("/tasks/<name>")
def start(name: str) -> tuple[dict[str, str], int]:
    task = celery.tasks[f"{__name__}.{name}"]
    return {"id": task.delay(**request.get_json()).id}, 202


@app.get("/tasks/<id>")
def show(id: str) -> Any:
    return current_app.json.response(task_status(id))


@app.get("/")
def index() -> str:
    return "well"
