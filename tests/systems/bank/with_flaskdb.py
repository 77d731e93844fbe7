"""Peewee through its own extension, `FlaskDB`."""

# ruff: noqa: E402 - what imports Flask comes after the alias

from __future__ import annotations

import erlen

erlen.install_as_flask()

from peewee import CharField, IntegerField, InterfaceError, OperationalError
from playhouse.flask_utils import FlaskDB
from playhouse.pool import MaxConnectionsExceeded

from bank.gate import URL, between
from erlen import Erlen, request

app = Erlen(__name__)
app.config["DATABASE"] = {
    "name": URL,
    "engine": "playhouse.pool.PooledPostgresqlDatabase",
    "max_connections": 5,
    "timeout": 10,
    "prefer_psycopg3": True,
}
app.config["FLASKDB_EXCLUDED_ROUTES"] = ("index", "static")
db = FlaskDB(app)


class Account(db.Model):
    name = CharField(primary_key=True)
    balance = IntegerField()

    class Meta:
        table_name = "accounts"


@app.errorhandler(OperationalError)
@app.errorhandler(InterfaceError)
@app.errorhandler(MaxConnectionsExceeded)
def no_database(error):
    return {"error": "the database does not answer"}, 503, {"Retry-After": "2"}


@app.get("/")
def index():
    return "open"


@app.get("/balances")
def balances():
    return {account.name: account.balance for account in Account.select()}


@app.post("/move/<source>/<target>/<int:amount>")
def move(source, target, amount):
    with db.database.atomic():
        change = Account.update(balance=Account.balance - amount)
        change.where(Account.name == source).execute()
        between(request.args.get("how", ""))
        change = Account.update(balance=Account.balance + amount)
        change.where(Account.name == target).execute()
    return {"moved": amount}


@app.post("/twice")
def twice():
    """Two notes of one number, which only the commit refuses."""
    with db.database.atomic():
        db.database.execute_sql("INSERT INTO notes VALUES (1), (1)")
    return {"noted": 2}


@app.get("/hold")
def hold():
    """Keep a connection for a moment; gives the number of its server process."""
    question = "SELECT pg_backend_pid(), pg_sleep(0.005)"
    return {"pid": db.database.execute_sql(question).fetchone()[0]}
