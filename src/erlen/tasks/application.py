"""A Celery for an application."""

from __future__ import annotations

import contextlib
import functools
import typing as t

from celery import Celery, Task
from celery.app.defaults import DEFAULTS
from celery.signals import celeryd_init

from ..ops import request_id, use_request_id
from ..state import get_current
from .errors import QueueUnavailable, outages
from .settings import Settings, sender_settings, worker_settings

if t.TYPE_CHECKING:
    from ..app import Erlen

#: Under this name a message has the id of the request that it comes from.
HEADER = "request_id"


class ContextTask(Task):  # type: ignore[misc]
    """A task that runs in the context of the application it was made for.

    A coroutine function may be a task, too. A task that is called like a function from
    within a context of the same application runs in that one.
    """

    def __call__(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Run the task."""
        app: Erlen = self.app.erlen
        run = app.ensure_sync(self.run)
        called_directly = self.request.called_directly
        ctx = get_current(None)
        if called_directly and ctx is not None and ctx.app is app:
            return run(*args, **kwargs)
        id = None if called_directly else self.request.get(HEADER)
        with contextlib.ExitStack() as stack:
            if id is not None:
                stack.enter_context(use_request_id(str(id)))
            stack.enter_context(app.app_context())
            return run(*args, **kwargs)


class ErlenCelery(Celery):  # type: ignore[misc]
    """Celery whose messages tell from which request they come; see :func:`celery_app`."""

    #: The application whose tasks these are.
    erlen: Erlen
    #: What means that the broker or the store of results can't be reached.
    outages: tuple[type[BaseException], ...] = (OSError,)

    def task(self, *args: t.Any, **options: t.Any) -> t.Any:
        """Declare a task, as Celery does: ``@celery.task`` or ``@celery.task(bind=True)``.

        It belongs to this Celery only. (Celery's own would give it to every other one of
        the process too, such as the next that a factory makes; ``@shared_task`` does.)
        """
        options.setdefault("shared", False)
        return super().task(*args, **options)

    def send_task(
        self, name: str, args: t.Any = None, kwargs: t.Any = None, *rest: t.Any, **options: t.Any
    ) -> t.Any:
        """Send a task, as Celery does; ``task.delay()`` and all others come by here.

        Raises:
            QueueUnavailable: The broker can't be reached; a page answers with 503.
        """
        id = request_id()
        if id is not None:
            options["headers"] = {HEADER: id, **(options.get("headers") or {})}
        self.poll_results()
        with self.reached("The task queue can't be reached."):
            return super().send_task(name, args, kwargs, *rest, **options)

    @contextlib.contextmanager
    def reached(self, otherwise: str) -> t.Iterator[None]:
        """Turn outages within a ``with`` block into :exc:`QueueUnavailable`.

        Args:
            otherwise: What to tell then.
        """
        try:
            yield
        except self.outages as error:
            raise QueueUnavailable(otherwise) from error

    def poll_results(self) -> None:
        """Have results looked up rather than announced, where Redis keeps them.

        Celery subscribes to each result when its task is sent. A page that asks how far a
        task is never reads that, and could send nothing while the store of results is
        away. ``result.get()`` subscribes when it is called.
        """
        backend = self.backend
        if hasattr(backend, "result_consumer") and hasattr(backend, "client"):
            backend.on_task_call = _no_subscription


def _no_subscription(producer: t.Any, task_id: str) -> dict[str, t.Any]:
    return {}


def celery_app(app: Erlen, **settings: t.Any) -> ErlenCelery:
    """Make the Celery of an application: ``celery -A shop.worker worker`` runs its tasks.

    ::

        celery = celery_app(app, broker_url="redis://localhost/1")

        @celery.task(bind=True, max_retries=5)
        def send(self, order): ...

    Tasks run in the application's context, with the request id of the page that sent
    them (:func:`erlen.ops.request_id`). A page that sends a task while the broker is away
    gives up after a few seconds, with 503; a worker waits as Celery's settings say.

    It is ``app.extensions["celery"]`` and the current Celery of the process, so that
    ``@shared_task`` belongs to it.

    Args:
        app: The application. Its setting ``CELERY`` is a dictionary of Celery's settings.
        **settings: More of them, which outrank these.
    """
    said: Settings = {**(app.config.get("CELERY") or {}), **settings}
    celery = ErlenCelery(app.name, task_cls=ContextTask)
    celery.erlen = app
    celery.conf.update(said)
    celery.conf.update(sender_settings(said))
    celery.outages = outages([said.get("broker_url"), said.get("result_backend")])
    celery.set_default()
    app.extensions["celery"] = celery
    listen = functools.partial(_on_worker, celery, said)
    celeryd_init.connect(listen, weak=False)
    return celery


def _on_worker(celery: ErlenCelery, said: Settings, instance: t.Any = None, **_: t.Any) -> None:
    """A worker of this Celery begins, which may wait longer than a page."""
    if instance is not None and instance.app is celery:
        celery.conf.update(worker_settings(said, DEFAULTS))
