"""The database: its address, its sessions, its migrations."""

from __future__ import annotations

from pathlib import Path

from flask_migrate import Migrate, upgrade
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase

from erlen import Erlen

#: The largest number of a row, so that no larger one is asked for.
MAX_ID = 2**31 - 1


class Base(DeclarativeBase):
    """What all models have."""


db = SQLAlchemy(model_class=Base)
# SQLite cannot change a table in place; in batches, a migration makes a new one there.
migrate = Migrate(db=db, directory=str(Path(__file__).parent / "migrations"), render_as_batch=True)


def init_app(app: Erlen) -> None:
    embedded = not app.config["DATABASE_URL"]
    if embedded:
        folder = Path(app.instance_path)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = make_url(f"sqlite:///{folder / 'blog.sqlite'}")
    else:
        url = make_url(app.config["DATABASE_URL"])
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    # Connections are tried before they are used: the database may have been restarted.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
    db.init_app(app)
    migrate.init_app(app)
    if url.get_backend_name() == "sqlite":
        with app.app_context():
            event.listen(db.engine, "connect", _check_foreign_keys)
    if embedded:
        # Nobody has to prepare anything. A real database is upgraded when it is time to.
        app.before_serving(upgrade)


def _check_foreign_keys(connection: object, record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")  # type: ignore[attr-defined]
