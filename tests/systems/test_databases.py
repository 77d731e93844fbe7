"""A bank on PostgreSQL, with each library, on real servers: nothing is half-written or leaks."""

from __future__ import annotations

import http.client
import json
import sys
import time
import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from running import ROOT, free_port, running
from services.postgres import Cluster

POOL = 5
TABLES = """
    CREATE TABLE accounts (name text PRIMARY KEY, balance integer CHECK (balance >= 0));
    INSERT INTO accounts VALUES ('ann', 10000), ('bob', 0);
    CREATE TABLE notes (number integer UNIQUE DEFERRABLE INITIALLY DEFERRED);
"""
SERVERS = {
    "uvicorn": "uvicorn --port {port} --log-level warning {app}",
    "gunicorn": "gunicorn -b 127.0.0.1:{port} --no-control-socket --threads 40 {app}",
}
LIBRARIES = ["psycopg", "sqlalchemy", "async_sqlalchemy", "flask_sqlalchemy", "peewee", "flaskdb"]
#: Under WSGI one of each colour: the other libraries don't know who called.
BANKS = [(name, "uvicorn") for name in LIBRARIES]
BANKS += [("psycopg", "gunicorn"), ("async_sqlalchemy", "gunicorn")]


class Bank(t.NamedTuple):
    """A bank that is served.

    Args:
        name: With what it is written.
        cluster: Its database server.
        url: Its database.
        port: Where it listens.
        gate: The folder by which a transfer waits.
    """

    name: str
    cluster: Cluster
    url: str
    port: int
    gate: Path

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(
        self, method: str, path: str, connection: http.client.HTTPConnection | None = None
    ) -> tuple[int, t.Any]:
        """Status and content of an answer."""
        link = connection or self.connect()
        try:
            link.request(method, path)
            with link.getresponse() as answer:
                content, media = answer.read(), answer.getheader("Content-Type")
            return answer.status, json.loads(content) if media == "application/json" else content
        finally:
            if connection is None:
                link.close()

    def stored(self) -> dict[str, int]:
        """The balances, asked of the database."""
        with psycopg.connect(self.url) as connection:
            return dict(connection.execute("SELECT name, balance FROM accounts").fetchall())

    def wait_for_balances(self, seconds: float) -> float:
        """Ask until the bank answers 200; gives how long that took, in seconds."""
        begun = time.monotonic()
        while self.ask("GET", "/balances")[0] != 200:
            assert time.monotonic() < begun + seconds, "the bank did not recover"
            time.sleep(0.05)
        return time.monotonic() - begun


@pytest.fixture(scope="module", params=BANKS, ids=" ".join)
def bank(
    request: pytest.FixtureRequest,
    postgres_cluster: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> t.Iterator[Bank]:
    name, server = request.param
    folder, port = tmp_path_factory.mktemp(name), free_port()
    line = SERVERS[server].format(port=port, app=f"bank.with_{name}:app")
    with postgres_cluster.database(f"bank_{name}") as url:
        with psycopg.connect(url) as connection:
            connection.execute(t.cast(t.LiteralString, TABLES))
        env = {"BANK_URL": url, "BANK_GATE": str(folder)}
        paths = f"{ROOT / 'tests' / 'systems'}"
        command = [sys.executable, "-m", *line.split()]
        with running(command, port, folder, None, **env, PYTHONPATH=f"{ROOT / 'src'}:{paths}"):
            yield Bank(name, postgres_cluster, url, port, folder)


def test_a_request_is_a_transaction(bank: Bank) -> None:
    before = bank.stored()
    assert bank.ask("GET", "/balances") == (200, before)
    assert bank.ask("POST", "/move/ann/bob/10") == (200, {"moved": 10})
    after = {"ann": before["ann"] - 10, "bob": before["bob"] + 10}
    assert bank.stored() == after
    assert bank.ask("POST", "/move/ann/bob/10?how=fail")[0] == 500
    assert bank.ask("POST", "/move/ann/bob/100000")[0] == 500  # nobody has that much
    assert bank.stored() == after
    assert bank.ask("GET", "/balances") == (200, after)


def test_what_the_commit_refuses_is_no_success(bank: Bank) -> None:
    assert bank.ask("POST", "/twice")[0] == 500
    with psycopg.connect(bank.url) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)


def test_connections_outlive_requests(bank: Bank) -> None:
    pids = {bank.ask("GET", "/hold")[1]["pid"] for _ in range(10)}
    # One after the other, they need one; which of those in the pool, is the pool's affair.
    assert len(pids) <= POOL
    assert bank.cluster.connections(bank.url) <= POOL


def test_two_hundred_at_once_over_five_connections(bank: Bank) -> None:
    # One of the banks also has plain views with asynchronous hooks.
    for path in ["/hold", "/mixed/hold"][: 1 + (bank.name == "sqlalchemy")]:
        begun = time.monotonic()
        with ThreadPoolExecutor(200) as threads:
            answers = list(threads.map(bank.ask, ["GET"] * 200, [path] * 200))
        assert Counter(status for status, _ in answers) == {200: 200}, answers
        # 200 times 5 ms over five connections are 0.2 s; to wait for one another takes 10 s.
        assert time.monotonic() - begun < 9
        assert bank.cluster.connections(bank.url) <= POOL


@pytest.mark.parametrize("bank", BANKS[:5], ids=" ".join, indirect=True)
def test_a_thousand_requests_leak_nothing(bank: Bank) -> None:
    before = bank.stored()
    # All in one direction: who locks the same rows in another order meets a deadlock.
    paths = ["/move/ann/bob/1", "/move/ann/bob/1?how=fail", "/nowhere", "/move/ann/bob/2"]

    def some(_: int) -> list[int]:
        link = bank.connect()
        statuses = [bank.ask("POST", path, link)[0] for path in paths * 63]
        link.close()
        return statuses

    with ThreadPoolExecutor(4) as threads:
        statuses = Counter(status for many in threads.map(some, range(4)) for status in many)
    assert statuses == {200: 504, 500: 252, 404: 252}
    moved = 4 * 63 * 3
    assert bank.stored() == {"ann": before["ann"] - moved, "bob": before["bob"] + moved}
    assert bank.cluster.connections(bank.url) <= POOL
    question = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state LIKE 'idle in%%'"
    assert bank.cluster.run(question, bank.url.rpartition("/")[2]) == [(0,)]


def test_a_database_that_crashes_between_two_writes(bank: Bank) -> None:
    before = bank.stored()
    with ThreadPoolExecutor(1) as thread:
        transfer = thread.submit(bank.ask, "POST", "/move/ann/bob/500?how=gate")
        while not (bank.gate / "arrived").exists():
            assert not transfer.done(), transfer.result()
            time.sleep(0.01)
        bank.cluster.stop(crash=True)
        try:
            begun = time.monotonic()
            (bank.gate / "go").touch()
            assert transfer.result() == (503, {"error": "the database does not answer"})
            assert time.monotonic() - begun < 3
            # What needs no database does not notice.
            assert bank.ask("GET", "/") == (200, b"open")
            assert bank.ask("GET", "/balances")[0] == 503
            assert time.monotonic() - begun < 6
        finally:
            bank.cluster.start()
    bank.wait_for_balances(10)
    assert bank.stored() == before
    assert bank.ask("POST", "/move/ann/bob/500")[0] == 200
    assert bank.stored() == {"ann": before["ann"] - 500, "bob": before["bob"] + 500}


def test_an_idle_pool_survives_a_restart(bank: Bank) -> None:
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: bank.ask("GET", "/hold"), range(40)))
    bank.cluster.stop()
    bank.cluster.start()
    statuses = [bank.ask("GET", "/balances")[0] for _ in range(10)]
    # All pools try what they hand out. psycopg's waits longer from try to try: a pool full of
    # lost connections costs one request its time.
    patient = bank.name == "psycopg"
    assert statuses[patient:] == [200] * (10 - patient)
