"""Celery for an application: tasks run in its context and know the request they come from.

Celery itself is as it is; what is here makes one for an application
(:func:`celery_app`), and tells a page how far a task is (:func:`task_status`).
"""

from __future__ import annotations

import typing as t

from .errors import QueueUnavailable as QueueUnavailable

if t.TYPE_CHECKING:
    from .application import ContextTask as ContextTask
    from .application import ErlenCelery as ErlenCelery
    from .application import celery_app as celery_app
    from .status import TaskStatus as TaskStatus
    from .status import report_progress as report_progress
    from .status import task_status as task_status

_LATE = {
    "ContextTask": "application",
    "ErlenCelery": "application",
    "celery_app": "application",
    "TaskStatus": "status",
    "report_progress": "status",
    "task_status": "status",
}

__all__ = [
    "ContextTask",
    "ErlenCelery",
    "QueueUnavailable",
    "TaskStatus",
    "celery_app",
    "report_progress",
    "task_status",
]


def __getattr__(name: str) -> t.Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f".{_LATE[name]}", __name__)
    except ModuleNotFoundError as error:
        if error.name in ("celery", "kombu"):
            raise ImportError(
                f"erlen.tasks.{name} needs Celery, which is not installed:"
                " pip install 'erlen[tasks]'"
            ) from None
        raise
    value = globals()[name] = getattr(module, name)
    return value
