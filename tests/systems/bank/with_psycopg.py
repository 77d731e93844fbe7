"""psycopg 3: a pool per worker, a connection and a transaction per request."""

from __future__ import annotations

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from bank.gate import URL, between
from erlen import Erlen, g, request

app = Erlen(__name__)
pool = ConnectionPool(
    URL, min_size=1, max_size=5, timeout=2, check=ConnectionPool.check_connection, open=False
)


@app.while_serving
def connections():
    pool.open()
    yield
    pool.close()


def db() -> psycopg.Connection:
    """The connection of this request, in a transaction."""
    if "db" not in g:
        g.db = pool.getconn()
    return g.db


@app.after_request
def commit(response):
    # Before anything is sent: a client that reads 200 can rely on it.
    if "db" in g and response.status_code < 400:
        g.db.commit()
    return response


@app.teardown_request
def give_back(error):
    # What is not committed is rolled back.
    if (connection := g.pop("db", None)) is not None:
        pool.putconn(connection)


@app.errorhandler(psycopg.OperationalError)
@app.errorhandler(PoolTimeout)
def no_database(error):
    return {"error": "the database does not answer"}, 503, {"Retry-After": "2"}


@app.get("/")
def index():
    return "open"


@app.get("/balances")
def balances():
    return dict(db().execute("SELECT name, balance FROM accounts").fetchall())


@app.post("/move/<source>/<target>/<int:amount>")
def move(source, target, amount):
    sql = "UPDATE accounts SET balance = balance + %s WHERE name = %s"
    db().execute(sql, (-amount, source))
    between(request.args.get("how", ""))
    db().execute(sql, (amount, target))
    return {"moved": amount}


@app.post("/twice")
def twice():
    """Two notes of one number, which only the commit refuses."""
    db().execute("INSERT INTO notes VALUES (1)")
    db().execute("INSERT INTO notes VALUES (1)")
    return {"noted": 2}


@app.get("/hold")
def hold():
    """Keep a connection for a moment; gives the number of its server process."""
    return {"pid": db().execute("SELECT pg_backend_pid(), pg_sleep(0.005)").fetchone()[0]}
