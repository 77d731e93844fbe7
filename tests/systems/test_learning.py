"""A network trained with TensorFlow, saved, loaded by fresh processes, and served in batches.

It has an environment of its own (`requirements/learning.txt`), in which `scripts/test --all` runs
it: ``.venv-learning/bin/python -m pytest -m learning tests/systems/test_learning.py``.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from running import ROOT, asgi_server
from systems.modelclient import ask, ask_together, until_ready

pytestmark = [pytest.mark.learning, pytest.mark.slow]

EXAMPLE = ROOT / "examples" / "model"
ROWS = [[8.6, 3.4, 42.0, 0.62], [11.2, 2.8, 33.0, 0.41], [7.4, 2.5, 29.0, 0.55]]
LABELS = ["barley", "oat", "rye"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that was trained and saved by a process that has ended since."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow has an environment of its own; scripts/test --all makes it")
    found = tmp_path_factory.mktemp("network")
    code = (
        "import sys; from pathlib import Path; from modelserver.training import train\n"
        "train(Path(sys.argv[1]), 'network', '3')"
    )
    command = [sys.executable, "-c", code, str(found)]
    done = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return found


def settings(folder: Path, **more: str) -> dict[str, str]:
    paths = f"{EXAMPLE}:{ROOT / 'src'}:{ROOT / 'tests'}"
    return {"PYTHONPATH": paths, "MODEL_MODEL_FOLDER": str(folder), **more}


def test_what_was_trained_is_loaded(folder: Path) -> None:
    about = json.loads((folder / "model.json").read_text())
    assert about["kind"] == "network" and about["weights"].endswith(".keras")
    assert about["accuracy"] > 0.93
    code = (
        "import sys, json; from pathlib import Path; from modelserver import store\n"
        "saved = store.load(Path(sys.argv[1]))\n"
        "import numpy as np\n"
        f"print(saved.model.predict(np.array({ROWS})).argmax(axis=1).tolist())"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[0, 1, 2]\n"


def test_changed_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(data[:-1] + b"x" if path.suffix == ".keras" else data)
    code = "import sys; from pathlib import Path; from modelserver import store\n"
    command = [sys.executable, "-c", code + "store.load(Path(sys.argv[1]))", str(tmp_path)]
    done = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=300)
    assert "BadModel" in done.stderr and "train again" in done.stderr


def test_it_is_served_in_batches(folder: Path, tmp_path: Path) -> None:
    env = settings(folder, MODEL_BATCH_WAIT="0.02")
    with asgi_server("uvicorn", "modelserver:create_app", tmp_path, "--factory", **env) as server:
        until_ready(server, 90)
        body = ask(server.port, "/v1/predict", {"inputs": ROWS}).body
        assert [p["label"] for p in body["predictions"]] == LABELS
        assert body["model"]["sha256"] == json.loads((folder / "model.json").read_text())["sha256"]
        before = ask(server.port, "/v1/model").body["batching"]
        answers = ask_together(server.port, [{"inputs": [ROWS[n % 3]]} for n in range(48)])
        after = ask(server.port, "/v1/model").body["batching"]
        for n, answer in enumerate(answers):
            assert answer.status == 200
            assert answer.body["predictions"][0]["label"] == LABELS[n % 3]
        assert after["rows"] - before["rows"] == 48
        assert 1 <= after["calls"] - before["calls"] <= 24
        refused = ask(server.port, "/v1/predict", {"inputs": [[1, 2, 3]]})
        assert (refused.status, "has 3 numbers" in refused.text) == (400, True)


def test_the_time_limit(folder: Path, tmp_path: Path) -> None:
    env = settings(folder, SLOW_SECONDS="1.5", MODEL_TIME_LIMIT="0.3")
    with asgi_server(
        "uvicorn", "systems.slowmodel:create_app", tmp_path, "--factory", **env
    ) as server:
        until_ready(server, 90)
        answer = ask(server.port, "/v1/predict", {"inputs": ROWS})
        assert answer.status == 504
        assert "no answer within 0.3 s" in answer.text
        assert answer.seconds < 1.2
