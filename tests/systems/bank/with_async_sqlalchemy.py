"""SQLAlchemy 2 in coroutine functions: an asynchronous session per request."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bank.gate import ALCHEMY_URL, waits
from erlen import Erlen, g, request

app = Erlen(__name__)
engine = create_async_engine(
    ALCHEMY_URL, pool_size=5, max_overflow=0, pool_timeout=10, pool_pre_ping=True
)


@app.while_serving
async def connections():
    yield
    await engine.dispose()


def db() -> AsyncSession:
    """The session of this request."""
    if "db" not in g:
        g.db = AsyncSession(engine)
    return g.db


@app.after_request
async def commit(response):
    if "db" in g and response.status_code < 400:
        await g.db.commit()
    return response


@app.teardown_request
async def close(error):
    if (session := g.pop("db", None)) is not None:
        await session.close()


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "accounts"
    name: Mapped[str] = mapped_column(primary_key=True)
    balance: Mapped[int]


@app.errorhandler(OperationalError)
@app.errorhandler(PoolTimeout)
async def no_database(error):
    return {"error": "the database does not answer"}, 503, {"Retry-After": "2"}


@app.get("/")
async def index():
    return "open"


@app.get("/balances")
async def balances():
    return {account.name: account.balance for account in await db().scalars(select(Account))}


@app.post("/move/<source>/<target>/<int:amount>")
async def move(source, target, amount):
    (await db().get_one(Account, source, with_for_update=True)).balance -= amount
    await db().flush()
    for pause in waits(request.args.get("how", "")):
        await asyncio.sleep(pause)
    (await db().get_one(Account, target, with_for_update=True)).balance += amount
    return {"moved": amount}


@app.post("/twice")
async def twice():
    """Two notes of one number, which only the commit refuses."""
    await db().execute(text("INSERT INTO notes VALUES (1), (1)"))
    return {"noted": 2}


@app.get("/hold")
async def hold():
    """Keep a connection for a moment; gives the number of its server process."""
    question = select(func.pg_backend_pid(), func.pg_sleep(0.005))
    return {"pid": (await db().execute(question)).scalar_one()}
