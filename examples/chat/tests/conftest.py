"""The application, and people in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from chat import create_app

from erlen import Erlen


@pytest.fixture
def app() -> Erlen:
    """An application of its own for each test."""
    return create_app({"TESTING": True, "SECRET_KEY": "for tests", "KEPT_MESSAGES": 20})


class Person:
    """Somebody with a name, in a room."""

    def __init__(self, app: Erlen, name: str, room: str, stack: ExitStack, after: str) -> None:
        self.client = app.test_client()
        assert self.client.post("/", data={"name": name}).status_code == 302
        query = {"after": after} if after else {}
        connection = self.client.websocket_connect(f"/rooms/{room}/talk", query_string=query)
        self.ws = stack.enter_context(connection)

    def say(self, text: Any) -> None:
        """Send a message."""
        self.ws.send_json({"text": text})

    def hear(self, kind: str = "said") -> dict[str, Any]:
        """The next message of a kind."""
        while True:
            message: dict[str, Any] = self.ws.receive_json()
            if message["kind"] == kind:
                return message


@pytest.fixture
def enter(app: Erlen) -> Iterator[Callable[..., Person]]:
    """Brings people into rooms."""
    with ExitStack() as stack:

        def enter(name: str, room: str = "kitchen", after: str = "") -> Person:
            return Person(app, name, room, stack, after)

        yield enter
