"""The same application on each framework.

Kinds: base, session, hooks, routes:N, extended:NAMES.
"""

from __future__ import annotations

import importlib
from typing import Any

from extended import extend
from workloads import (
    CHUNKS,
    HOOKS,
    ROWS,
    SECRET,
    TEMPLATES,
    Conflict,
    route_table,
    static_folder,
)


class NotThere(Exception):
    """The framework has nothing of the kind."""


def build(framework: str, kind: str) -> Any:
    """A WSGI callable; raises NotThere, or ImportError if the framework isn't installed."""
    name, _, more = kind.partition(":")
    return BUILDERS[framework](name, int(more) if more.isdecimal() else more)


def drain(file: Any) -> int:
    size = 0
    while data := file.read(65536):
        size += len(data)
    return size


def valid(person: Any) -> bool:
    """The checks of the validate workload, by hand."""
    if not isinstance(person, dict) or not isinstance(person.get("address"), dict):
        return False
    name, age, tags, address = (person.get(k) for k in ("name", "age", "tags", "address"))
    return (
        isinstance(name, str)
        and 1 <= len(name) <= 50
        and type(age) is int
        and 0 <= age <= 150
        and isinstance(tags, list)
        and all(isinstance(tag, str) for tag in tags)
        and isinstance(address.get("city"), str)
        and isinstance(address.get("zip"), str)
    )


def rule_view(rule: list[str]) -> Any:
    """A view with the parameters of a rule."""
    names = [part.strip("<>") for part in rule if part.startswith("<")]
    return eval(f"lambda {', '.join(names)}: 'ok'")


# -- an empty application, and one by hand -----------------------------------------------


def null(kind: str, number: int) -> Any:
    """What the driver costs."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return []

    return app


def bare(kind: str, number: int) -> Any:
    """The protocol by hand, with as little as can be."""
    import msgspec.json

    if kind != "base":
        raise NotThere("not by hand")
    html = ("Content-Type", "text/html; charset=utf-8")
    asjson = ("Content-Type", "application/json")

    def app(environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path == "/":
            start_response("200 OK", [html, ("Content-Length", "13")])
            return [b"Hello, world!"]
        if path == "/echo":
            data = msgspec.json.decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            body = msgspec.json.encode(data)
            start_response("200 OK", [asjson, ("Content-Length", str(len(body)))])
            return [body]
        if path.startswith("/users/"):
            _, _, user, _, slug = path.split("/")
            page = int(environ["QUERY_STRING"].removeprefix("page="))
            body = msgspec.json.encode({"user": int(user), "slug": slug, "page": page})
            start_response("200 OK", [asjson, ("Content-Length", str(len(body)))])
            return [body]
        start_response("404 NOT FOUND", [html, ("Content-Length", "9")])
        return [b"not found"]

    return app


# -- Flask and Erlen: one source -----------------------------------------------------------


def flasklike(package: str, factory: str) -> Any:
    def make(kind: str, number: int) -> Any:
        api = importlib.import_module(package)
        options = {"static_folder": static_folder(), "static_url_path": "/static"}
        app = getattr(api, factory)("bench", template_folder=TEMPLATES, **options)
        {
            "base": base,
            "session": session,
            "hooks": hooks,
            "routes": routes,
            "extended": lambda api, app, names: extend(app, names),
        }[kind](api, app, number)
        return app

    return make


def alias(kind: str, number: Any) -> Any:
    """Erlen under Flask's name, as extensions want it."""
    import erlen

    erlen.install_as_flask()
    return flasklike("flask", "Flask")(kind, number)


def base(api: Any, app: Any, number: int) -> None:
    request = api.request

    @app.get("/")
    def hello() -> Any:
        return "Hello, world!"

    @app.get("/users/<int:user>/posts/<slug>")
    def post(user: int, slug: str) -> Any:
        return {"user": user, "slug": slug, "page": request.args.get("page", type=int)}

    @app.post("/echo")
    def echo() -> Any:
        return api.jsonify(request.get_json())

    @app.post("/validate")
    def validate() -> Any:
        person = request.get_json()
        return {"ok": person["name"]} if valid(person) else ({"errors": True}, 422)

    @app.get("/template")
    def template() -> Any:
        return api.render_template("page.html", title="Rows", rows=ROWS)

    @app.post("/form")
    def form() -> Any:
        values = request.form
        tags = values.getlist("tags")
        return {"name": values["name"], "age": values.get("age", type=int), "tags": tags}

    @app.post("/upload")
    def upload() -> Any:
        return {"size": drain(request.files["file"]), "note": request.form["note"]}

    @app.get("/stream")
    def stream() -> Any:
        return app.response_class(chunk for chunk in CHUNKS)

    @app.get("/go")
    def go() -> Any:
        return api.redirect(api.url_for("post", user=7, slug="first"))

    @app.get("/error")
    def error() -> Any:
        raise Conflict

    @app.errorhandler(Conflict)
    def on_conflict(error: Any) -> Any:
        return {"error": "conflict"}, 409


def session(api: Any, app: Any, number: int) -> None:
    app.secret_key = SECRET

    @app.get("/session")
    def count() -> Any:
        api.session["n"] = api.session.get("n", 0) + 1
        return str(api.session["n"])


def hooks(api: Any, app: Any, number: int) -> None:
    def before() -> None:
        api.g.n = api.g.get("n", 0) + 1

    def after(name: str) -> Any:
        def add(response: Any) -> Any:
            response.headers[name] = "1"
            return response

        return add

    for i in range(HOOKS):
        app.before_request_funcs.setdefault(None, []).append(before)
        app.after_request(after(f"X-After-{i}"))
    app.get("/hooks")(lambda: str(api.g.n))


def routes(api: Any, app: Any, number: int) -> None:
    for i, rule in enumerate(route_table(number)):
        pattern = "/".join(f"<int:{part[1:]}" if part[0] == "<" else part for part in rule)
        app.add_url_rule(f"/{pattern}", f"r{i}", rule_view(rule))


# -- Bottle ----------------------------------------------------------------------------------


def bottle(kind: str, number: int) -> Any:
    import bottle

    app, request, response = bottle.Bottle(), bottle.request, bottle.response
    if kind == "routes":
        for rule in route_table(number):
            pattern = "/".join(f"{part[:-1]}:int>" if part[0] == "<" else part for part in rule)
            app.get(f"/{pattern}", callback=rule_view(rule))
    elif kind == "session":

        @app.get("/session")
        def count() -> Any:
            data = request.get_cookie("session", secret=SECRET) or {}
            data["n"] = data.get("n", 0) + 1
            response.set_cookie("session", data, secret=SECRET, httponly=True, path="/")
            return str(data["n"])

    elif kind == "hooks":

        def before() -> None:
            request.environ["bench.n"] = request.environ.get("bench.n", 0) + 1

        def after(name: str) -> Any:
            return lambda: response.set_header(name, "1")

        for i in range(HOOKS):
            app.add_hook("before_request", before)
            app.add_hook("after_request", after(f"X-After-{i}"))
        app.get("/hooks", callback=lambda: str(request.environ["bench.n"]))
    else:
        bottle_base(app, bottle)
    return app


def bottle_base(app: Any, bottle: Any) -> None:
    request = bottle.request
    # The template cache goes by the identity of these.
    lookup, settings = [TEMPLATES], {"autoescape": True}
    app.get("/", callback=lambda: "Hello, world!")
    app.post("/echo", callback=lambda: request.json)
    app.get("/stream", callback=lambda: (chunk for chunk in CHUNKS))

    @app.get("/users/<user:int>/posts/<slug>", name="post")
    def post(user: int, slug: str) -> Any:
        return {"user": user, "slug": slug, "page": request.query.get("page", type=int)}

    @app.post("/validate")
    def validate() -> Any:
        person = request.json
        return {"ok": person["name"]} if valid(person) else bottle.HTTPResponse({}, 422)

    @app.get("/template")
    def template() -> Any:
        more = {"template_lookup": lookup, "template_settings": settings}
        return bottle.jinja2_template("page.html", title="Rows", rows=ROWS, **more)

    @app.post("/form")
    def form() -> Any:
        values = request.forms
        tags = values.getall("tags")
        return {"name": values["name"], "age": values.get("age", type=int), "tags": tags}

    @app.post("/upload")
    def upload() -> Any:
        return {"size": drain(request.files["file"].file), "note": request.forms["note"]}

    @app.get("/static/<path:path>")
    def static(path: str) -> Any:
        return bottle.static_file(path, root=static_folder())

    @app.get("/go")
    def go() -> Any:
        bottle.redirect(app.get_url("post", user=7, slug="first"), 302)

    @app.get("/error")
    def error() -> Any:
        # Bottle has no handlers for exceptions other than its own.
        try:
            raise Conflict
        except Conflict:
            return bottle.HTTPResponse({"error": "conflict"}, 409)


# -- Falcon -----------------------------------------------------------------------------------


def falcon(kind: str, number: int) -> Any:
    import falcon

    if kind == "session":
        raise NotThere("no sessions")
    if kind == "hooks":
        return falcon_hooks(falcon)
    app = falcon.App()
    if kind == "routes":
        for rule in route_table(number):
            pattern = "/".join(f"{{{p[1:-1]}:int}}" if p[0] == "<" else p for p in rule)
            app.add_route(f"/{pattern}", resource(get=html("ok")))
    else:
        falcon_base(app, falcon)
    return app


def resource(get: Any = None, post: Any = None) -> Any:
    """A Falcon resource made of functions."""
    members = {"on_get": get, "on_post": post}
    return type("R", (), {k: staticmethod(v) for k, v in members.items() if v})()


def html(body: str) -> Any:
    def respond(req: Any, resp: Any, **params: Any) -> None:
        resp.content_type = "text/html; charset=utf-8"
        resp.text = body

    return respond


def falcon_hooks(falcon: Any) -> Any:
    class Step:
        def __init__(self, name: str) -> None:
            self.name = name

        def process_request(self, req: Any, resp: Any) -> None:
            req.context["n"] = req.context.get("n", 0) + 1

        def process_response(self, req: Any, resp: Any, resource: Any, ok: bool) -> None:
            resp.set_header(self.name, "1")

    app = falcon.App(middleware=[Step(f"X-After-{i}") for i in range(HOOKS)])
    app.add_route("/hooks", resource(get=lambda req, resp: html(str(req.context["n"]))(req, resp)))
    return app


def falcon_base(app: Any, falcon: Any) -> None:
    import jinja2
    import msgspec
    import msgspec.json

    handler = falcon.media.JSONHandler(dumps=msgspec.json.encode, loads=msgspec.json.decode)
    app.req_options.media_handlers["application/json"] = handler
    app.resp_options.media_handlers["application/json"] = handler
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    address = msgspec.defstruct("Address", [("city", str), ("zip", str)])
    fields = [("name", str), ("age", int), ("tags", list[str]), ("address", address)]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Person", fields))

    def post(req: Any, resp: Any, user: int, slug: str) -> None:
        resp.media = {"user": user, "slug": slug, "page": req.get_param_as_int("page")}

    def echo(req: Any, resp: Any) -> None:
        resp.media = req.get_media()

    def validate(req: Any, resp: Any) -> None:
        resp.media = {"ok": decoder.decode(req.bounded_stream.read()).name}

    def template(req: Any, resp: Any) -> None:
        html(pages.get_template("page.html").render(title="Rows", rows=ROWS))(req, resp)

    def form(req: Any, resp: Any) -> None:
        values = req.get_media()
        resp.media = {k: values[k] for k in ("name", "tags")} | {"age": int(values["age"])}

    def upload(req: Any, resp: Any) -> None:
        found: dict[str, Any] = {}
        for part in req.get_media():
            if part.name == "file":
                found["size"] = drain(part.stream)
            else:
                found["note"] = part.get_text()
        resp.media = found

    def stream(req: Any, resp: Any) -> None:
        resp.stream = (chunk for chunk in CHUNKS)

    def error(req: Any, resp: Any) -> None:
        raise Conflict

    def on_conflict(req: Any, resp: Any, error: Any, params: Any) -> None:
        resp.status = 409
        resp.media = {"error": "conflict"}

    app.add_error_handler(Conflict, on_conflict)
    app.add_static_route("/static", static_folder())
    app.add_route("/", resource(get=html("Hello, world!")))
    app.add_route("/users/{user:int}/posts/{slug}", resource(get=post))
    app.add_route("/template", resource(get=template))
    app.add_route("/stream", resource(get=stream))
    app.add_route("/error", resource(get=error))
    for path, view in {"echo": echo, "validate": validate, "form": form, "upload": upload}.items():
        app.add_route(f"/{path}", resource(post=view))


# Workloads that a framework has no means for.
LACKING = {("falcon", "redirect"): "no URL building"}

BUILDERS = {
    "null": null,
    "bare": bare,
    "erlen": flasklike("erlen", "Erlen"),
    "alias": alias,
    "flask": flasklike("flask", "Flask"),
    "bottle": bottle,
    "falcon": falcon,
}
