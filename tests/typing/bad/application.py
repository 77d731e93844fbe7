"""Mistakes that a type checker has to find. Never run."""

from __future__ import annotations

from erlen import Blueprint, Erlen, current_app, make_response, redirect, request, send_file, session, url_for
from erlen.views import MethodView

app = Erlen(__name__)
bp = Blueprint("bp")  # refused
other = Erlen()  # refused
good = Blueprint("good", __name__)


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


@app.before_request  # refused
def before(name: str) -> None:
    return None


@app.before_request  # refused
def before_number() -> int:
    return 1


@app.teardown_request  # refused
def teardown() -> None:
    return None


@app.teardown_appcontext  # refused
def close(error: str) -> None:
    return None


@app.url_defaults  # refused
def push(values: dict[str, str]) -> None:
    return None


@app.url_value_preprocessor  # refused
def pull(endpoint: int, values: None) -> None:
    return None


@app.template_test()  # refused
def even(value: int) -> str:
    return "yes"


@app.shell_context_processor  # refused
def shell() -> str:
    return "x"


@app.endpoint("x")  # refused
def named() -> int:
    return 1


@good.before_app_request  # refused
def before_all() -> int:
    return 1


@good.app_errorhandler(404)  # refused
def on_all() -> str:
    return "x"


@good.route("/number")  # refused
async def give_number_later() -> int:
    return 1


app.route(1)  # refused
app.register_blueprint("bp")  # refused
app.add_url_rule(rule=b"/x")  # refused
app.nothing  # refused
current_app.limit  # refused
number: int = make_response("x")  # refused
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
