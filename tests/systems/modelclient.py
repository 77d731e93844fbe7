"""A client of the model server, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import threading
import time
import typing as t

import pytest

from running import Running


class Answer(t.NamedTuple):
    """What came back, and how long it took."""

    status: int
    headers: dict[str, str]
    text: str
    seconds: float

    @property
    def body(self) -> t.Any:
        """What its JSON says."""
        return json.loads(self.text)


def ask(port: int, path: str, body: t.Any = None) -> Answer:
    """Send a request, a POST if there is a body, on a connection of its own."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        connection.request("GET" if data is None else "POST", path, data, headers)
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    return Answer(response.status, dict(response.getheaders()), text, time.monotonic() - began)


def ask_together(port: int, bodies: t.Sequence[t.Any]) -> list[Answer]:
    """Predictions for all bodies at once, each from a thread."""
    found: dict[int, Answer] = {}

    def one(n: int, body: t.Any) -> None:
        found[n] = ask(port, "/v1/predict", body)

    threads = [threading.Thread(target=one, args=item) for item in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[n] for n in range(len(bodies))]


def until_ready(server: Running, seconds: float = 20) -> None:
    """Wait until the model is loaded; says at once if it could not be."""
    end = time.monotonic() + seconds
    while (answer := ask(server.port, "/ready")).status != 200:
        if time.monotonic() > end or "could not be loaded" in server.text:
            pytest.fail(f"the model is not loaded: {answer.text}\n{server.text}")
        time.sleep(0.05)
