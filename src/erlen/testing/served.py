"""An application as it is while it is served: what runs before and after has its turn."""

from __future__ import annotations

import asyncio
import typing as t

if t.TYPE_CHECKING:
    from ..app import Erlen

Message = dict[str, t.Any]


class ServedApp:
    """The life of a worker, in a test: for ``async with`` and ``with``.

    Args:
        app: The application.
    """

    def __init__(self, app: Erlen) -> None:
        self.app = app
        self._asynchronous = False
        self._to_app: asyncio.Queue[Message] | None = None
        self._answers: asyncio.Queue[Message] | None = None
        self._task: asyncio.Task[None] | None = None

    def test_client(self, **kwargs: t.Any) -> t.Any:
        """A client of the colour of the block: to be awaited inside of ``async with``.

        Args:
            **kwargs: For the client.
        """
        if self._asynchronous:
            return self.app.async_client(**kwargs)
        return self.app.test_client(**kwargs)

    # -- by WSGI ------------------------------------------------------------------------

    def __enter__(self) -> ServedApp:
        from ..server.lifespan import begin

        begin(self.app)
        return self

    def __exit__(self, *error: t.Any) -> None:
        from ..server.lifespan import lifespan_of, wait_for_tasks

        wait_for_tasks(self.app)
        lifespan_of(self.app).end()

    # -- by ASGI ------------------------------------------------------------------------

    async def __aenter__(self) -> ServedApp:
        self._asynchronous = True
        self._to_app, self._answers = asyncio.Queue(), asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._task = asyncio.create_task(
            self.app.asgi_app(scope, self._to_app.get, self._answers.put)
        )
        await self._ask("lifespan.startup")
        return self

    async def __aexit__(self, *error: t.Any) -> None:
        await self._ask("lifespan.shutdown")
        if self._task is not None:
            await self._task

    async def _ask(self, what: str) -> None:
        assert self._to_app is not None and self._answers is not None
        await self._to_app.put({"type": what})
        answer = await self._answers.get()
        if answer["type"].endswith(".failed"):
            raise RuntimeError(f"{what} failed: {answer.get('message', '')}")
