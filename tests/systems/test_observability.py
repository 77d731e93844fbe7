"""Health, ids, logs, metrics and traces of applications on real servers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import statistics
import threading
import time
import typing as t
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from running import Running, free_port
from servers.lines import serving
from services.redis import redis_server

HERE = Path(__file__).parent
APP = "systems.observed_app:app"
#: Server to how many clients the load has: many for each thread by ASGI. A WSGI server answers
#: whatever it answers in one of these threads, so that one of the eight has to be left.
LOADED = {"uvicorn": 32, "granian": 32, "gunicorn-gthread": 7}
LIMIT = 0.05


class Client:
    """A connection that stays open."""

    def __init__(self, server: Running) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def get(self, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request("GET", path, headers=named)
        response = self.connection.getresponse()
        return response.status, response.read(), response.headers

    def close(self) -> None:
        self.connection.close()


def get(server: Running, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    with contextlib.closing(Client(server)) as client:
        return client.get(path, **headers)


class Load:
    """Clients that ask for a slow page all the time, until the end of the block."""

    def __init__(self, server: Running, clients: int) -> None:
        self.server = server
        self.took: list[float] = []
        self._going = True
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def _run(self) -> None:
        with contextlib.closing(Client(self.server)) as client:
            while self._going:
                began = time.perf_counter()
                status, body, _ = client.get("/slow?seconds=0.2")
                assert (status, body) == (200, b"done")
                self.took.append(time.perf_counter() - began)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: t.Any) -> None:
        self._going = False
        for thread in self._threads:
            thread.join(30)


def probe(client: Client, path: str, times: int) -> list[float]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        status, _, _ = client.get(path)
        took.append(time.perf_counter() - began)
        assert status == 200
    return sorted(took)


def best_of_rounds(client: Client, path: str) -> float:
    """The seconds that 95 of 100 answers take; other work on the machine may disturb a round."""
    best = 1.0
    for _ in range(5):
        best = min(best, probe(client, path, 40)[37])
        if best <= LIMIT:
            break
    return best


@pytest.mark.timed
@pytest.mark.parametrize("name", list(LOADED))
def test_readiness_under_load(name: str, tmp_path: Path) -> None:
    """95 of 100 answers within 50 ms, while all threads are busy with slow views."""
    clients = LOADED[name]
    with serving(name, APP, tmp_path) as server, contextlib.closing(Client(server)) as one:
        probe(one, "/ready", 3)
        with Load(server, clients) as load:
            while len(load.took) < clients:
                time.sleep(0.01)
            best = best_of_rounds(one, "/ready")
            if clients > 8:
                assert best_of_rounds(one, "/ready-route") <= LIMIT
                # They wait for each other: four times eight threads' work is on its way.
                assert statistics.median(load.took[clients:] or load.took) > 0.4
                assert probe(one, "/pid/1", 1)[0] > LIMIT
        assert best <= LIMIT


def test_a_dependency_that_goes_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    with serving("uvicorn", APP, tmp_path, REDIS_PORT=str(port)) as server:
        with redis_server(tmp_path, port):
            assert get(server, "/ready")[:2] == (200, b'{"status":"ready"}\n')
        status, body, _ = get(server, "/ready")
        assert (status, json.loads(body)) == (503, {"status": "failing", "failed": ["redis"]})
        assert get(server, "/health")[0] == 200
        with redis_server(tmp_path, port):
            assert get(server, "/ready")[0] == 200
    told = [line["message"] for line in lines_of(server) if "Readiness" in line["message"]]
    assert [text.partition("'redis' ")[2] for text in told] == ["failed.", "passes again."]


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn-gthread"])
def test_readiness_fails_while_draining(name: str, tmp_path: Path) -> None:
    with serving(name, APP, tmp_path, DRAIN_DELAY="3") as server:
        assert get(server, "/ready")[0] == 200
        os.kill(worker_of(server), signal.SIGTERM)
        deadline = time.monotonic() + 2
        while (found := get(server, "/ready"))[0] == 200:
            assert time.monotonic() < deadline
        assert (found[0], json.loads(found[1])) == (503, {"status": "draining"})
        assert get(server, "/health")[0] == 200


def worker_of(server: Running) -> int:
    return int(json.loads(get(server, "/pid/1")[1])["pid"])


def lines_of(server: Running) -> list[dict[str, t.Any]]:
    """The lines of JSON among what a server has written."""
    return [json.loads(line) for line in server.text.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("name", ["uvicorn", "granian", "gunicorn-gthread", "gunicorn-gevent"])
def test_an_id_from_the_header_to_the_last_log_record(name: str, tmp_path: Path) -> None:
    with serving(name, APP, tmp_path) as server:
        status, _, headers = get(server, "/work", X_Request_ID="edge-7")
        assert (status, headers.get_all("X-Request-ID")) == (200, ["edge-7"])
        server.wait_for_text("in the task")
        get(server, "/fail/x%0Aforged", X_Request_ID="a b")
        server.wait_for_text('"status": 500')
        found = lines_of(server)
    mine = [line["message"].partition(" 200 ")[0] for line in found if ids(line) == "edge-7"]
    assert sorted(mine) == ["GET /work", "in the task", "in the view\nof edge-7"]
    (error,) = [line for line in found if "exception" in line]
    assert len(error["request_id"]) == 32
    assert error["exception"].endswith("LookupError: x\nforged")
    (access,) = [line for line in found if line.get("status") == 500]
    assert access["request_id"] == error["request_id"]
    assert (access["route"], access["method"]) == ("/fail/<name>", "GET")
    assert access["duration_ms"] > 0


def ids(line: dict[str, t.Any]) -> t.Any:
    return line.get("request_id")


def test_ids_of_requests_at_the_same_time(tmp_path: Path) -> None:
    with serving("uvicorn", APP, tmp_path) as server:

        def ask(number: int) -> None:
            path = "/aslow" if number % 2 else "/work"
            _, _, headers = get(server, path, X_Request_ID=f"id-{number}")
            assert headers["X-Request-ID"] == f"id-{number}"

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.wait_for_text("in the task", times=20)
        server.wait_for_text('"erlen.access"', times=40)
        found = lines_of(server)
    for number in range(40):
        own = [line["message"] for line in found if ids(line) == f"id-{number}"]
        assert len(own) == (2 if number % 2 else 3), own


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_metrics_of_two_workers(tmp_path: Path) -> None:
    """Gunicorn with two processes: each scrape has the sum, whoever answers it."""
    folder = tmp_path / "metrics"
    folder.mkdir()
    options = f"--workers 2 --config {HERE / 'gunicorn_metrics.py'}"
    known = ("GET", "/pid/<int:number>", "200")
    with serving(
        "gunicorn-gthread", APP, tmp_path, options, PROMETHEUS_MULTIPROC_DIR=str(folder)
    ) as server:

        def scrape(name: str) -> dict[tuple[str, ...], float]:
            return samples(get(server, "/metrics")[1].decode(), name)

        pids: set[int] = set()
        asked = 0
        deadline = time.monotonic() + 20
        while len(pids) < 2 or asked < 60:
            pids.add(json.loads(get(server, f"/pid/{asked}")[1])["pid"])
            asked += 1
            assert time.monotonic() < deadline, "one worker answers everything"
        totals = [scrape("http_requests_total")[known] for _ in range(6)]
        assert totals == [asked] * 6
        assert scrape("http_request_duration_seconds_count")[known] == asked
        # A worker dies with a request in flight: what it counted stays, what it did not end goes.
        slow = threading.Thread(target=abandoned, args=(server,))
        slow.start()
        wait_until(lambda: scrape("http_requests_in_flight")[()] == 1)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        slow.join(20)
        wait_until(lambda: scrape("http_requests_in_flight")[()] == 0)
        assert scrape("http_requests_total")[known] == asked


def abandoned(server: Running) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        get(server, "/slow?seconds=25")


def wait_until(holds: t.Callable[[], bool], timeout: float = 15) -> None:
    deadline = time.monotonic() + timeout
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException, KeyError):
            if holds():
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("name", ["uvicorn", "granian", "gunicorn-gthread"])
def test_spans(name: str, tmp_path: Path) -> None:
    spans = tmp_path / "spans"
    with serving(name, APP, tmp_path, SPANS=str(spans)) as server:
        get(server, "/pid/5", traceparent=f"00-{TRACE}-{PARENT}-01")
        get(server, "/fail/now")
        get(server, "/health")
        wait_until(lambda: spans.read_text().count("\n") == 2)
    known, failed = map(json.loads, spans.read_text().splitlines())
    assert known["name"] == "GET /pid/<int:number>"
    assert known["context"]["trace_id"] == f"0x{TRACE}"
    assert known["parent_id"] == f"0x{PARENT}"
    assert known["attributes"]["http.response.status_code"] == 200
    assert failed["parent_id"] is None
    assert failed["status"]["status_code"] == "ERROR"
    assert failed["events"][0]["attributes"]["exception.type"] == "LookupError"
    (line,) = [line for line in lines_of(server) if line.get("status") == 500]
    assert f"0x{line['trace_id']}" == failed["context"]["trace_id"]


@pytest.mark.parametrize("name", ["uvicorn", "granian"])
def test_websockets(name: str, tmp_path: Path) -> None:
    client = pytest.importorskip("websockets.sync.client")
    with serving(name, APP, tmp_path) as server:
        url = f"ws://127.0.0.1:{server.port}/echo/5"
        with client.connect(url, additional_headers={"X-Request-ID": "ws-1"}) as ws:
            # Granian sends no headers with a handshake that is accepted.
            given = ws.response.headers.get_all("X-Request-ID")
            assert given == (["ws-1"] if name == "uvicorn" else [])
            ws.send("hi")
            assert ws.recv(timeout=10) == "ws-1: hi"
            assert samples(get(server, "/metrics")[1].decode(), "websockets_open") == {(): 1}
        server.wait_for_text('"WEBSOCKET')
        found = lines_of(server)
        assert samples(get(server, "/metrics")[1].decode(), "websockets_open") == {(): 0}
    messages = [line["message"] for line in found if ids(line) == "ws-1"]
    assert [text.partition(" 101 ")[0] for text in messages] == ["heard in 5", "WEBSOCKET /echo/5"]
