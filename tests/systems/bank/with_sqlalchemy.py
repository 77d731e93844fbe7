"""SQLAlchemy 2: a plain session per request."""

from __future__ import annotations

import asyncio

from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bank.gate import ALCHEMY_URL, between
from erlen import Blueprint, Erlen, g, request

app = Erlen(__name__)
engine = create_engine(
    ALCHEMY_URL, pool_size=5, max_overflow=0, pool_timeout=10, pool_pre_ping=True
)


def db() -> Session:
    """The session of this request."""
    if "db" not in g:
        g.db = Session(engine)
    return g.db


@app.after_request
def commit(response):
    if "db" in g and response.status_code < 400:
        g.db.commit()
    return response


@app.teardown_request
def close(error):
    if (session := g.pop("db", None)) is not None:
        session.close()


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "accounts"
    name: Mapped[str] = mapped_column(primary_key=True)
    balance: Mapped[int]


@app.errorhandler(OperationalError)
@app.errorhandler(PoolTimeout)
def no_database(error):
    return {"error": "the database does not answer"}, 503, {"Retry-After": "2"}


@app.get("/")
def index():
    return "open"


@app.get("/balances")
def balances():
    return {account.name: account.balance for account in db().scalars(select(Account))}


@app.post("/move/<source>/<target>/<int:amount>")
def move(source, target, amount):
    db().get_one(Account, source, with_for_update=True).balance -= amount
    db().flush()
    between(request.args.get("how", ""))
    db().get_one(Account, target, with_for_update=True).balance += amount
    return {"moved": amount}


@app.post("/twice")
def twice():
    """Two notes of one number, which only the commit refuses."""
    db().execute(text("INSERT INTO notes VALUES (1), (1)"))
    return {"noted": 2}


@app.get("/hold")
def hold():
    """Keep a connection for a moment; gives the number of its server process."""
    return {"pid": db().execute(select(func.pg_backend_pid(), func.pg_sleep(0.005))).scalar_one()}


mixed = Blueprint("mixed", __name__, url_prefix="/mixed")
mixed.add_url_rule("/hold", view_func=hold)


@mixed.after_request
async def wait(response):
    # A plain view's thread keeps its connection while it waits for the event loop.
    await asyncio.sleep(0.001)
    return response


app.register_blueprint(mixed)
