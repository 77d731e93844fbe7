"""Peewee: a connection per request from its own pool."""

from __future__ import annotations

from peewee import CharField, IntegerField, InterfaceError, Model, OperationalError
from playhouse.db_url import connect
from playhouse.pool import MaxConnectionsExceeded

from bank.gate import URL, between
from erlen import Erlen, request

app = Erlen(__name__)
pooled = URL.replace("postgresql://", "postgresql+pool://")
database = connect(pooled, max_connections=5, timeout=10, prefer_psycopg3=True)


class Account(Model):
    name = CharField(primary_key=True)
    balance = IntegerField()

    class Meta:
        database = database
        table_name = "accounts"


@app.before_request
def open_connection():
    # Not for pages that need no database: they answer also without one.
    if request.endpoint not in ("index", "static"):
        database.connect()


@app.teardown_request
def close_connection(error):
    if not database.is_closed():
        database.close()


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
    with database.atomic():
        change = Account.update(balance=Account.balance - amount)
        change.where(Account.name == source).execute()
        between(request.args.get("how", ""))
        change = Account.update(balance=Account.balance + amount)
        change.where(Account.name == target).execute()
    return {"moved": amount}


@app.post("/twice")
def twice():
    """Two notes of one number, which only the commit refuses."""
    with database.atomic():
        database.execute_sql("INSERT INTO notes VALUES (1), (1)")
    return {"noted": 2}


@app.get("/hold")
def hold():
    """Keep a connection for a moment; gives the number of its server process."""
    return {"pid": database.execute_sql("SELECT pg_backend_pid(), pg_sleep(0.005)").fetchone()[0]}
