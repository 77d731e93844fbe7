"""`erlen db` in a project: the tables of PostgreSQL follow the models, there and back."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import psycopg
import pytest

from running import ROOT

SHOP = """
import os

import erlen

erlen.install_as_flask()

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from erlen import Erlen


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


def create_app():
    app = Erlen(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["SHOP_DATABASE"]
    db.init_app(app)
    Migrate(app, db)
    from . import models

    return app
"""
FIRST = """
from sqlalchemy.orm import Mapped, mapped_column

from . import db


class Article(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    weight: Mapped[int | None]
"""
SECOND = """
from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from . import db


class Article(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True, unique=True)
    weight: Mapped[float | None]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="0")


class Order(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id", ondelete="CASCADE"))
"""
BROKEN = """

def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO nowhere VALUES (1)")
"""


class Project:
    """A folder with an application, as `erlen` is used in it.

    Args:
        folder: The folder.
        url: Its database, as psycopg takes it.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.write("shop/__init__.py", SHOP)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def run(self, *words: str, fails: bool = False, **env: str) -> str:
        """Run ``erlen --app shop db ...``; gives what it writes."""
        url = self.url.replace("postgresql://", "postgresql+psycopg://")
        done = subprocess.run(
            [sys.executable, "-m", "erlen", "--app", "shop", "db", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "SHOP_DATABASE": url, **env},
            capture_output=True,
            text=True,
            timeout=120,
        )
        output = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, output
        return output

    def newest(self) -> Path:
        versions = (self.folder / "migrations" / "versions").glob("*.py")
        return max(versions, key=lambda path: path.stat().st_mtime_ns)

    def ask(self, question: t.LiteralString) -> list[tuple[t.Any, ...]]:
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(question)
            return cursor.fetchall() if cursor.description else []

    def columns(self) -> dict[str, list[str]]:
        """The columns of each table, with their types."""
        rows = self.ask(
            "SELECT table_name, column_name || ' ' || data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name != 'alembic_version'"
            " ORDER BY table_name, ordinal_position"
        )
        found: dict[str, list[str]] = {}
        for table, column in rows:
            found.setdefault(table, []).append(column)
        return found


@pytest.fixture(scope="module")
def project(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one migration that is not applied yet."""
    project = Project(tmp_path_factory.mktemp("project"), postgres)
    project.write("shop/models.py", FIRST)
    project.run("init")
    assert "Detected added table 'article'" in project.run("migrate", "-m", "articles")
    return project


OLD = {"article": ["id integer", "name character varying", "weight integer"]}
NEW = {
    "article": ["id integer", "name character varying", "weight double precision", "price numeric"],
    "order": ["id integer", "article_id integer"],
}


def test_up_and_down(project: Project) -> None:
    assert project.columns() == {}
    project.run("upgrade")
    assert project.columns() == OLD
    assert " (head)" in project.run("current")
    assert "No new upgrade operations detected." in project.run("check")
    project.ask("INSERT INTO article (name) VALUES ('a chair')")

    project.write("shop/models.py", SECOND)
    assert "New upgrade operations detected" in project.run("check", fails=True)
    output = project.run("migrate", "-m", "prices and orders")
    assert "Detected added column 'article.price'" in output
    assert "Detected added table 'order'" in output
    assert "Detected type change from INTEGER() to " in output
    assert "prices_and_orders" in project.newest().name
    assert project.columns() == OLD  # written, not yet applied
    project.run("upgrade")
    assert project.columns() == NEW
    assert [str(price) for (price,) in project.ask("SELECT price FROM article")] == ["0.00"]
    with pytest.raises(psycopg.errors.UniqueViolation):
        project.ask("INSERT INTO article (name) VALUES ('a chair')")

    project.run("downgrade")
    assert project.columns() == OLD
    assert project.ask("SELECT name FROM article") == [("a chair",)]
    project.run("upgrade")
    assert project.columns() == NEW
    history = project.run("history")
    assert "articles" in history and "prices and orders" in history
    project.run("downgrade", "base")
    assert project.columns() == {}


def test_one_that_fails_leaves_nothing(project: Project) -> None:
    project.run("upgrade")
    version: t.LiteralString = "SELECT version_num FROM alembic_version"
    before = project.columns(), project.ask(version)
    project.run("revision", "-m", "half done")
    broken = project.newest()
    broken.write_text(broken.read_text().partition("\ndef upgrade")[0] + BROKEN)
    assert 'relation "nowhere" does not exist' in project.run("upgrade", fails=True)
    assert (project.columns(), project.ask(version)) == before
    broken.unlink()


def test_a_database_that_cannot_be_reached(project: Project) -> None:
    url = project.url.replace("postgresql://", "postgresql+psycopg://")
    wrong = url.replace("riverside", "a-guess")
    assert "password authentication failed" in project.run(
        "upgrade", fails=True, SHOP_DATABASE=wrong
    )


def test_the_statements_only(project: Project) -> None:
    """For who may not let a program change the tables."""
    statements = project.run("upgrade", "--sql")
    assert "CREATE TABLE article" in statements and "COMMIT;" in statements
