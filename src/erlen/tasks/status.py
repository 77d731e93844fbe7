"""How far a task is, for a page that asks."""

from __future__ import annotations

import dataclasses
import typing as t

from celery import current_task, states

from ..globals import current_app

if t.TYPE_CHECKING:
    from .application import ErlenCelery

#: The state of a task that has told how far it is.
PROGRESS = "PROGRESS"


@dataclasses.dataclass(frozen=True)
class TaskStatus:
    """What is known of a task. `jsonify` takes it as it is.

    Args:
        id: The task's.
        state: Celery's: ``PENDING`` (not begun, or not known at all), ``STARTED``,
            ``PROGRESS``, ``RETRY``, ``SUCCESS``, ``FAILURE``, ``REVOKED``.
        ready: Whether it has ended.
        done: How much of it is done, in units of its own.
        total: How much there is; None if it did not say.
        note: What it says it does.
        result: What it returned.
        error: Why it failed, or why it is tried again: the text of the exception, which
            may be more than a visitor should read.
    """

    id: str
    state: str
    ready: bool = False
    done: float = 0
    total: float | None = None
    note: str = ""
    result: t.Any = None
    error: str | None = None


def task_status(id: str) -> TaskStatus:
    """Look up how far a task of the current application is, without waiting.

    Ids are as good as secrets, but Celery does not know whose task one is: where that
    matters, keep the ids of a visitor's tasks and look up only these.

    Args:
        id: The task's id: ``task.delay().id``.

    Raises:
        QueueUnavailable: The store of results can't be reached; a page answers with 503.
        LookupError: The application has no Celery: see `celery_app`.
    """
    celery: ErlenCelery | None = current_app.extensions.get("celery")
    if celery is None:
        raise LookupError("This application has no Celery: erlen.tasks.celery_app(app) makes it.")
    with celery.reached("The store of the tasks' results can't be reached."):
        meta = celery.backend.get_task_meta(id)
    state, told = meta["status"], meta.get("result")
    ready = state in states.READY_STATES
    if state == states.SUCCESS:
        return TaskStatus(id, state, ready, result=told)
    if isinstance(told, BaseException):
        return TaskStatus(id, state, ready, error=str(told) or type(told).__name__)
    if state == PROGRESS and isinstance(told, dict):
        said = {name: told[name] for name in ("done", "total", "note") if name in told}
        return TaskStatus(id, state, ready, **said)
    return TaskStatus(id, state, ready)


def report_progress(done: float, total: float | None = None, note: str = "") -> None:
    """Tell, from within a task, how far it is; :func:`task_status` finds it.

    Does nothing where the code runs without a worker, e.g. in a test that calls the task.

    Args:
        done: How much is done, in any unit.
        total: How much there is. Default: unknown.
        note: What is being done, for the visitor. Default: nothing.
    """
    task: t.Any = current_task
    if task and task.request.id and not task.request.called_directly:
        task.update_state(state=PROGRESS, meta={"done": done, "total": total, "note": note})
