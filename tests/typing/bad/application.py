"""Mistakes that a type checker has to find. Never run."""

from __future__ import annotations

from erlen import Blueprint, Erlen, redirect, request, send_file, session, url_for
from erlen.views import MethodView

app = Erlen(__name__)
bp = Blueprint("bp")  # refused
other = Erlen()  # refused


@app.get("/number")  # refused
def give_number() -> int:
    return 1


@app.get("/set")  # refused
def give_set() -> set[str]:
    return {"x"}


@app.after_request  # refused
def after() -> None:
    return None


@app.errorhandler(404)  # refused
def on_error() -> str:
    return "x"


@app.context_processor  # refused
def more_names() -> list[str]:
    return ["x"]


app.route(1)  # refused
app.register_blueprint("bp")  # refused
app.add_url_rule(rule=b"/x")  # refused
app.nothing  # refused
url_for(1)  # refused
redirect(None)  # refused
send_file(1)  # refused
session.nothing()  # refused
request.nothing  # refused
page: int = request.args["page"]  # refused
path: bytes = request.path  # refused
app.test_client().get("/").status_code()  # refused


class Items(MethodView):
    init_every_request = "yes"  # refused
