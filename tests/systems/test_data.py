"""NumPy, SciPy and pandas behind real servers: the examples `dashboard` and `model`."""

from __future__ import annotations

import contextlib
import http.client
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
DASHBOARD = ROOT / "examples" / "dashboard"
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


@pytest.fixture(scope="module", params=["uvicorn", "gunicorn"])
def dashboard(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Running]:
    """The dashboard, on an ASGI server and on one of threads."""
    for name in ("matplotlib", "pandas", request.param):
        pytest.importorskip(name, reason=f"{name} is missing: pip install {name}")
    folder = tmp_path_factory.mktemp("dashboard")
    port = free_port()
    lines = {
        "uvicorn": f"uvicorn --port {port} --timeout-graceful-shutdown 1 --factory"
        " dashboard:create_app",
        "gunicorn": f"gunicorn -b 127.0.0.1:{port} -k gthread --threads 12 --graceful-timeout 1"
        " dashboard:create_app()",
    }
    env = {
        "PYTHONPATH": f"{DASHBOARD}:{ROOT / 'src'}",
        "DASHBOARD_UPLOAD_FOLDER": str(folder),
        "DASHBOARD_DEMO_SECONDS": "0.05",
    }
    command = [sys.executable, "-m", *lines[request.param].split()]
    with running(command, port, folder, **env) as server:
        yield server


@contextlib.contextmanager
def getting(server: Running, path: str, **headers: str) -> t.Iterator[http.client.HTTPResponse]:
    """A response whose body has not been read."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        yield connection.getresponse()
    finally:
        connection.close()


def get(server: Running, path: str, **headers: str) -> tuple[int, str | None, bytes]:
    """Status, entity tag and body of a response."""
    with getting(server, path, **headers) as response:
        return response.status, response.getheader("etag"), response.read()


def test_plots_are_drawn_by_many_threads_at_once(dashboard: Running) -> None:
    names = [f"/plots/{name}.svg?step=month&theme={theme}" for name in ("trend", "season", "week")
             for theme in ("light", "dark")]  # fmt: skip
    found: dict[str, bytes] = {}
    threads = [
        threading.Thread(target=lambda name=name: found.update({name: get(dashboard, name)[2]}))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found.values())) == 6
    # One after the other, with another address for the same plot, gives the same bytes.
    for name in names:
        status, tag, body = get(dashboard, name)
        assert (status, body) == (200, found[name])
        assert body.startswith(b"<?xml") and body.endswith(b"</svg>\n")
        assert get(dashboard, name, **{"If-None-Match": tag or ""}) == (304, tag, b"")


def test_downloads_begin_before_they_are_done(dashboard: Running) -> None:
    for path, begin in (("/counts.csv", b"day,place,count\r\n"), ("/counts.json", b"[{")):
        with getting(dashboard, path) as response:
            assert response.getheader("transfer-encoding") == "chunked"
            assert response.read(len(begin)) == begin
            rest = response.read()
        assert rest.count(b"\n") > 10
    rows = json.loads(begin + rest)
    assert len(rows) == 5 * 1096 - 243
    assert rows[-1]["day"] == "2025-12-31"
    # Missing values of pandas are null: the bridge was not there yet.
    summary = get(dashboard, "/summary.json")[2]
    means = json.loads(summary, parse_constant=pytest.fail)["means"]
    assert None in means["data"][0]


def test_uploads_by_the_socket(dashboard: Running) -> None:
    def post(content: bytes, length: int | None = None) -> tuple[int, str, str]:
        body = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
            b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n--x--\r\n"
        )
        connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=60)
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Accept": "application/json"}
        if length is not None:
            headers["Content-Length"] = str(length)
        with contextlib.closing(connection):
            connection.request("POST", "/upload", body, headers)
            response = connection.getresponse()
            return response.status, response.getheader("location") or "", response.read().decode()

    status, location, _ = post(b"day,place,count\n2025-03-01,Gate,7\n")
    assert status == 303
    assert json.loads(get(dashboard, location.replace("/?", "/counts.json?"))[2]) == [
        {"day": "2025-03-01", "place": "Gate", "count": 7}
    ]
    status, _, text = post(b"day,place,count\n2025-03-01,Gate,7\n2025-03-01,Gate,\n")
    assert (status, "Line 3: a count is" in text) == (400, True)
    status, _, text = post(b"day,place,count\n", length=3 * 1024 * 1024)
    assert status == 413 and "2 MB are the most" in text


def test_readings_come_and_none_is_missed(dashboard: Running) -> None:
    def readings(last: str, count: int) -> list[tuple[str, t.Any]]:
        found: list[tuple[str, t.Any]] = []
        identity = ""
        with getting(dashboard, "/live/events", **{"Last-Event-ID": last}) as response:
            while len(found) < count:
                line = response.readline().decode().strip()
                if line.startswith("id: "):
                    identity = line[4:]
                elif line.startswith("data: "):
                    found.append((identity, json.loads(line[6:])))
        return found

    get(dashboard, "/live/")
    first = readings("", 4)
    again = readings(first[0][0], 6)
    assert again[:3] == first[1:]
    assert [event[1]["at"] for event in again] == sorted(event[1]["at"] for event in again)
    assert all(set(event[1]) == {"at", "value", "smooth"} for event in again)
