"""What a program may put in the place of Flask's own: one entry for each documented point.

Each entry changes an application, on Flask or on Erlen alike, and logs when it is asked.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from werkzeug.exceptions import Aborter
from werkzeug.routing import Map, Rule

from sidebyside import Call, call

#: Reach everything that the points below are part of.
CALLS = [
    call("/"),
    call("/dict"),
    call("/json", "POST", json={"a": 1}),
    call("/form", "POST", data={"name": "Ada"}),
    call("/fails"),
    call("/abort"),
    call("/session"),
    call("/template"),
    call("/url"),
    call("/away"),
    call("/made"),
    call("/file"),
    call("/static/overriding.py"),
    call("/nowhere"),
    call("/", "OPTIONS"),
    call("/", "POST"),
]


class Trouble(Exception):
    pass


def site(fw: t.Any, cls: t.Any, prepare: t.Callable[[t.Any], None] | None = None) -> t.Any:
    """An application that uses a bit of everything."""
    app = cls("site", static_folder=__file__.rpartition("/")[0], static_url_path="/static")
    app.secret_key = "secret"
    if prepare is not None:
        prepare(app)
    request, session = fw.request, fw.session

    @app.route("/")
    def index() -> str:
        return "index"

    @app.post("/form")
    def form() -> str:
        return f"{request.form.get('name')} {request.path}"

    @app.get("/fails")
    def fails() -> str:
        raise Trouble("fails")

    @app.get("/session")
    def write() -> str:
        session["n"] = 1
        return f"{type(session._get_current_object()).__name__} {session['n']}"

    app.add_url_rule("/dict", "dict", lambda: {"b": 1, "a": [2]})
    app.add_url_rule("/json", "json", lambda: fw.jsonify(request.get_json()), methods=["POST"])
    app.add_url_rule("/abort", "abort", lambda: fw.abort(409))
    app.add_url_rule("/template", "page", lambda: fw.render_template_string("{{ x|e }}", x="<"))
    app.add_url_rule("/url", "url", lambda: f"{fw.url_for('index')} {_unknown(fw)}")
    app.add_url_rule("/away", "away", lambda: fw.redirect("/"))
    app.add_url_rule("/made", "made", lambda: fw.make_response("made", 201))
    app.add_url_rule("/file", "file", lambda: fw.send_file(__file__))
    return app


def _unknown(fw: t.Any) -> str:
    try:
        return str(fw.url_for("unknown"))
    except Exception as error:
        return type(error).__name__


@dataclass
class Point:
    """One thing that may be replaced.

    Attributes:
        name: What it is called, the function that is entered if it is used.
        owner: The class that it belongs to, for the reader.
        make: From the package and a log to a prepared application.
        ask: Asks the application itself, beside the requests.
        calls: The requests.
    """

    name: str
    owner: str
    make: t.Callable[[t.Any, list[t.Any]], t.Any]
    ask: t.Callable[[t.Any, t.Any], t.Any] = lambda fw, app: None
    calls: list[Call] = field(default_factory=lambda: CALLS)

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"


def logging(log: list[t.Any], cls: t.Any, name: str) -> t.Any:
    """A method that notes that it was called, and does what it replaces does."""
    original = getattr(cls, name)

    def override(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        log.append(name)
        return original(self, *args, **kwargs)

    return override


# -- methods of the application ------------------------------------------------------------

#: Those that requests reach.
APP_METHODS = (
    "ensure_sync finalize_request full_dispatch_request handle_exception handle_http_exception"
    " handle_user_exception log_exception make_default_options_response make_response"
    " preprocess_request process_response raise_routing_exception request_context"
    " should_ignore_error trap_http_exception update_template_context dispatch_request"
    " do_teardown_appcontext do_teardown_request create_url_adapter inject_url_defaults"
    " handle_url_build_error url_for redirect get_send_file_max_age send_static_file"
    " select_jinja_autoescape create_jinja_environment create_global_jinja_loader wsgi_app"
).split()

#: Those that only a program calls, and how.
ASKED: dict[str, t.Callable[[t.Any, t.Any], t.Any]] = {
    "app_context": lambda fw, app: type(app.app_context()).__name__ and None,
    "test_request_context": lambda fw, app: app.test_request_context("/form").request.path,
    "iter_blueprints": lambda fw, app: list(app.iter_blueprints()),
    "make_shell_context": lambda fw, app: sorted(app.make_shell_context()),
    "open_resource": lambda fw, app: app.open_resource(__file__).close(),
    "open_instance_resource": lambda fw, app: app.open_instance_resource(__file__).close(),
    "test_client": lambda fw, app: app.test_client().get("/").text,
    "test_cli_runner": lambda fw, app: type(app.test_cli_runner()).__name__,
    "register_blueprint": lambda fw, app: app.register_blueprint(fw.Blueprint("b", "b")),
    "add_url_rule": lambda fw, app: app.add_url_rule("/more", "more", lambda: "more"),
    "async_to_sync": lambda fw, app: app.ensure_sync(_coroutine)(),
}

#: Those that the constructor calls.
CONSTRUCTING = ["make_config", "make_aborter", "auto_find_instance_path"]


async def _coroutine() -> str:
    return "awaited"


def app_method(name: str, where: str) -> Point:
    """A method of the application, replaced on a subclass or on the instance."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        override = logging(log, fw.Flask, name)
        if where == "class":
            app = site(fw, type("App", (fw.Flask,), {name: override}))
        else:
            app = site(fw, fw.Flask, lambda app: setattr(app, name, override.__get__(app)))
        if name == "should_ignore_error":
            # It is about what teardown functions are told.
            app.teardown_request(lambda error: log.append(repr(error)))
        return app

    return Point(name, f"Flask on {where}", make, ASKED.get(name, lambda fw, app: None))


def middleware(fw: t.Any, log: list[t.Any]) -> t.Any:
    """``app.wsgi_app = Middleware(app.wsgi_app)``."""
    app = site(fw, fw.Flask)
    inner = app.wsgi_app

    def around(environ: t.Any, start_response: t.Any) -> t.Any:
        log.append("wsgi_app")

        def started(status: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
            return start_response(status, [*headers, ("X-Around", "1")], exc_info)

        return inner(environ, started)

    app.wsgi_app = around
    return app


# -- classes of the application --------------------------------------------------------------


def noting(log: list[t.Any], base: t.Any, name: str = "__init__", **more: t.Any) -> t.Any:
    """A subclass that notes that it was used."""
    return type(f"My{base.__name__}", (base,), {name: logging(log, base, name), **more})


def _rule_class(fw: t.Any, log: list[t.Any]) -> t.Any:
    base = fw.Flask.url_rule_class
    return noting(log, base if issubclass(base, Rule) else Rule)


APP_CLASSES: dict[str, t.Callable[[t.Any, list[t.Any]], t.Any]] = {
    "request_class": lambda fw, log: noting(log, fw.Request),
    "response_class": lambda fw, log: noting(log, fw.Response, default_mimetype="text/x-mine"),
    "aborter_class": lambda fw, log: noting(log, Aborter, "__call__"),
    "app_ctx_globals_class": lambda fw, log: noting(log, fw.ctx._AppCtxGlobals),
    "config_class": lambda fw, log: noting(log, fw.Config),
    "json_provider_class": lambda fw, log: noting(log, fw.json.provider.DefaultJSONProvider),
    "url_rule_class": _rule_class,
    "url_map_class": lambda fw, log: noting(log, Map),
    "jinja_environment": lambda fw, log: noting(log, fw.templating.Environment),
    "test_client_class": lambda fw, log: noting(log, fw.testing.FlaskClient),
    "test_cli_runner_class": lambda fw, log: noting(log, fw.testing.FlaskCliRunner),
}


def app_class(name: str) -> Point:
    """A class that the application makes something of."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        return site(fw, type("App", (fw.Flask,), {name: APP_CLASSES[name](fw, log)}))

    def ask(fw: t.Any, app: t.Any) -> t.Any:
        with app.app_context():
            fw.g.x = 1
        return app.test_client().get("/").text, type(app.test_cli_runner()).__name__

    return Point(name, "Flask", make, ask)


# -- methods of other classes ------------------------------------------------------------------

REQUEST_METHODS = (
    "get_json get_data on_json_loading_failed make_form_data_parser _load_form_data"
    " _get_file_stream want_form_data_parsed close"
).split()

RESPONSE_METHODS = "get_app_iter get_wsgi_headers get_wsgi_response __call__ set_cookie".split()

SESSION_METHODS = (
    "open_session save_session make_null_session is_null_session get_cookie_name"
    " get_cookie_domain get_cookie_path get_cookie_httponly get_cookie_secure"
    " get_cookie_samesite get_cookie_partitioned get_expiration_time should_set_cookie"
    " get_signing_serializer"
).split()

JSON_METHODS = "dumps loads response".split()


def request_method(name: str) -> Point:
    """A method of the request class."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        body: dict[str, t.Any] = {}
        if name == "want_form_data_parsed":
            body[name] = property(lambda self: log.append(name) or False)
        else:
            body[name] = logging(log, fw.Request, name)
        cls = type("MyRequest", (fw.Request,), body)
        app = site(fw, type("App", (fw.Flask,), {"request_class": cls}))
        app.add_url_rule("/raw", "raw", lambda: fw.request.get_data(), methods=["POST"])
        return app

    more = [call("/json", "POST", data="{", content_type="application/json")]
    more += [call("/raw", "POST", data="raw"), call("/form", "POST", **UPLOAD)]
    return Point(name, "Request", make, calls=[*CALLS, *more])


UPLOAD = {
    "content_type": "multipart/form-data; boundary=b",
    "data": b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nA'
    b"\r\n--b--\r\n",
}


def response_method(name: str) -> Point:
    """A method of the response class."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        cls = type("MyResponse", (fw.Response,), {name: logging(log, fw.Response, name)})
        return site(fw, type("App", (fw.Flask,), {"response_class": cls}))

    return Point(name, "Response", make)


def session_method(name: str, where: str) -> Point:
    """A method of the session interface, replaced on a subclass or on the instance."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        base = fw.sessions.SecureCookieSessionInterface
        override = logging(log, base, name)
        if where == "class":
            interface = type("Interface", (base,), {name: override})()
        else:
            interface = base()
            setattr(interface, name, override.__get__(interface))

        def prepare(app: t.Any) -> None:
            app.session_interface = interface
            app.config["SECRET_KEY"] = None if name == "make_null_session" else "secret"
            app.permanent_session_lifetime = 60
            if app.secret_key:
                app.before_request(lambda: setattr(fw.session, "permanent", True))

        return site(fw, fw.Flask, prepare)

    return Point(name, f"SessionInterface on {where}", make)


def json_method(name: str, where: str) -> Point:
    """A method of the JSON provider, replaced on a subclass or on the instance."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        base = fw.json.provider.DefaultJSONProvider
        override = logging(log, base, name)
        if where == "class":
            cls = type("Provider", (base,), {name: override})
            return site(fw, type("App", (fw.Flask,), {"json_provider_class": cls}))
        return site(fw, fw.Flask, lambda app: setattr(app.json, name, override.__get__(app.json)))

    return Point(name, f"JSONProvider on {where}", make)


BLUEPRINT_METHODS = (
    "register make_setup_state add_url_rule record send_static_file get_send_file_max_age"
    " register_blueprint"
).split()

CLIENT_METHODS = "open session_transaction __enter__ _request_from_builder_args".split()


def blueprint_method(name: str, where: str) -> Point:
    """A method of a blueprint, replaced on a subclass or on the instance."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        override = logging(log, fw.Blueprint, name)
        cls = type("MyBlueprint", (fw.Blueprint,), {name: override} if where == "class" else {})
        files = {"static_folder": __file__.rpartition("/")[0], "static_url_path": "/static"}
        bp = cls("bp", "site", url_prefix="/bp", **files)
        if where == "instance":
            setattr(bp, name, override.__get__(bp))
        bp.route("/")(lambda: f"{fw.request.blueprint} {fw.url_for('.static', filename='a')}")
        bp.register_blueprint(cls("inner", "site", url_prefix="/in"))
        return site(fw, fw.Flask, lambda app: app.register_blueprint(bp))

    more = [call("/bp/"), call("/bp/static/overriding.py"), call("/bp/nowhere")]
    return Point(name, f"Blueprint on {where}", make, calls=[*CALLS, *more])


def client_method(name: str) -> Point:
    """A method of the test client's class."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        base = fw.testing.FlaskClient
        cls = type("MyClient", (base,), {name: logging(log, base, name)})
        return site(fw, type("App", (fw.Flask,), {"test_client_class": cls}))

    def ask(fw: t.Any, app: t.Any) -> t.Any:
        with app.test_client() as client:
            with client.session_transaction() as session:
                session["n"] = 5
            return client.get("/session").text, client.post("/form", data={"name": "Ada"}).text

    return Point(name, "FlaskClient", make, ask)


def setup_state(fw: t.Any, log: list[t.Any]) -> t.Any:
    """A blueprint whose registration is remembered by a class of its own."""
    state = noting(log, fw.blueprints.BlueprintSetupState, "add_url_rule")
    body = {"make_setup_state": lambda self, app, options, first: state(self, app, options, first)}
    bp = type("MyBlueprint", (fw.Blueprint,), body)("bp", "site")
    bp.add_url_rule("/bp", "view", lambda: "view")
    return site(fw, fw.Flask, lambda app: app.register_blueprint(bp))


VIEWS: dict[str, t.Callable[[t.Any, list[t.Any]], t.Any]] = {}


def view(make: t.Callable[[t.Any, list[t.Any]], t.Any]) -> t.Any:
    """Put a maker of views into :data:`VIEWS`."""
    VIEWS[make.__name__] = make
    return make


@view
def async_view(fw: t.Any, log: list[t.Any]) -> t.Any:
    async def answer(**arguments: t.Any) -> str:
        log.append("async_view")
        return f"async {fw.request.path}"

    return answer


@view
def view_class(fw: t.Any, log: list[t.Any]) -> t.Any:
    class Answer(fw.views.View):  # type: ignore[misc]
        def __init__(self, *args: t.Any) -> None:
            log.append(("made", args))

        def dispatch_request(self) -> str:
            log.append("dispatch_request")
            return f"{type(self).__name__} {fw.request.path}"

    return Answer.as_view("answer", 1)


@view
def view_made_once(fw: t.Any, log: list[t.Any]) -> t.Any:
    class Answer(fw.views.View):  # type: ignore[misc]
        init_every_request = False
        methods = ("GET", "POST")

        def dispatch_request(self) -> str:
            log.append(fw.request.method)
            return "once"

    return Answer.as_view("answer")


@view
def decorated_view(fw: t.Any, log: list[t.Any]) -> t.Any:
    def loud(function: t.Any) -> t.Any:
        def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
            log.append("loud")
            return function(*args, **kwargs).upper()

        return call

    class Answer(fw.views.MethodView):  # type: ignore[misc]
        decorators = (loud,)

        def get(self) -> str:
            return "get"

        def post(self) -> str:
            return "post"

    return Answer.as_view("answer")


@view
def async_method_view(fw: t.Any, log: list[t.Any]) -> t.Any:
    class Answer(fw.views.MethodView):  # type: ignore[misc]
        async def get(self) -> dict[str, str]:
            log.append("get")
            return {"method": fw.request.method}

        def post(self) -> str:
            return "post"

    return Answer.as_view("answer")


@view
def overridden_dispatch(fw: t.Any, log: list[t.Any]) -> t.Any:
    class Answer(fw.views.MethodView):  # type: ignore[misc]
        def dispatch_request(self, **arguments: t.Any) -> t.Any:
            log.append("dispatch_request")
            return f"<{super().dispatch_request(**arguments)}>"

        def get(self) -> str:
            return "get"

    return Answer.as_view("answer")


def view_point(name: str) -> Point:
    """A view of another kind than a plain function."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = site(fw, fw.Flask)
        app.add_url_rule("/view", view_func=VIEWS[name](fw, log), endpoint="answer")
        return app

    methods = ("GET", "POST", "HEAD", "OPTIONS", "PUT")
    return Point(name, "views", make, calls=[*CALLS, *(call("/view", m) for m in methods)])


POINTS = [
    *(app_method(name, "class") for name in [*APP_METHODS, *ASKED, *CONSTRUCTING]),
    *(app_method(name, "instance") for name in [*APP_METHODS, *ASKED]),
    Point("around", "middleware", middleware),
    *(blueprint_method(n, where) for n in BLUEPRINT_METHODS for where in ("class", "instance")),
    Point("setup_state", "Blueprint", setup_state),
    *map(client_method, CLIENT_METHODS),
    *map(view_point, VIEWS),
    *map(app_class, APP_CLASSES),
    *map(request_method, REQUEST_METHODS),
    *map(response_method, RESPONSE_METHODS),
    *(session_method(name, where) for name in SESSION_METHODS for where in ("class", "instance")),
    *(json_method(name, where) for name in JSON_METHODS for where in ("class", "instance")),
]
