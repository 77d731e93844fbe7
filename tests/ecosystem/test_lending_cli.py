"""The command line of the library, and Flask-Migrate's part of it."""

import os
import re
import sqlite3
import sys
from pathlib import Path

import pytest
from lending import create_app
from lending.extensions import db
from served import ON_ERLEN, command_line, run

HERE = str(Path(__file__).resolve().parent)


@pytest.fixture
def folder(tmp_path):
    """A folder of its own for the project, which finds the library."""
    return tmp_path


@pytest.fixture
def line(folder):
    """Runs a command in the folder; gives what it printed."""

    def line(*words, own=True, fails=False, text=None, **more):
        paths = os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")])
        more = {"LENDING_INSTANCE": str(folder), "FLASK_APP": "lending"} | more
        done = run(command_line(*words, own=own), folder, text, PYTHONPATH=paths, **more)
        assert (done.returncode != 0) == fails, f"{done.stdout}\n{done.stderr}"
        return done.stderr if fails else done.stdout

    return line


def columns(path, table):
    """The names of a table's columns, as the database has them."""
    with sqlite3.connect(path) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


@pytest.mark.parametrize("own", [True, False], ids=["own", "flask"])
def test_the_library_from_nothing(folder, line, own):
    line("db", "init", own=own)
    assert {"alembic.ini", "env.py", "script.py.mako", "versions"} <= set(
        os.listdir(folder / "migrations")
    )
    if not own:
        return
    line("db", "migrate", "-m", "first")
    (made,) = (folder / "migrations" / "versions").glob("*_first.py")
    assert "op.create_table('loan'" in made.read_text()
    line("db", "upgrade")
    assert columns(folder / "lending.db", "book") == ["id", "title", "cover"]
    password = "a secret\na secret\n"
    assert line("users", "add", "ann", "--admin", text=password).endswith("number 1\n")
    assert line("users", "list") == "1 ann True\n"
    (folder / "titles.txt").write_text("Emma\nDune\n", encoding="utf-8")
    assert line("books", "import", "titles.txt") == "2 books\n"
    assert line("books", "import", "-", text="Ulysses\n") == "3 books\n"


FIRST = """\
{head}
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


class Plant(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20))
    {more}


def create_app():
    app = App("plants", instance_path="{folder}")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///plants.db"
    db.init_app(app)
    Migrate(app, db)
    return app
"""
FOR_FLASK = "from flask import Flask as App"
HEADS = {
    "for flask": FOR_FLASK,
    # The same on Erlen's own command line, without --as-flask: the project says it itself.
    "for erlen": "import erlen\nerlen.install_as_flask()\nfrom erlen import Erlen as App",
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_schema_that_changes(folder, kind):
    head, program = FOR_FLASK, command_line()
    if ON_ERLEN and kind == "for erlen":
        head, program = HEADS[kind], [sys.executable, "-m", "erlen"]

    def write(more):
        text = FIRST.format(head=head, more=more, folder=folder)
        (folder / "app.py").write_text(text, encoding="utf-8")

    def db(*words, fails=False):
        done = run([*program, "db", *words], folder)
        assert (done.returncode != 0) == fails, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    there = folder / "plants.db"
    write("")
    db("init")
    db("migrate", "-m", "first")
    db("upgrade")
    assert columns(there, "plant") == ["id", "name"]
    write("height = db.Column(db.Float)")
    if kind == "for flask":
        assert "New upgrade operations detected" in db("check", fails=True)
    assert "Detected added column 'plant.height'" in db("migrate", "-m", "second")
    db("upgrade")
    assert columns(there, "plant") == ["id", "name", "height"]
    if kind == "for erlen":
        db("downgrade", "base")
        assert columns(there, "plant") == []
        return
    listed = db("history", "--indicate-current")
    assert re.findall(r"(\(head\)|\(current\)|first$|second$)", listed, re.M) == [
        *("(head)", "(current)", "second", "first")
    ]
    db("downgrade")
    assert columns(there, "plant") == ["id", "name"]
    assert "ALTER TABLE plant ADD COLUMN height" in db("upgrade", "--sql")
    assert columns(there, "plant") == ["id", "name"]


def test_what_there_is(line):
    listed = line("--help")
    for name in ("db", "users", "books", "where", "bare", "routes", "run", "shell"):
        assert re.search(rf"^  {name}\b", listed, re.M), name
    assert "Members." in listed
    assert "Perform database migrations." in listed
    assert "No such command 'nothing'" in line("db", "nothing", fails=True)


def test_routes(line):
    listed = line("routes", "--sort", "rule")
    rows = [re.split(r"\s{2,}", row.strip()) for row in listed.splitlines()[2:]]
    assert ["admin.members.member.show", "GET", "/admin/members/<name>/"] in rows
    assert ["api.v1.books", "GET, POST", "/api/v1/books"] in rows
    assert [row[-1] for row in rows][0] == "/"


def test_the_shell(line):
    typed = "print(app.name, db.session.bind is None, User.__tablename__, g)\n"
    shown = line("shell", text=typed)
    assert "lending True user" in shown


def test_a_factory_with_arguments(line):
    named = {"SQLALCHEMY_DATABASE_URI": "sqlite://"}
    assert line("--app", f"lending:create_app({named})", "where") == "lending: sqlite://\n"
    assert "Could not import 'nothing'" in line("--app", "nothing", "where", fails=True)
    wrong = line("--app", "lending:create_app(1, 2, 3)", "where", fails=True)
    assert "could not be called with the specified arguments" in wrong


def test_a_context_or_none(line):
    assert line("where") == "lending: sqlite:///lending.db\n"
    assert line("bare") == "context: True\n"
    uri = "sqlite:///other.db"
    assert line("where", LENDING_SQLALCHEMY_DATABASE_URI=uri) == f"lending: {uri}\n"


def test_commands_in_the_process(tmp_path):
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/b.db"})
    with app.app_context():
        db.create_all()
    runner = app.test_cli_runner()
    assert runner.invoke(args=["where"]).output.startswith("lending: sqlite:///")
    added = runner.invoke(args=["users", "add", "ann", "--password", "x"])
    assert added.output == "ann is number 1\n"
    again = runner.invoke(args=["users", "add", "ann", "--password", "x"])
    assert (again.exit_code, type(again.exception).__name__) == (1, "IntegrityError")
    assert runner.invoke(args=["users", "list"]).output == "1 ann False\n"
    imported = runner.invoke(args=["books", "import", "-"], input="One\nTwo\n")
    assert imported.output == "2 books\n"
    assert runner.invoke(args=["users", "list", "--no"]).exit_code == 2
    migrations = ["db", "init", "-d", str(tmp_path / "m")]
    assert runner.invoke(args=migrations).exit_code == 0
    assert (tmp_path / "m" / "env.py").exists()
