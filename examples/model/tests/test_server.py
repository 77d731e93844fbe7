"""The server: what it answers, refuses, and does when it begins and ends."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modelserver import create_app, store, training
from modelserver.data import FEATURES, seeds

from erlen import Erlen

BARLEY = [8.6, 3.4, 42.0, 0.62]
OAT = [11.2, 2.8, 33.0, 0.41]
RYE = [7.4, 2.5, 29.0, 0.55]


def serve(app: Erlen, test: Callable[[Any], Any], loaded: bool = True) -> None:
    """Run a test while the application is served by ASGI."""

    async def main() -> None:
        async with app.test_app() as served:
            client = served.test_client()
            async with asyncio.timeout(20):
                while loaded and (await client.get("/ready")).status_code != 200:
                    await asyncio.sleep(0.005)
                await test(client)

    asyncio.run(main())


def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let calls of the model wait until the event is set."""
    from modelserver.softmax import Softmax

    gate = threading.Event()
    at_once = Softmax.predict

    def predict(self: Softmax, rows: Any) -> Any:
        assert gate.wait(10)
        return at_once(self, rows)

    monkeypatch.setattr(Softmax, "predict", predict)
    return gate


def test_predictions(app: Erlen, folder: Path) -> None:
    async def test(client: Any) -> None:
        response = await client.post("/v1/predict", json={"inputs": [BARLEY, OAT, RYE]})
        assert response.status_code == 200
        body = response.json
        assert [p["label"] for p in body["predictions"]] == ["barley", "oat", "rye"]
        for prediction in body["predictions"]:
            assert sum(prediction["probabilities"].values()) == pytest.approx(1)
        saved = json.loads((folder / "model.json").read_text())
        assert body["model"] == {"name": "grain", "version": "7", "sha256": saved["sha256"]}
        about = (await client.get("/v1/model")).json
        assert about["model"] == saved
        assert about["model"]["accuracy"] > 0.93

    serve(app, test)


def test_concurrent_requests_share_calls(app: Erlen) -> None:
    rows, _ = seeds(40, seed=3)

    async def test(client: Any) -> None:
        alone = (await client.post("/v1/predict", json={"inputs": rows.tolist()})).json
        before = (await client.get("/v1/model")).json["batching"]
        posts = [client.post("/v1/predict", json={"inputs": [row.tolist()]}) for row in rows]
        answers = [response.json for response in await asyncio.gather(*posts)]
        after = (await client.get("/v1/model")).json["batching"]
        assert after["rows"] - before["rows"] == 40
        assert after["calls"] - before["calls"] <= 20
        for answer, expected in zip(answers, alone["predictions"], strict=True):
            (found,) = answer["predictions"]
            assert found["label"] == expected["label"]
            assert found["probabilities"] == pytest.approx(expected["probabilities"])

    serve(app, test)


def test_by_wsgi(app: Erlen) -> None:
    """The same application behind a server of threads."""
    client = app.test_client()
    while client.get("/ready").status_code != 200:
        pass
    calls = []

    def ask() -> None:
        response = app.test_client().post("/v1/predict", json={"inputs": [OAT]})
        calls.append((response.status_code, response.json["predictions"][0]["label"]))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [(200, "oat")] * 16
    batching = client.get("/v1/model").json["batching"]
    assert batching["rows"] == 16 and batching["calls"] <= 16


BAD = [
    ([], "the body is an object"),
    ({}, '"inputs" is a list of rows'),
    ({"inputs": []}, '"inputs" is a list of rows'),
    ({"inputs": {"0": BARLEY}}, '"inputs" is a list of rows'),
    ({"inputs": [BARLEY], "input": 1}, "unknown: 'input'"),
    ({"inputs": [BARLEY, 5]}, "inputs[1] is not a list of numbers"),
    ({"inputs": [BARLEY[:3]]}, "inputs[0] has 3 numbers; the model takes 4: length_mm"),
    ({"inputs": [BARLEY, [*OAT, 1]]}, "inputs[1] has 5 numbers"),
    ({"inputs": [[1, 2, "3", 4]]}, "inputs[0][2] (mass_mg) is not a number"),
    ({"inputs": [[1, 2, None, 4]]}, "inputs[0][2] (mass_mg) is not a number"),
    ({"inputs": [[1, 2, True, 4]]}, "inputs[0][2] (mass_mg) is not a number"),
    ({"inputs": [[1, 2, [3], 4]]}, "inputs[0][2] (mass_mg) is not a number"),
    ({"inputs": [[1, float("nan"), 3, 4]]}, "inputs[0][1] (width_mm) is not a finite number"),
    ({"inputs": [[float("-inf"), 2, 3, 4]]}, "inputs[0][0] (length_mm) is not a finite number"),
    ({"inputs": [[10**400, 2, 3, 4]]}, "inputs[0][0] (length_mm) is not a finite number"),
]


def test_what_is_no_input(app: Erlen) -> None:
    async def test(client: Any) -> None:
        for body, expected in BAD:
            response = await client.post(
                "/v1/predict", data=json.dumps(body), content_type="application/json"
            )
            assert response.status_code == 400, body
            assert expected in response.json["error"]["message"]
        assert (await client.get("/v1/model")).json["batching"]["calls"] == 0

    serve(app, test)


def test_other_refusals(app: Erlen) -> None:
    async def test(client: Any) -> None:
        many = await client.post("/v1/predict", json={"inputs": [BARLEY] * 65})
        assert (many.status_code, many.json["error"]["message"][:8]) == (413, "65 rows;")
        big = await client.post("/v1/predict", json={"inputs": [[0.123456789] * 40000]})
        assert big.status_code == 413
        text = await client.post("/v1/predict", data="1,2,3,4", content_type="text/csv")
        assert text.status_code == 415
        for data in ('{"inputs": [[1,', "\xff", "[" * 5000):
            broken = await client.post("/v1/predict", data=data, content_type="application/json")
            assert broken.status_code == 400
            assert broken.json["error"]["status"] == 400
        assert (await client.get("/v1/predict")).status_code == 405
        assert (await client.get("/nothing")).json["error"]["name"] == "Not Found"

    serve(app, test)


def test_the_time_limit(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    gate = slow(monkeypatch)
    app = create_app({**settings, "TIME_LIMIT": 0.1, "STUCK_AFTER": 0.15})

    async def test(client: Any) -> None:
        response = await client.post("/v1/predict", json={"inputs": [OAT]})
        assert response.status_code == 504
        assert response.json["error"]["message"] == "the model gave no answer within 0.1 s"
        await asyncio.sleep(0.06)
        stuck = await client.get("/ready")
        assert (stuck.status_code, (await client.get("/health")).status_code) == (503, 200)
        gate.set()
        while (await client.get("/ready")).status_code != 200:
            await asyncio.sleep(0.005)
        again = await client.post("/v1/predict", json={"inputs": [OAT]})
        assert again.status_code == 200

    try:
        serve(app, test)
    finally:
        gate.set()


def test_the_queue_is_full(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    gate = slow(monkeypatch)
    app = create_app({**settings, "MAX_QUEUE": 4, "MAX_BATCH": 1})

    async def test(client: Any) -> None:
        posts = [
            asyncio.create_task(client.post("/v1/predict", json={"inputs": [OAT]}))
            for _ in range(12)
        ]
        refused, _ = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        gate.set()
        answers = await asyncio.gather(*posts)
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 4
        for task in refused:
            assert task.result().status_code == 503
            assert int(task.result().headers["Retry-After"]) >= 1
            assert "queue is full" in task.result().json["error"]["message"]

    try:
        serve(app, test)
    finally:
        gate.set()


def test_not_ready_until_loaded(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    at_once = store.load
    loads = []

    def load(folder: Path) -> store.Saved:
        loads.append(folder)
        assert gate.wait(10)
        return at_once(folder)

    monkeypatch.setattr(store, "load", load)

    async def test(client: Any) -> None:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/ready")).status_code == 503
        for response in (
            await client.post("/v1/predict", json={"inputs": [OAT]}),
            await client.get("/v1/model"),
        ):
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        gate.set()
        while (await client.get("/ready")).status_code != 200:
            await asyncio.sleep(0.005)
        for _ in range(3):
            response = await client.post("/v1/predict", json={"inputs": [OAT]})
            assert response.status_code == 200
        assert len(loads) == 1

    try:
        serve(create_app(settings), test, loaded=False)
    finally:
        gate.set()


def test_requests_in_flight_are_finished(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = slow(monkeypatch)
    app = create_app(settings)
    found = []

    async def main() -> None:
        async with app.test_app() as served:
            client = served.test_client()
            while (await client.get("/ready")).status_code != 200:
                await asyncio.sleep(0.005)
            tasks = [
                asyncio.create_task(client.post("/v1/predict", json={"inputs": [OAT]}))
                for _ in range(5)
            ]
            while app.extensions["model"].batcher.busy_for == 0:
                await asyncio.sleep(0.001)
            app.drain()
            assert (await client.get("/ready")).json == {"status": "draining"}
            asyncio.get_running_loop().call_later(0.05, gate.set)
        found.extend([(await task).status_code for task in tasks])

    asyncio.run(main())
    assert found == [200] * 5


def test_without_a_model(settings: dict[str, Any], tmp_path: Path) -> None:
    missing = create_app({**settings, "MODEL_FOLDER": str(tmp_path / "none")})

    async def test(client: Any) -> None:
        await asyncio.sleep(0.05)
        assert (await client.get("/ready")).status_code == 503
        assert (await client.get("/v1/model")).status_code == 503

    serve(missing, test, loaded=False)


def test_the_first_start_trains(settings: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "new"
    app = create_app({**settings, "MODEL_FOLDER": str(folder), "TRAIN_IF_MISSING": True})

    async def test(client: Any) -> None:
        assert (await client.get("/v1/model")).json["model"]["version"] == "1"

    serve(app, test)
    assert store.load(folder).about["kind"] == "softmax"


class TestStore:
    def test_what_is_saved_is_loaded(self, folder: Path) -> None:
        saved = store.load(folder)
        rows, kinds = seeds(200, seed=9)
        assert (saved.model.predict(rows).argmax(axis=1) == kinds).mean() > 0.9
        assert saved.about["features"] == FEATURES

    def test_changed_weights_are_refused(self, tmp_path: Path) -> None:
        about = training.train(tmp_path)
        weights = tmp_path / about["weights"]
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
        with pytest.raises(store.BadModel, match="is not the file whose hash"):
            store.load(tmp_path)
        weights.unlink()
        with pytest.raises(store.BadModel, match="is not the file whose hash"):
            store.load(tmp_path)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "softmax"}'])
    def test_what_is_no_description(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "model.json").write_text(text)
        with pytest.raises(store.BadModel, match="no description"):
            store.load(tmp_path)

    def test_weights_stay_in_their_folder(self, tmp_path: Path) -> None:
        outside = tmp_path / "weights.npz"
        outside.write_bytes(b"x")
        inside = tmp_path / "model"
        inside.mkdir()
        about = {"kind": "softmax", "weights": "../weights.npz", "sha256": "0"}
        (inside / "model.json").write_text(json.dumps(about))
        with pytest.raises(store.BadModel, match=r"model/weights\.npz is not"):
            store.load(inside)

    def test_other_kinds(self) -> None:
        with pytest.raises(store.BadModel, match="no kind of model 'os'"):
            store.module_of("os")

    def test_training_gives_the_same_model_again(self, folder: Path, tmp_path: Path) -> None:
        again = training.train(tmp_path)
        rows, _ = seeds(50, seed=4)
        first, second = (store.load(where).model.predict(rows) for where in (folder, tmp_path))
        assert np.allclose(first, second)
        assert again["accuracy"] > 0.93


def test_the_command(app: Erlen, tmp_path: Path) -> None:
    app.config["MODEL_FOLDER"] = str(tmp_path)
    result = app.test_cli_runner().invoke(args=["train", "--version", "2026-03"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("grain 2026-03: 9")
    assert store.load(tmp_path).about["version"] == "2026-03"
    wrong = app.test_cli_runner().invoke(args=["train", "--kind", "forest"])
    assert wrong.exit_code == 2


def test_the_command_without_tensorflow(app: Erlen, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("keras", "tensorflow"):
        monkeypatch.setitem(sys.modules, name, None)
    result = app.test_cli_runner().invoke(args=["train", "--kind", "network"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: network needs keras, which is not installed")
    assert result.output.endswith("pip install tensorflow-cpu\n")
