"""The plugin of pytest, and unittest, in a project with Flask-SQLAlchemy on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from running import ROOT

INI = """\
[pytest]
filterwarnings = error
pythonpath = .
erlen_app = shop:create_app()
erlen_as_flask = true
"""

SHOP = """\
import os

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Order(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(unique=True)


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE"]
    db.init_app(app)

    @app.get("/orders")
    def orders():
        return [order.what for order in db.session.query(Order).order_by(Order.id)]

    @app.post("/orders")
    def add():
        db.session.add(Order(what=request.form["what"]))
        db.session.commit()
        return "", 201

    return app
"""

PYTEST = """\
import json
import urllib.request

import pytest
from shop import Order, db
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError


@pytest.fixture(scope="session", autouse=True)
def tables():
    from shop import create_app

    app = create_app()
    with app.app_context():
        db.create_all()
        yield
        with db.engine.connect() as connection:
            assert connection.scalar(text('select count(*) from "order"')) == 0
        db.drop_all()
        db.engine.dispose()


@pytest.fixture(autouse=True)
def nothing_is_left_open(app):
    yield
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("number", [1, 2])
def test_each_starts_afresh(client, db_session, number):
    # The same unique value twice: the first test's is gone.
    db_session.add(Order(what="tea"))
    db_session.commit()
    assert client.post("/orders", data={"what": "salt"}).status_code == 201
    assert client.get("/orders").json == ["tea", "salt"]


def test_a_request_that_breaks_a_rule(client, db_session):
    client.post("/orders", data={"what": "tea"})
    with pytest.raises(IntegrityError):
        client.post("/orders", data={"what": "tea"})
    assert client.get("/orders").json == ["tea"]


def test_over_the_wire(live_server, db_session):
    urllib.request.urlopen(f"{live_server}/orders", b"what=tea").close()
    with urllib.request.urlopen(f"{live_server}/orders") as response:
        assert json.load(response) == ["tea"]
    assert db_session.query(Order).count() == 1


def test_others_do_not_see_it(client, db_session, app):
    client.post("/orders", data={"what": "tea"})
    other = create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
    with other.connect() as connection:
        assert connection.scalar(text('select count(*) from "order"')) == 0
    other.dispose()
"""

STAYS = """\
from shop import db, create_app


def test_without_the_fixture_it_stays(client, app):
    with app.app_context():
        db.create_all()
    client.post("/orders", data={"what": "tea"})
    with app.app_context():
        db.engine.dispose()


def test_found_again(client, app):
    assert client.get("/orders").json == ["tea"]
    with app.app_context():
        db.drop_all()
        db.engine.dispose()
"""

UNITTEST = """\
import json
import unittest
import urllib.request

import erlen

erlen.install_as_flask()

from erlen.testing import LiveServer, rolled_back
from shop import Order, create_app, db


class ShopTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.app = create_app()
        with cls.app.app_context():
            db.create_all()
            cls.addClassCleanup(db.engine.dispose)
        cls.server = cls.enterClassContext(LiveServer(cls.app))

    def setUp(self):
        self.session = self.enterContext(rolled_back(db, app=self.app))

    def orders(self):
        with urllib.request.urlopen(f"{self.server}/orders") as response:
            return json.load(response)

    def test_first(self):
        urllib.request.urlopen(f"{self.server}/orders", b"what=tea").close()
        self.assertEqual(self.orders(), ["tea"])

    def test_then(self):
        self.assertEqual(self.orders(), [])
        self.session.add(Order(what="tea"))
        self.session.commit()
        self.assertEqual(self.app.test_client().get("/orders").json, ["tea"])


if __name__ == "__main__":
    unittest.main()
"""


@pytest.fixture(params=["postgresql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    pytest.importorskip(
        "flask_sqlalchemy", reason="Flask-SQLAlchemy is missing: pip install flask-sqlalchemy"
    )
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    found: str = request.getfixturevalue("postgres")
    return found.replace("postgresql://", "postgresql+psycopg://")


def run(folder: Path, files: dict[str, str], database: str, *command: str) -> str:
    for name, text in {"pytest.ini": INI, "shop.py": SHOP, **files}.items():
        (folder / name).write_text(text)
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "DATABASE": database}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


PYTEST_COMMAND = ("-m", "pytest", "-p", "no:cacheprovider", "-p", "erlen.pytest_plugin")


def test_pytest(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert "5 passed" in run(tmp_path, {"test_shop.py": PYTEST}, database, *PYTEST_COMMAND)


def test_what_is_not_rolled_back_stays(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above would notice: this is what they would see."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert "2 passed" in run(tmp_path, {"test_stays.py": STAYS}, database, *PYTEST_COMMAND)


def test_unittest(tmp_path: Path, database: str) -> None:
    output = run(tmp_path, {"test_shop.py": UNITTEST}, database, "-m", "unittest", "-v")
    assert "Ran 2 tests" in output and "OK" in output
