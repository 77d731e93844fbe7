"""NumPy, SciPy and pandas behind real servers: the examples `dashboard` and `model`."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

from running import ROOT, Running, asgi_server, free_port, running
from systems.modelclient import Answer, ask, ask_together, until_ready

pytest.importorskip("scipy", reason="SciPy is missing: pip install scipy")

MODEL = ROOT / "examples" / "model"
OAT = [11.2, 2.8, 33.0, 0.41]
PATHS = {"PYTHONPATH": f"{MODEL}:{ROOT / 'src'}:{ROOT / 'tests'}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first server puts the model that it trains."""
    return tmp_path_factory.mktemp("model")


def model_server(
    folder: Path, tmp_path: Path, app: str = "modelserver:create_app", **env: str
) -> t.ContextManager[Running]:
    env = {**PATHS, "MODEL_MODEL_FOLDER": str(folder), **env}
    return asgi_server("uvicorn", app, tmp_path, "--factory", **env)


def check_batches(server: Running) -> None:
    before = ask(server.port, "/v1/model").body["batching"]
    answers = ask_together(server.port, [{"inputs": [OAT]}] * 40)
    after = ask(server.port, "/v1/model").body["batching"]
    assert [answer.status for answer in answers] == [200] * 40
    assert {answer.body["predictions"][0]["label"] for answer in answers} == {"oat"}
    assert after["rows"] - before["rows"] == 40
    assert 1 <= after["calls"] - before["calls"] <= 20


def test_the_model_is_trained_saved_and_served_in_batches(folder: Path, tmp_path: Path) -> None:
    with model_server(folder, tmp_path, MODEL_BATCH_WAIT="0.03") as server:
        until_ready(server)
        check_batches(server)
        digest = ask(server.port, "/v1/model").body["model"]["sha256"]
    assert json.loads((folder / "model.json").read_text())["sha256"] == digest
    # Another process finds it.
    env = {"MODEL_TRAIN_IF_MISSING": "false"}
    with model_server(folder, tmp_path, **env) as server:
        until_ready(server)
        answer = ask(server.port, "/v1/predict", {"inputs": [OAT]})
        assert answer.body["model"]["sha256"] == digest


def test_behind_a_server_of_threads(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("gunicorn", reason="Gunicorn is missing: pip install gunicorn")
    port = free_port()
    options = f"-b 127.0.0.1:{port} -k gthread --threads 40 modelserver:create_app()"
    command = [sys.executable, "-m", "gunicorn", *options.split()]
    env = {**PATHS, "MODEL_MODEL_FOLDER": str(folder), "MODEL_BATCH_WAIT": "0.03"}
    with running(command, port, tmp_path, **env) as server:
        until_ready(server)
        check_batches(server)


def test_time_limit_full_queue_and_a_graceful_end(folder: Path, tmp_path: Path) -> None:
    app = "systems.slowmodel:create_app"
    env = {"MODEL_TIME_LIMIT": "1.5", "MODEL_MAX_QUEUE": "3", "MODEL_MAX_BATCH": "1"}
    with model_server(folder, tmp_path, app, SLOW_SECONDS="1", **env) as server:
        until_ready(server)
        # One is under way and three wait, in vain; the others are not let in.
        answers = ask_together(server.port, [{"inputs": [OAT]}] * 12)
        by_status = {answer.status: answer for answer in answers}
        assert set(by_status) == {200, 503, 504}
        refused, late = by_status[503], by_status[504]
        assert refused.headers["retry-after"].isdigit() and refused.seconds < 1
        assert "queue is full" in refused.text
        assert late.seconds > 1.4 and "no answer within 1.5 s" in late.text
        wait_until_busy(server, False)
        found: list[Answer] = []
        asking = threading.Thread(
            target=lambda: found.append(ask(server.port, "/v1/predict", {"inputs": [OAT]}))
        )
        asking.start()
        wait_until_busy(server, True)
        assert server.stop(signal.SIGTERM) in (0, -signal.SIGTERM)
        asking.join()
        assert found[0].status == 200, found


def wait_until_busy(server: Running, busy: bool) -> None:
    """Wait until a call of the model is under way, or until none is."""
    end = time.monotonic() + 10
    while (ask(server.port, "/v1/model").body["batching"]["busy_for"] > 0) is not busy:
        if time.monotonic() > end:
            pytest.fail(server.text)
        time.sleep(0.01)
