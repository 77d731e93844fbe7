"""Databases that are rolled back: sessions commit, and nothing stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from erlen import Erlen
from erlen.testing import rolled_back

sqlalchemy = pytest.importorskip("sqlalchemy")
from sqlalchemy import Engine, create_engine, func, insert, select, text  # noqa: E402
from sqlalchemy.orm import (  # noqa: E402
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'test.db'}")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(User).values(name="stays"))
    yield engine
    engine.dispose()


def names(engine: Engine) -> list[str]:
    """What somebody else sees."""
    with engine.connect() as connection:
        return list(connection.scalars(select(User.name).order_by(User.id)))


def made(kind: str, engine: Engine) -> Any:
    maker = sessionmaker(engine)
    return maker if kind == "sessionmaker" else scoped_session(maker)


@pytest.mark.parametrize("kind", ["sessionmaker", "scoped_session"])
def test_what_is_committed_is_rolled_back(kind: str, engine: Engine) -> None:
    source = made(kind, engine)
    for _ in range(2):
        with rolled_back(source) as session:
            session.add(User(name="Ann"))
            session.commit()
            # As the code under test does.
            with source() as other:
                assert other.scalar(select(func.count(User.id))) == 2
                other.add(User(name="Bob"))
                other.commit()
            assert session.scalar(select(func.count(User.id))) == 3
        assert names(engine) == ["stays"]
    with source() as session:
        session.add(User(name="Cy"))
        session.commit()
    assert names(engine) == ["stays", "Cy"]


def test_a_rollback_takes_back_only_its_own(engine: Engine) -> None:
    maker = sessionmaker(engine)
    with rolled_back(maker) as session:
        session.add(User(name="Ann"))
        session.commit()
        session.add(User(name="Ann"))
        with pytest.raises(sqlalchemy.exc.IntegrityError):
            session.commit()
        session.rollback()
        assert session.scalars(select(User.name)).all() == ["stays", "Ann"]
        with pytest.raises(LookupError), maker.begin() as other:
            other.add(User(name="Bob"))
            other.flush()
            raise LookupError
        assert session.scalars(select(User.name)).all() == ["stays", "Ann"]
    assert names(engine) == ["stays"]


def test_before_the_first_change(engine: Engine) -> None:
    """With Python's driver, a savepoint is no transaction's before something changed."""
    maker = sessionmaker(engine)
    with rolled_back(maker) as session:
        session.commit()
        session.execute(select(User.name))
        session.commit()
        session.execute(text("create table more (id integer)"))
        session.execute(text("insert into more values (1)"))
        session.commit()
    with engine.connect() as connection, pytest.raises(sqlalchemy.exc.OperationalError):
        connection.execute(text("select * from more"))


def test_an_engine_that_is_said(engine: Engine) -> None:
    maker = sessionmaker()
    with rolled_back(maker, bind=engine) as session:
        session.add(User(name="Ann"))
        session.commit()
    assert names(engine) == ["stays"]
    with pytest.raises(TypeError, match="bound to no engine"):
        rolled_back(maker).__enter__()


def test_several_engines(engine: Engine, tmp_path: Path) -> None:
    other = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    Base.metadata.create_all(other)
    maker = sessionmaker(engine, binds={User: other})
    with rolled_back(maker) as session:
        session.add(User(name="Ann"))
        session.commit()
        assert session.scalar(text("select count(*) from user")) == 1
        assert session.scalar(select(func.count(User.id))) == 1
    assert names(engine) == ["stays"] and names(other) == []
    other.dispose()


@pytest.mark.parametrize("source", [42, "sqlite://", Session, None])
def test_something_else(source: Any) -> None:
    with pytest.raises(TypeError, match=r"not through|bound to no engine"):
        rolled_back(source).__enter__()


def test_a_session_that_fails_leaves_all_as_it_was(engine: Engine) -> None:
    maker = sessionmaker(engine)
    before = dict(maker.kw)
    with pytest.raises(LookupError), rolled_back(maker) as session:
        session.add(User(name="Ann"))
        session.commit()
        raise LookupError
    assert maker.kw == before
    assert names(engine) == ["stays"]


def test_beside_an_application(engine: Engine) -> None:
    maker = sessionmaker(engine)
    app = Erlen(__name__)

    @app.post("/users/<name>")
    def add(name: str) -> str:
        with maker.begin() as session:
            session.add(User(name=name))
        return name

    with rolled_back(maker) as session:
        app.test_client().post("/users/Ann")
        assert session.scalars(select(User.name)).all() == ["stays", "Ann"]
    assert names(engine) == ["stays"]


FLASK_SQLALCHEMY = """
from erlen import install_as_flask

install_as_flask()

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text
from erlen.testing import rolled_back
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class User(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Note(db.Model):
    __bind_key__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)


app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///FOLDER/users.db"
app.config["SQLALCHEMY_BINDS"] = {"notes": "sqlite:///FOLDER/notes.db"}
db.init_app(app)


@app.post("/users/<name>")
def add(name):
    db.session.add(User(name=name))
    db.session.add(Note())
    db.session.commit()
    return str(db.session.query(User).count())


def stored():
    with app.app_context():
        with db.engines[None].connect() as users, db.engines["notes"].connect() as notes:
            return [
                users.scalar(text("select count(*) from user")),
                notes.scalar(text("select count(*) from note")),
            ]


with app.app_context():
    db.create_all()
    engines = dict(db.engines)

for _ in range(2):
    with rolled_back(db, app=app) as session:
        session.add(User(name="Ann"))
        session.commit()
        assert app.test_client().post("/users/Bob").text == "2"
        assert [user.name for user in session.query(User)] == ["Ann", "Bob"]
        assert session.query(Note).count() == 1
        assert app.test_client().post("/users/Cy").text == "3"
    assert stored() == [0, 0], stored()
    with app.app_context():
        # A context of the test's own, as some fixtures push it.
        db.session.execute(text("select 1"))
        with rolled_back(db) as session:
            db.session.add(User(name="Dan"))
            db.session.commit()
            assert session.query(User).count() == 1
        assert db.session.query(User).count() == 0

with app.app_context():
    assert db.engines == engines
assert app.test_client().post("/users/Bob").text == "1"
assert stored() == [1, 1]
print("well")
"""


def test_flask_sqlalchemy(tmp_path: Path) -> None:
    pytest.importorskip("flask_sqlalchemy")
    code = FLASK_SQLALCHEMY.replace("FOLDER", tmp_path.as_posix())
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == "well\n", done.stderr
