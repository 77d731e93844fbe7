"""The site whose scaling is measured."""

from __future__ import annotations

import json
import os
import time

from redis import Redis

from erlen import Erlen, render_template

app = Erlen(__name__)
store = Redis(port=int(os.environ["REDIS_PORT"]))
ITEMS = [{"name": f"Item {number}", "price": number} for number in range(20)]


@app.get("/page")
def page() -> str:
    """A page as most are: a session read and written in Redis, and a template with a loop."""
    session = json.loads(store.get("session:1") or "{}")
    session["count"] = session.get("count", 0) + 1
    store.set("session:1", json.dumps(session), ex=3600)
    return render_template("page.html", items=ITEMS)


@app.get("/wait")
def wait() -> str:
    """A page that waits for somebody else: 20 ms of a database, say."""
    time.sleep(0.02)
    return "done"
