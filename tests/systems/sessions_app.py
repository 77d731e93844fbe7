"""What the tests of sessions talk to on real servers; the store is in the environment."""

from __future__ import annotations

import os
import typing as t

from erlen import Erlen, session

app = Erlen(__name__)
app.config["SESSION_STORE"] = os.environ["STORE"]


def count(data: dict[str, t.Any]) -> int:
    data["n"] = data.get("n", 0) + 1
    return t.cast(int, data["n"])


@app.get("/")
def idle() -> str:
    return str(os.getpid())


@app.get("/begin")
def begin() -> str:
    session["begun"] = True
    return ""


@app.get("/count")
def counted() -> str:
    return str(session.update_atomic(count))  # type: ignore[attr-defined]


@app.get("/acount")
async def acounted() -> str:
    return str(await session.aupdate_atomic(count))  # type: ignore[attr-defined]


@app.get("/key/<name>")
def key(name: str) -> str:
    session[name] = os.getpid()
    return ""


@app.get("/akey/<name>")
async def akey(name: str) -> str:
    session[name] = os.getpid()
    return ""


@app.get("/get")
def get() -> dict[str, t.Any]:
    return dict(session)
