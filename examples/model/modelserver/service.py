"""The model of a worker: loaded once, in the background, and ended in good order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from werkzeug.exceptions import GatewayTimeout, ServiceUnavailable

from erlen import Erlen, current_app

from . import store, training
from .batching import Batcher, Closing, QueueFull


class Service:
    """The model, and what joins requests to its calls.

    Args:
        app: The application.
    """

    def __init__(self, app: Erlen) -> None:
        self.app = app
        self.about: dict[str, Any] | None = None
        self.batcher: Batcher | None = None
        self._loading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to load; the worker answers meanwhile, but isn't ready."""
        self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        config = self.app.config
        try:
            saved = await asyncio.to_thread(self._saved)
        except Exception:
            # Readiness says so to the balancer, the log to people.
            self.app.logger.exception("The model could not be loaded")
            return
        predict = saved.model.predict
        self.batcher = Batcher(
            predict, config["MAX_BATCH"], config["BATCH_WAIT"], config["MAX_QUEUE"]
        )
        self.about = saved.about

    def _saved(self) -> store.Saved:
        folder = Path(self.app.config["MODEL_FOLDER"])
        try:
            return store.load(folder)
        except FileNotFoundError:
            if not self.app.config["TRAIN_IF_MISSING"]:
                raise
            training.train(folder)
            return store.load(folder)

    async def stop(self) -> None:
        """Answer all who wait, then end."""
        if self._loading is not None:
            await self._loading
        if self.batcher is not None:
            await self.batcher.close()

    def ready(self) -> bool:
        """Whether there is a model, and its calls come back."""
        stuck_after = self.app.config["STUCK_AFTER"]
        return self.batcher is not None and self.batcher.busy_for < stuck_after

    async def predict(self, rows: Any) -> Any:
        """Results for some rows.

        Raises:
            ServiceUnavailable: There is no model yet, or too many wait; with Retry-After.
            GatewayTimeout: It took too long.
        """
        limit = self.app.config["TIME_LIMIT"]
        if self.batcher is None:
            raise ServiceUnavailable("the model is being loaded", retry_after=1)
        try:
            async with asyncio.timeout(limit):
                return await self.batcher.predict(rows)
        except QueueFull as error:
            raise ServiceUnavailable(str(error), retry_after=error.retry_after) from None
        except Closing as error:
            raise ServiceUnavailable(str(error), retry_after=1) from None
        except TimeoutError:
            raise GatewayTimeout(f"the model gave no answer within {limit:g} s") from None


def init_app(app: Erlen) -> None:
    """Give an application a model, readiness and an end."""
    service = app.extensions["model"] = Service(app)
    app.before_serving(service.start)
    app.after_serving(service.stop)
    app.add_readiness("/ready", service.ready)


def service() -> Service:
    """The current application's."""
    found: Service = current_app.extensions["model"]
    return found
