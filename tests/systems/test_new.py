"""`erlen new`: what it makes is checked, tested, migrated, and served by a real server."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import re
import shutil
import sys
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from erlen.scaffolding import Choices, check_name, project_files, write_new
from running import Running, free_port, running
from services.postgres import Cluster
from services.redis import redis_server
from systems.scaffolds import PAIRWISE, all_choices, make, name_of, pairs_of, run

pytestmark = pytest.mark.slow


def test_every_pair_of_choices_is_served() -> None:
    wanted = set().union(*map(pairs_of, all_choices()))
    assert set().union(*map(pairs_of, PAIRWISE)) == wanted


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("every")
    for choices in all_choices():
        texts = project_files(check_name("my-shop"), choices)
        write_new(folder / name_of(choices), texts)
    return folder


def test_every_project_is_clean(every: Path) -> None:
    pytest.importorskip("ruff", reason="ruff is missing: pip install ruff")
    # Each file is judged by the settings of its own project.
    for command in (["check"], ["format", "--check"]):
        done = run(every, "-m", "ruff", *command, "--no-cache", ".", ok=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_no_project_has_marks_of_templates_or_empty_files(every: Path) -> None:
    for path in every.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert text.endswith("\n") and not text.endswith("\n\n"), path
            assert not re.search(r"<\{|\}>|^%% ?(if|end|for|set|else)", text, re.M), path
            assert "\n\n\n\n" not in text, path


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield f"redis://127.0.0.1:{server.port}"


def production(choices: Choices, database: str, redis: str) -> dict[str, str]:
    """The environment that a project runs in."""
    env = {
        "MY_SHOP_ENV": "production",
        "MY_SHOP_SECRET_KEY": "of this test",
        "PYTHONUNBUFFERED": "1",
    }
    if choices.database != "none":
        env["MY_SHOP_SQLALCHEMY_DATABASE_URI"] = database
    if choices.sessions == "redis":
        env["MY_SHOP_SESSION_STORE"] = f"{redis}/0"
    if choices.tasks:
        env["MY_SHOP_CELERY_BROKER_URL"] = env["MY_SHOP_CELERY_RESULT_BACKEND"] = f"{redis}/1"
    # The test speaks plain HTTP, over which a client would not send the cookie back.
    env["MY_SHOP_SESSION_COOKIE_SECURE"] = "false"
    return env


class Visitor:
    """Somebody with a cookie jar."""

    def __init__(self, server: Running) -> None:
        self.base = f"http://127.0.0.1:{server.port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def ask(
        self, path: str, form: dict[str, str] | None = None, content: t.Any = None
    ) -> tuple[int, str, t.Any]:
        """Send a request; gives status, text and headers."""
        data, headers = None, {"X-Request-ID": "of-the-test"}
        if form is not None:
            page = self.ask(path)[1]
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
            data = urllib.parse.urlencode(
                {**form, "csrf_token": token[1] if token else ""}
            ).encode()
        elif content is not None:
            data, headers["Content-Type"] = json.dumps(content).encode(), "application/json"
        request = urllib.request.Request(self.base + path, data, headers)
        try:
            with self.opener.open(request, timeout=20) as response:
                return response.status, response.read().decode(), response.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers


@pytest.fixture(scope="module", params=PAIRWISE, ids=name_of)
def project(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Choices]:
    return make(tmp_path_factory.mktemp("made"), request.param), request.param


@pytest.fixture(scope="module")
def environment(
    project: tuple[Path, Choices], request: pytest.FixtureRequest
) -> t.Iterator[dict[str, str]]:
    """What the project needs in production."""
    folder, choices = project
    redis = request.getfixturevalue("redis_url") if choices.redis else ""
    with contextlib.ExitStack() as stack:
        database = f"sqlite:///{folder / 'here.sqlite3'}"
        if choices.database == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres_cluster")
            url = stack.enter_context(cluster.database("shop"))
            database = url.replace("postgresql://", "postgresql+psycopg://")
        yield production(choices, database, redis)


def test_its_own_tests_pass(project: tuple[Path, Choices], request: pytest.FixtureRequest) -> None:
    folder, choices = project
    env = {}
    with contextlib.ExitStack() as stack:
        if choices.database == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres_cluster")
            url = stack.enter_context(cluster.database("shop_test"))
            env["TEST_DATABASE_URI"] = url.replace("postgresql://", "postgresql+psycopg://")
        if choices.sessions == "redis":
            env["TEST_REDIS_URL"] = request.getfixturevalue("redis_url") + "/5"
        done = run(folder, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", **env)
    assert re.search(r"^\d+ passed in", done.stdout, re.M), done.stdout


def server_command(folder: Path, choices: Choices, port: int) -> list[str]:
    """Half of them as the image serves them, half by `erlen serve`."""
    if choices.kind == "pages":
        options = f"--bind 127.0.0.1:{port} --threads 8 --no-control-socket wsgi:app"
        return [sys.executable, "-m", "gunicorn", *options.split()]
    return [sys.executable, "-m", "erlen", "serve", "--port", str(port)]


def test_it_is_served(
    project: tuple[Path, Choices], environment: dict[str, str], tmp_path: Path
) -> None:
    folder, choices = project
    if choices.database != "none":
        run(folder, "-m", "erlen", "db", "upgrade", **environment)
    if choices.login:
        password = ["--password", "open sesame"]
        run(folder, "-m", "erlen", "add-user", "Anna", *password, **environment)
    port = free_port()
    command = server_command(folder, choices, port)
    with running(command, port, tmp_path, folder, **environment) as server:
        visitor = Visitor(server)
        assert visitor.ask("/health")[0] == 200
        assert visitor.ask("/ready")[0] == 200
        (use_pages if choices.kind == "pages" else use_api)(visitor, choices)
        status, text, headers = visitor.ask("/no-such-page")
        assert status == 404 and "of-the-test" in text
        assert headers["X-Request-ID"] == "of-the-test"
        records = [json.loads(line) for line in server.text.splitlines() if line.startswith("{")]
        assert any("of-the-test" in record.values() for record in records), server.text
        if choices.tasks:
            with celery_worker(folder, tmp_path, environment):
                use_tasks(visitor, choices)


def use_pages(visitor: Visitor, choices: Choices) -> None:
    status, text, _ = visitor.ask("/")
    assert status == 200 and "My shop" in text
    for name in re.findall(r'(?:href|src)="(/static/[^"]+)"', text):
        assert visitor.ask(name)[0] == 200
    if choices.login:
        given = {"name": "Anna", "password": "open sesame"}
        assert "Anna" in visitor.ask("/login/", given)[1]
    if choices.database == "none":
        assert "2 times" in visitor.ask("/")[1]
    else:
        assert "a &lt;note&gt;" in visitor.ask("/", {"text": "a <note>"})[1]


def use_api(visitor: Visitor, choices: Choices) -> None:
    if choices.login:
        assert visitor.ask("/api/notes", content={"text": "no"})[0] == 401
        given = {"name": "Anna", "password": "open sesame"}
        assert visitor.ask("/api/login/", content=given)[0] == 200
    if choices.database == "none":
        visitor.ask("/api/hello")
        assert json.loads(visitor.ask("/api/hello")[1]) == {"hello": "world", "visits": 2}
    else:
        assert visitor.ask("/api/notes", content={"text": "a note"})[0] == 201
        notes = json.loads(visitor.ask("/api/notes")[1])
        assert [note["text"] for note in notes] == ["a note"]


@contextlib.contextmanager
def celery_worker(folder: Path, logs: Path, environment: dict[str, str]) -> t.Iterator[None]:
    words = "-m celery --app my_shop.worker worker --pool solo --loglevel INFO"
    command = [sys.executable, *words.split(), "--without-gossip", "--without-mingle"]
    # It listens nowhere: the port is the broker's, which is there.
    port = int(environment["MY_SHOP_CELERY_BROKER_URL"].rpartition(":")[2].partition("/")[0])
    with running(command, port, logs, folder, **environment):
        yield


def use_tasks(visitor: Visitor, choices: Choices) -> None:
    path = "/api/jobs/" if choices.kind == "api" else "/jobs/"
    status, text, headers = visitor.ask(path, content={"text": "to be or not to be"})
    assert status == 202, text
    place = urllib.parse.urlsplit(headers["Location"]).path
    end = time.monotonic() + 20
    while True:
        job = json.loads(visitor.ask(place)[1])
        if job["state"] == "SUCCESS" or time.monotonic() > end:
            break
        time.sleep(0.05)
    assert job == {"state": "SUCCESS", "result": {"be": 2, "not": 1, "or": 1, "to": 2}}


def test_broker_down(tmp_path: Path) -> None:
    choices = Choices(tasks=True, kind="api")
    folder = make(tmp_path, choices)
    port, nobody = free_port(), free_port()
    env = production(choices, "", f"redis://127.0.0.1:{nobody}")
    with running(server_command(folder, choices, port), port, tmp_path, folder, **env) as server:
        began = time.monotonic()
        status, text, _ = Visitor(server).ask("/api/jobs/", content={"text": "x"})
        assert status == 503 and "The task queue can't be reached." in text
        assert Visitor(server).ask("/ready")[0] == 200
        assert time.monotonic() - began < 10
    shutil.rmtree(folder)
