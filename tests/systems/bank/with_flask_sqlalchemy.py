"""Flask-SQLAlchemy as it is, with explicit commits."""

# ruff: noqa: E402 - what imports Flask comes after the alias

from __future__ import annotations

import erlen

erlen.install_as_flask()

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bank.gate import ALCHEMY_URL, between
from erlen import Erlen, request


class Base(DeclarativeBase):
    pass


app = Erlen(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = ALCHEMY_URL
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
    "pool_size": 5,
    "max_overflow": 0,
    "pool_timeout": 10,
    "pool_pre_ping": True,
}
db = SQLAlchemy(app, model_class=Base)


class Account(db.Model):
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
    return {account.name: account.balance for account in db.session.scalars(db.select(Account))}


@app.post("/move/<source>/<target>/<int:amount>")
def move(source, target, amount):
    db.session.get_one(Account, source, with_for_update=True).balance -= amount
    db.session.flush()
    between(request.args.get("how", ""))
    db.session.get_one(Account, target, with_for_update=True).balance += amount
    db.session.commit()
    return {"moved": amount}


@app.post("/twice")
def twice():
    """Two notes of one number, which only the commit refuses."""
    db.session.execute(text("INSERT INTO notes VALUES (1), (1)"))
    db.session.commit()
    return {"noted": 2}


@app.get("/hold")
def hold():
    """Keep a connection for a moment; gives the number of its server process."""
    question = db.select(func.pg_backend_pid(), func.pg_sleep(0.005))
    return {"pid": db.session.execute(question).scalar_one()}
