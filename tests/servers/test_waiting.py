"""Five hundred requests that wait a second each, at once, on one ASGI worker."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from running import Running
from servers.lines import serving

COUNT = 500
SECONDS = 1.0
#: Seconds in all: twice what each waits. What a busy neighbour costs is tried again.
BOUND = 2.0


async def ask(port: int, ready: asyncio.Barrier) -> tuple[bytes, float]:
    """Ask for one page that waits when all connections are open; when was it answered?"""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await ready.wait()
    writer.write(b"GET /wait/1.0 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    answered = time.monotonic()
    writer.close()
    return answer, answered


async def all_at_once(port: int) -> float:
    """Give the seconds from the first of the requests to the last of their answers."""
    ready = asyncio.Barrier(COUNT + 1)
    asking = [asyncio.create_task(ask(port, ready)) for _ in range(COUNT)]
    await ready.wait()
    begun = time.monotonic()
    answers = await asyncio.gather(*asking)
    assert all(answer.endswith(b"waited") for answer, _ in answers)
    return max(answered for _, answered in answers) - begun


def best_of(server: Running, attempts: int) -> float:
    best = float("inf")
    for _ in range(attempts):
        best = min(best, asyncio.run(all_at_once(server.port)))
        if best < BOUND:
            break
    return best


@pytest.mark.timed
@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "granian", "gunicorn-asgi"])
def test_waiting_costs_no_thread(name: str, tmp_path: Path) -> None:
    with serving(name, "servers.http_app:app", tmp_path) as server:
        took = best_of(server, 3)
    assert SECONDS <= took < BOUND
