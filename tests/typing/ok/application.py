"""An application as a user types it: every form of view, hook and handler."""

from __future__ import annotations

import typing as t
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus

from werkzeug.exceptions import HTTPException, NotFound

from erlen import (
    Blueprint,
    Config,
    Erlen,
    Request,
    Response,
    abort,
    after_this_request,
    current_app,
    flash,
    g,
    get_flashed_messages,
    has_app_context,
    jsonify,
    make_response,
    redirect,
    render_template,
    render_template_string,
    request,
    send_file,
    session,
    stream_template,
    stream_with_context,
    url_for,
)
from erlen.typing import ResponseReturnValue
from erlen.views import MethodView, View

app = Erlen(__name__, static_folder=None, template_folder="pages")
bp = Blueprint("bp", __name__, url_prefix="/bp")


@app.route("/str")
def give_str() -> str:
    return render_template("page.html", name="x")


@app.get("/bytes")
def give_bytes() -> bytes:
    return b"x"


@app.get("/dict")
def give_dict() -> dict[str, t.Any]:
    return {"a": 1}


class Note(t.TypedDict):
    title: str


@app.get("/typed-dict")
def give_typed_dict() -> Note:
    return {"title": "x"}


@app.get("/list")
def give_list() -> list[Note]:
    return [{"title": "x"}]


@app.get("/pair")
def give_pair() -> tuple[str, int]:
    return "x", 201


@app.get("/status")
def give_status() -> tuple[str, HTTPStatus]:
    return "x", HTTPStatus.CREATED


@app.get("/headers")
def give_headers() -> tuple[str, dict[str, str]]:
    return "x", {"X-A": "b"}


@app.get("/triple")
def give_triple() -> tuple[str, int, list[tuple[str, str]]]:
    return "x", 200, [("X-A", "b")]


@app.get("/generator")
def give_generator() -> Iterator[str]:
    yield "x"


@app.get("/response")
def give_response() -> Response:
    return make_response("x")


@app.get("/json")
def give_json() -> Response:
    return jsonify(a=1)


@app.get("/redirect")
def give_redirect() -> ResponseReturnValue:
    return redirect(url_for("give_str", _external=True), code=303)


@app.get("/stream")
def give_stream() -> Iterator[str]:
    return stream_template("page.html")


@app.get("/template")
def give_template() -> str:
    return render_template_string("{{ a }}", a=1)


@app.get("/context")
def give_context() -> Response:
    def generate() -> t.Generator[str]:
        yield request.path

    return Response(stream_with_context(generate()))


@app.get("/file")
def give_file() -> Response:
    return send_file("notes.txt", as_attachment=True, max_age=60)


@app.get("/async")
async def give_async() -> str:
    return "x"


@app.get("/exception")
def give_exception() -> t.NoReturn:
    abort(404)


@app.route("/items/<int:number>", methods=["GET", "POST"], defaults={"page": 1})
def give_item(number: int, page: int) -> ResponseReturnValue:
    return str(number + page)


@app.before_request
def before() -> ResponseReturnValue | None:
    g.user = session.get("user")
    flash("hello", "info")
    return None


@app.after_request
def after(response: Response) -> Response:
    response.headers["X-A"] = "b"
    return response


@app.after_request
async def after_async(response: Response) -> Response:
    return response


@bp.after_app_request
def after_all(response: t.Any) -> t.Any:
    return response


@app.teardown_appcontext
def close(error: BaseException | None) -> None:
    g.pop("db", None)


@app.shell_context_processor
def shell() -> dict[str, t.Any]:
    return {"bp": bp}


@bp.app_context_processor
async def more_async() -> dict[str, t.Any]:
    return {}


@bp.app_template_filter("half")
def half(value: int) -> float:
    return value / 2


@app.endpoint("named")
def named() -> str:
    return "x"


# A decorator gives back what it was given.
text: str = give_str()
halved: float = half(2)


@app.teardown_request
def teardown(error: BaseException | None) -> None:
    assert error is None


@app.errorhandler(404)
def on_404(error: NotFound) -> tuple[str, int]:
    return str(error.description), 404


@app.errorhandler(HTTPException)
def on_http(error: HTTPException) -> ResponseReturnValue:
    return str(error.code), error.code or 500


@bp.app_errorhandler(500)
def on_500(error: Exception) -> str:
    return str(error)


@app.errorhandler(ZeroDivisionError)
async def on_zero(error: ZeroDivisionError) -> str:
    return str(error)


@app.context_processor
def more_names() -> dict[str, t.Any]:
    return {"now": 1}


@app.template_filter("double")
def double(value: int) -> int:
    return value * 2


@app.template_test()
def even(value: int) -> bool:
    return value % 2 == 0


@app.template_global()
def zero() -> int:
    return 0


@app.url_value_preprocessor
def pull(endpoint: str | None, values: dict[str, t.Any] | None) -> None:
    if values is not None:
        g.lang = values.pop("lang", None)


@app.url_defaults
def push(endpoint: str, values: dict[str, t.Any]) -> None:
    values.setdefault("lang", "en")


@app.cli.command("init")
def init() -> None:
    print(current_app.name)


@bp.route("/")
def index() -> str:
    @after_this_request
    def mark(response: Response) -> Response:
        return response

    return ", ".join(str(message) for message in get_flashed_messages())


@bp.before_app_request
def before_all() -> None:
    assert has_app_context()


class Page(View):
    methods: t.ClassVar[t.Collection[str] | None] = ["GET"]

    def __init__(self, title: str) -> None:
        self.title = title

    def dispatch_request(self) -> ResponseReturnValue:
        return self.title


class Named(View):
    def dispatch_request(self, name: str) -> str:
        return name


class Items(MethodView):
    def get(self, number: int) -> str:
        return str(number)

    async def post(self) -> str:
        return "made"


app.add_url_rule("/page", view_func=Page.as_view("page", title="x"))
app.add_url_rule("/class/<int:number>", view_func=Items.as_view("items"))
app.register_blueprint(bp, url_prefix="/other")

config: Config = app.config
config.from_object("settings")
config.from_mapping(A=1)
config.from_prefixed_env("NOTES")


def use_request() -> None:
    method: str = request.method
    page: int | None = request.args.get("page", type=int)
    many: list[str] = request.args.getlist("tag")
    name: str = request.form["name"]
    body: bytes = request.get_data()
    agent: str = request.user_agent.string
    endpoint: str | None = request.endpoint
    upload = request.files["file"]
    upload.save("somewhere")
    real: Request = request._get_current_object()  # type: ignore[attr-defined]
    print(method, page, many, name, body, agent, endpoint, real)


def use_client() -> None:
    client = app.test_client()
    response = client.post("/x", json={"a": 1}, follow_redirects=True)
    code: int = response.status_code
    with client, client.session_transaction() as inside:
        inside["user"] = 1
    with app.test_request_context("/x", method="POST"), app.app_context():
        print(code, request.path)
    runner = app.test_cli_runner()
    print(runner.invoke(args=["init"]).output)


async def lines() -> AsyncIterator[str]:
    yield "x"


class NotesApp(Erlen):
    limit: int = 3

    def make_response(self, rv: ResponseReturnValue) -> Response:
        return super().make_response(rv)


own_app = t.cast(NotesApp, current_app)


def use_subclass() -> int:
    return own_app.limit
