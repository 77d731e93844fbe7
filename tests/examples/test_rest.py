"""The REST example on PostgreSQL, and as its README starts it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import typing as t
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from running import ROOT, free_port, running
from services.postgres import Cluster

SHELF = ROOT / "examples" / "rest"
EMMA = {"title": "Emma", "author": "Jane Austen", "year": 1815, "isbn": "978-0-14-143958-7"}
TOKEN = {"Authorization": "Bearer a token"}
ENV = {"SHELF_TOKENS__ida": hashlib.sha256(b"a token").hexdigest()}


class Answer(t.NamedTuple):
    """What came back."""

    status: int
    headers: t.Any
    json: t.Any


def ask(url: str, method: str = "GET", document: t.Any = None, **headers: str) -> Answer:
    body = None if document is None else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["Content-Type"] = "application/json"
    request = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers, json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, json.loads(error.read()))


@pytest.mark.slow
def test_one_command_starts_it(tmp_path: Path) -> None:
    """On SQLite, with a table of its own making and a token from the environment."""
    copy, port = tmp_path / "rest", free_port()
    shutil.copytree(SHELF / "shelf", copy / "shelf")
    command = [sys.executable, "-m", "erlen", "--app", "shelf", "run", "--port", str(port)]
    env = {**ENV, "PYTHONPATH": str(ROOT / "src"), "SHELF_DATABASE_URL": ""}
    with running(command, port, tmp_path, copy, **env) as server:
        url = f"http://127.0.0.1:{port}/books"
        assert ask(url).json == {"total": 0, "books": []}
        assert ask(url, "POST", EMMA).status == 401
        made = ask(url, "POST", EMMA, **TOKEN)
        assert made.status == 201 and made.headers["Location"] == "/books/1"
        assert ask(f"{url}/1").json["title"] == "Emma"
        assert "Traceback" not in server.text, server.text


@pytest.mark.slow
def test_changes_at_once_on_postgresql(postgres_cluster: Cluster, tmp_path: Path) -> None:
    """Of twenty who change what they have read, one does; on Gunicorn with two workers."""
    port = free_port()
    path = f"{ROOT / 'src'}{os.pathsep}{SHELF}"
    with postgres_cluster.database("shelf") as database:
        env = {**ENV, "SHELF_DATABASE_URL": database, "PYTHONPATH": path}
        command = [sys.executable, "-m", "erlen", "--app", "shelf", "init-db"]
        made = {**os.environ, **env}
        subprocess.run(command, cwd=tmp_path, env=made, check=True, capture_output=True)
        line = f"-m gunicorn -b 127.0.0.1:{port} --no-control-socket -w 2 --threads 10"
        command = [sys.executable, *line.split(), "shelf:create_app()"]
        with running(command, port, tmp_path, None, **env) as server:
            url = f"http://127.0.0.1:{port}/books"
            assert ask(url, "POST", EMMA, **TOKEN).status == 201
            for first in (1900, 1930, 1960):  # never the year it has: that is no change
                tag = ask(f"{url}/1").headers["ETag"]

                def change(year: int, tag: str = tag) -> int:
                    return ask(f"{url}/1", "PUT", {**EMMA, "year": year}, If_Match=tag, **TOKEN)[0]

                with ThreadPoolExecutor(20) as threads:
                    statuses = list(threads.map(change, range(first, first + 20)))
                assert Counter(statuses) == {200: 1, 412: 19}
                assert ask(f"{url}/1").json["year"] == first + statuses.index(200)
            assert "Traceback" not in server.text, server.text


@pytest.mark.slow
def test_its_tests_on_postgresql(postgres_cluster: Cluster) -> None:
    with postgres_cluster.database("shelf_tests") as url:
        env = {**os.environ, "SHELF_TEST_DATABASE_URL": url, "PYTHONPATH": str(ROOT / "src")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
        done = subprocess.run(command, cwd=SHELF, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
