"""Pages and the task, without a worker; then with a real one on folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Any

import pytest
from fractals.drawing import draw, gradient, leaves_after, line, picture_path, png
from fractals.places import PLACES

from erlen import Erlen
from erlen.tasks import QueueUnavailable
from erlen.testing import ErlenClient

ORDER = {"place": "whole", "size": "small"}


def work(app: Erlen, count: int = 1) -> list[str]:
    """What a worker does: take messages from the queue and run the tasks."""
    celery = app.extensions["celery"]
    ids = []
    with celery.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery")
        for _ in range(count):
            message = queue.get(timeout=5)
            args, kwargs, _ = message.payload
            ids.append(message.headers["id"])
            task = celery.tasks[message.headers["task"]]
            result = task.apply(args, kwargs, task_id=ids[-1])
            celery.backend.store_result(ids[-1], result.result, result.state)
            message.ack()
        queue.close()
    return ids


def test_nothing_yet(client: ErlenClient) -> None:
    assert "Nothing yet" in client.get("/").text
    assert client.get("/pictures").json == []


def test_an_order_is_drawn(app: Erlen, client: ErlenClient) -> None:
    assert client.post("/", data=ORDER).status_code == 302
    (waiting,) = client.get("/pictures").json
    assert (waiting["state"], waiting["note"]) == ("waiting", "In the queue")
    assert client.get(f"/pictures/{waiting['id']}.png").status_code == 404
    assert work(app) == [waiting["id"]]
    (ready,) = client.get("/pictures").json
    assert (ready["state"], ready["title"], ready["size"]) == (
        "ready",
        "The whole set",
        "240 × 160",
    )
    response = client.get(ready["src"])
    assert response.mimetype == "image/png" and response.data.startswith(b"\x89PNG")
    assert response.cache_control.private
    assert ready["src"] in client.get("/").text


def test_a_picture_is_for_who_ordered_it(app: Erlen, client: ErlenClient) -> None:
    client.post("/", data=ORDER)
    work(app)
    src = client.get("/pictures").json[0]["src"]
    other = app.test_client()
    assert other.get("/pictures").json == []
    assert other.get(src).status_code == 404


def test_progress(app: Erlen, client: ErlenClient) -> None:
    client.post("/", data=ORDER)
    id = client.get("/pictures").json[0]["id"]
    told = {"done": 40, "total": 160, "note": "line 40 of 160"}
    app.extensions["celery"].backend.store_result(id, told, "PROGRESS")
    (picture,) = client.get("/pictures").json
    assert (picture["state"], picture["percent"]) == ("drawing", 25)
    assert 'value="25"' in client.get("/").text


@pytest.mark.parametrize(
    ("state", "shown", "note"),
    [("FAILURE", "failed", "That did not work"), ("RETRY", "waiting", "Once more, soon")],
)
def test_what_goes_wrong(
    app: Erlen, client: ErlenClient, state: str, shown: str, note: str
) -> None:
    client.post("/", data=ORDER)
    id = client.get("/pictures").json[0]["id"]
    app.extensions["celery"].backend.store_result(id, OSError("/secret is full"), state)
    (picture,) = client.get("/pictures").json
    assert (picture["state"], picture["note"]) == (shown, note)
    assert "secret" not in client.get("/").text


def test_a_disk_that_is_full_is_tried_again(
    app: Erlen, client: ErlenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    write = Path.write_bytes

    def fail_once(path: Path, data: bytes) -> int:
        calls.append(path)
        if len(calls) == 1:
            raise OSError("No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail_once)
    result = draw.apply(("whole", "small"), task_id="abc")
    assert result.state == "SUCCESS" and len(calls) == 2
    with app.app_context():
        assert picture_path("abc").exists()


@pytest.mark.parametrize("order", [{}, {"place": "whole"}, {**ORDER, "size": "huge"}])
def test_orders_that_make_no_sense(client: ErlenClient, order: dict[str, str]) -> None:
    assert client.post("/", data=order).status_code == 400


def test_a_queue_that_is_away(client: ErlenClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> Any:
        raise QueueUnavailable("away")

    monkeypatch.setattr(draw, "delay", refuse)
    response = client.post("/", data={**ORDER, "place": "island"})
    assert response.status_code == 503 and "closed at the moment" in response.text
    assert 'value="island" required checked' in response.text


def test_the_oldest_are_forgotten(app: Erlen, client: ErlenClient) -> None:
    app.config["PICTURES_PER_VISITOR"] = 2
    for _ in range(3):
        client.post("/", data=ORDER)
    assert len(client.get("/pictures").json) == 2


def test_the_set() -> None:
    assert leaves_after(0j, 100) == leaves_after(-1 + 0j, 100) == -1
    assert 0 < leaves_after(1 + 1j, 100) < leaves_after(0.26 + 0j, 100)


def test_a_line_and_a_file() -> None:
    shades = gradient(PLACES["whole"].colours)
    assert shades[0] == bytes(PLACES["whole"].colours[0]) and len(set(shades)) > 200
    middle = line(PLACES["whole"], 40, 120, 80, shades)
    assert len(middle) == 360 and bytes((8, 9, 16)) in middle
    data = png([middle], 120, 1)
    begin = data.index(b"IDAT") + 4
    assert zlib.decompress(data[begin:]) == b"\0" + middle


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="ended by process group")
def test_one_command_starts_it(tmp_path: Path) -> None:
    """The worker and the pages, on folders; the picture is drawn."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    root = Path(__file__).resolve().parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "erlen", "--app", "fractals", "up", "--port", str(port)],
        cwd=root,
        env={**os.environ, "FRACTALS_INSTANCE": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        url = f"http://127.0.0.1:{port}"
        data = b"place=whole&size=small"
        end = time.monotonic() + 30
        while True:
            try:
                opener.open(f"{url}/", data, timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < end and process.poll() is None
                time.sleep(0.1)
        while b'"ready"' not in opener.open(f"{url}/pictures", timeout=5).read():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.1)
    finally:
        # As Ctrl-C does, for all of them.
        os.killpg(process.pid, signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=15)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert b"Traceback" not in output, output.decode()
