"""One session of SQLAlchemy for each request that asks for it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import String, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from erlen import Erlen, Response, current_app, g

#: The largest number of a row, so that no larger one is asked for.
MAX_ID = 2**31 - 1


class Base(DeclarativeBase):
    """What all models have."""


class Book(Base):
    """One book; ``version`` counts its changes."""

    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200), index=True)
    author: Mapped[str] = mapped_column(String(100), index=True)
    year: Mapped[int]
    isbn: Mapped[str] = mapped_column(String(13), unique=True)
    version: Mapped[int] = mapped_column()

    # SQLAlchemy compares it with each change: of two at once, the later one fails.
    __mapper_args__ = {"version_id_col": version}


def init_app(app: Erlen) -> None:
    url = make_url(app.config["DATABASE_URL"] or f"sqlite:///{app.instance_path}/shelf.sqlite")
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    # Connections are tried before they are used: the database may have been restarted.
    engine = app.extensions["engine"] = create_engine(url, pool_pre_ping=True)
    app.after_request(commit)
    app.teardown_request(close)

    @app.cli.command("init-db")
    def init_db() -> None:
        """Make the tables that are missing."""
        Base.metadata.create_all(engine)

    if not app.config["DATABASE_URL"]:
        Path(app.instance_path).mkdir(mode=0o700, parents=True, exist_ok=True)
        app.before_serving(lambda: Base.metadata.create_all(engine))


def db() -> Session:
    """The session of this request."""
    if "db" not in g:
        g.db = Session(current_app.extensions["engine"])
    session: Session = g.db
    return session


def commit(response: Response) -> Response:
    # Before anything is sent: who reads 200 can rely on it.
    if "db" in g and response.status_code < 400:
        g.db.commit()
    return response


def close(error: BaseException | None) -> None:
    # What is not committed is rolled back.
    if (session := g.pop("db", None)) is not None:
        session.close()
