"""The plugin in projects: each is a folder of its own, tested by a pytest of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

SHOP = """\
import click
from erlen import Erlen, current_app, websocket


def create_app(word="hello"):
    app = Erlen(__name__)

    @app.get("/")
    def index():
        return f"{word} {current_app.testing}"

    @app.get("/count")
    async def count():
        app.extensions["count"] = app.extensions.get("count", 0) + 1
        return str(app.extensions["count"])

    @app.websocket("/echo")
    async def echo():
        await websocket.send(await websocket.receive())

    @app.cli.command("shout")
    @click.argument("text")
    def shout(text):
        click.echo(text.upper())

    return app
"""

INI = "[pytest]\nfilterwarnings = error\n"

Project = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Writes files and runs pytest on them; gives its output if it ended as expected."""
    for name in ("ERLEN_APP", "FLASK_APP", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)

    def run(
        files: dict[str, str], *options: str, status: int = 0, found: bool = True, **env: str
    ) -> str:
        for name, text in {"pytest.ini": INI, "shop.py": SHOP, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        # As installed, but this checkout's: independent of when it was installed last.
        plugins = ["-p", "erlen.pytest_plugin"] if found else []
        autoload = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if found else {}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugins, *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **autoload, **env},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


ALL = """\
import asyncio
import urllib.request


def test_app(app):
    assert app.name == "shop" and app.testing


def test_client(client, app):
    assert client.application is app
    assert client.get("/").text == "hello True"


def test_async(async_client, app):
    async def both():
        return await asyncio.gather(async_client.get("/count"), async_client.get("/count"))

    assert async_client.application is app
    assert sorted(response.text for response in asyncio.run(both())) == ["1", "2"]


def test_each_test_has_its_own(client):
    assert client.get("/count").text == "1"


def test_commands(runner, cli_runner):
    for one in (runner, cli_runner):
        assert one.invoke(args=["shout", "hi"]).output == "HI\\n"


def test_live(live_server, app):
    assert live_server.app is app
    with urllib.request.urlopen(live_server.url + "/") as response:
        assert response.read() == b"hello True"


def test_live_websocket(live_server):
    from websockets.sync.client import connect

    with connect(live_server.url_for("echo")) as ws:
        ws.send("x")
        assert ws.recv(timeout=5) == "x"
"""


def test_all_fixtures(project: Project) -> None:
    pytest.importorskip("uvicorn")
    pytest.importorskip("websockets")
    ini = INI + "erlen_app = shop:create_app()\n"
    assert "7 passed" in project({"pytest.ini": ini, "tests/test_shop.py": ALL}, "-q")


WORD = "def test_word(client):\n    assert client.get('/').text == '{} True'\n"


@pytest.mark.parametrize(
    ("ini", "options", "env", "word"),
    [
        ("erlen_app = shop:create_app('ini')", [], {}, "ini"),
        ("erlen_app = shop", [], {}, "hello"),
        ("erlen_app = shop.py:create_app", [], {}, "hello"),
        ("", [], {"ERLEN_APP": "shop:create_app(word='env')"}, "env"),
        ("", [], {"FLASK_APP": "shop:create_app('flask')"}, "flask"),
        ("", ["--erlen-app", "shop:create_app('option')"], {}, "option"),
        ("erlen_app = shop", ["--erlen-app=shop:create_app('o')"], {"ERLEN_APP": "no"}, "o"),
    ],
)
def test_where_the_application_is(
    project: Project, ini: str, options: list[str], env: dict[str, str], word: str
) -> None:
    files = {"pytest.ini": f"{INI}{ini}\n", "tests/test_shop.py": WORD.format(word)}
    assert "1 passed" in project(files, *options, **env)


def test_a_file_that_everybody_has(project: Project) -> None:
    files = {"app.py": "from shop import create_app\napp = create_app('file')\n"}
    assert "1 passed" in project({**files, "tests/test_shop.py": WORD.format("file")})


def test_one_object_for_all_is_left_as_it_was(project: Project) -> None:
    test = (
        "from app import app as found\n\n"
        "def test_first(app):\n    assert app is found and app.testing\n\n"
        "def test_then():\n    assert not found.testing\n"
    )
    files = {"app.py": "from shop import create_app\napp = create_app()\n", "test_it.py": test}
    assert "2 passed" in project(files)


@pytest.mark.parametrize(
    ("ini", "reason"),
    [
        ("", "Nothing says where it is, and there is no wsgi.py or app.py"),
        ("erlen_app = nowhere", "erlen_app = 'nowhere': Could not import 'nowhere'."),
        ("erlen_app = shop:nothing", "Failed to find attribute 'nothing' in 'shop'."),
        ("erlen_app = shop:create_app(1, 2)", "could not be called with the specified arguments"),
        ("erlen_app = broken", "LookupError: on purpose"),
    ],
)
def test_no_application(project: Project, ini: str, reason: str) -> None:
    files = {
        "pytest.ini": f"{INI}{ini}\n",
        "broken.py": "raise LookupError('on purpose')\n",
        "test_it.py": "def test_without():\n    pass\n\n\ndef test_with(client):\n    pass\n",
    }
    output = project(files, status=1)
    assert "1 passed, 1 error" in output and reason in output
    if "broken" not in ini:
        assert 'erlen_app = "package:create_app()"' in output
        assert "Traceback" not in output and "finding.py" not in output


def test_own_fixtures_come_first(project: Project) -> None:
    conftest = (
        "import pytest\nfrom shop import create_app\n\n"
        "@pytest.fixture\ndef app():\n    return create_app('own')\n"
    )
    test = "def test_word(client):\n    assert client.get('/').text == 'own False'\n"
    own_client = "import pytest\n\n@pytest.fixture\ndef client():\n    return 42\n"
    files = {
        "tests/conftest.py": conftest,
        "tests/test_app.py": test,
        "tests/more/conftest.py": own_client,
        "tests/more/test_client.py": "def test_it(client):\n    assert client == 42\n",
        # Beside a conftest that has a fixture of the name, not below it.
        "other/test_other.py": "def test_it(app):\n    assert app.name == 'shop'\n",
    }
    assert "3 passed" in project(files, "--erlen-app", "shop")


OTHER = """\
import pytest


@pytest.fixture
def client():
    return "theirs"


@pytest.fixture
def live_server():
    return "theirs"


runner = "not a fixture"
"""


@pytest.mark.parametrize("first", [True, False])
def test_beside_another_plugin(project: Project, first: bool) -> None:
    """As pytest-flask and pytest-django, which have fixtures of the same names."""
    test = (
        "def test_theirs(client, live_server):\n    assert client == live_server == 'theirs'\n\n"
        "def test_ours(runner):\n    assert runner.invoke(args=['shout', 'a']).output == 'A\\n'\n"
    )
    files = {"other_plugin.py": OTHER, "test_it.py": test}
    names = ["other_plugin", "erlen.pytest_plugin"]
    options = [f"-p{name}" for name in (names if first else reversed(names))]
    options += ["--erlen-app", "shop"]
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    path = os.pathsep.join([str(ROOT / "src"), "."])
    output = project(files, *options, found=False, PYTHONPATH=path, **env)
    assert "2 passed" in output


FLASK_APP = """\
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return type(app).__module__
"""


def test_behind_the_name_of_flask(project: Project) -> None:
    test = (
        "import flask\n\n"
        "def test_it(client):\n    assert client.get('/').text == flask.Flask.__module__\n"
        "    assert client.get('/').text.startswith('erlen')\n"
    )
    files = {"app.py": FLASK_APP, "tests/conftest.py": "import flask\n", "tests/test_it.py": test}
    ini = f"{INI}erlen_as_flask = true\n"
    assert "1 passed" in project({**files, "pytest.ini": ini})


def test_too_late_for_the_name_of_flask(project: Project) -> None:
    pytest.importorskip("flask")
    files = {"early.py": "import flask\n", "pytest.ini": f"{INI}erlen_as_flask = true\n"}
    path = os.pathsep.join([str(ROOT / "src"), "."])
    output = project(files, "-p", "early", status=4, PYTHONPATH=path)
    assert "erlen_as_flask: Flask itself was imported before" in output


MODULES = """\
import json, sys


def pytest_collection_finish(session):
    print("MODULES", json.dumps(sorted(sys.modules)))
"""


def test_nothing_heavy_before_a_fixture_asks(project: Project) -> None:
    files = {"conftest.py": MODULES, "test_it.py": "def test_it():\n    pass\n"}
    output = project(files, "-s")
    line = next(line for line in output.splitlines() if "MODULES" in line)
    modules = set(json.loads(line.partition("MODULES ")[2]))
    assert "erlen.pytest_plugin" in modules
    heavy = {"erlen.testing", "erlen.cli.discover", "werkzeug.test", "werkzeug.serving"}
    assert modules & {*heavy, "shop", "flask", "uvicorn", "sqlalchemy", "jinja2.environment"} <= {
        "jinja2.environment"
    }


def test_it_is_an_entry_point() -> None:
    """Of the installed package: ``pip install`` again after it was added."""
    from importlib.metadata import entry_points

    (found,) = [entry for entry in entry_points(group="pytest11") if entry.name == "erlen"]
    assert found.value == "erlen.pytest_plugin"


def test_installed(project: Project) -> None:
    files = {"tests/test_shop.py": WORD.format("hello")}
    assert "1 passed" in project(files, "--erlen-app", "shop", found=False)
    output = project(files, "-p", "no:erlen", found=False, status=1)
    # Without another plugin's 'client' it is that one, else what it needs.
    assert "fixture 'client' not found" in output or "fixture 'app' not found" in output


DATABASE = """\
import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


engine = create_engine("sqlite:///users.db")
Session = sessionmaker(engine)
"""
DATABASE_CONFTEST = """\
import pytest
from database import Base, Session, engine


@pytest.fixture(scope="session", autouse=True)
def tables():
    Base.metadata.create_all(engine)
    yield
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from users").scalar() == 0
    engine.dispose()


@pytest.fixture
def erlen_database():
    return Session
"""
DATABASE_TEST = """\
import pytest
from database import Session, User
from sqlalchemy import select


@pytest.mark.parametrize("name", ["Ann", "Bob"])
def test_users(db_session, name):
    with Session.begin() as session:
        session.add(User(name=name))
    assert db_session.scalars(select(User.name)).all() == [name]
"""


def test_the_database(project: Project) -> None:
    pytest.importorskip("sqlalchemy")
    files = {"database.py": DATABASE, "conftest.py": DATABASE_CONFTEST, "test_it.py": DATABASE_TEST}
    assert "2 passed" in project(files)


def test_no_database(project: Project) -> None:
    files = {"test_it.py": "def test_it(db_session):\n    pass\n"}
    output = project(files, "--erlen-app", "shop", status=1)
    assert "Define a fixture 'erlen_database' in conftest.py" in output
