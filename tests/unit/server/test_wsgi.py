"""The driver: the planned way, the general way and Flask give the same answers."""

from __future__ import annotations

import gc
import io
import logging
import typing as t
from collections.abc import Iterator
from wsgiref.validate import validator

import pytest
from werkzeug.exceptions import Gone
from werkzeug.wrappers import Response as WerkzeugResponse

import colours
import erlen
from erlen.plan import _HOSTS_KEPT
from sidebyside import BOTH, Call, call, compare, counted_general, plan, quiet, serve


def bare(fw: t.Any, **options: t.Any) -> t.Any:
    app = fw.Flask("driver", static_folder=None, **options)
    app.secret_key = "secret"
    return app


class Text(str):
    pass


class Table(dict[str, t.Any]):
    pass


def cookie_of(app: t.Any, path: str) -> dict[str, str]:
    """The request headers of a client that has been at ``path`` before."""
    client = app.test_client()
    client.get(path)
    cookie = client.get_cookie("session")
    assert cookie is not None
    return {"Cookie": f"session={cookie.value}"}


def views(fw: t.Any) -> dict[str, t.Callable[[], t.Any]]:
    """Everything that a view may return, and what it may not."""

    def wsgi(environ: t.Any, start_response: t.Any) -> t.Any:
        start_response("201 CREATED", [("X-From", "wsgi"), ("Content-Type", "text/x")])
        return [b"a", b"b"]

    def failing() -> Iterator[str]:
        yield "a"
        raise RuntimeError("half-way")

    return {
        "str": lambda: "grüße",
        "empty": lambda: "",
        "str_subclass": lambda: Text("text"),
        "surrogate": lambda: "\ud800",
        "bytes": lambda: b"\xff\x00",
        "bytearray": lambda: bytearray(b"ab"),
        "dict": lambda: {"b": [1, None, "ü"], "a": {"x": 1.5}},
        "dict_subclass": lambda: Table(a=1),
        "empty_dict": lambda: {},
        "list": lambda: [1, {"a": "b"}],
        "not_json": lambda: {"a": object()},
        "none": lambda: None,
        "number": lambda: 5,
        "set": lambda: {1},
        "generator": lambda: (part for part in ("a", "b", "ü")),
        "bytes_iterator": lambda: iter([b"a", b"b"]),
        "failing": failing,
        "response": lambda: fw.Response("r", 202, {"X-A": "1"}, mimetype="text/plain"),
        "other_response": lambda: WerkzeugResponse("r", 203, {"X-A": "1"}),
        "response_tuple": lambda: (fw.Response("r", 202, {"X-A": "1"}), 201, {"X-A": "2"}),
        "jsonify": lambda: fw.jsonify(a=1),
        "redirect": lambda: fw.redirect("/elsewhere"),
        "wsgi": lambda: wsgi,
        "http_exception": lambda: Gone("away"),
        "status": lambda: ("s", 201),
        "status_line": lambda: ("s", "201 Just Made"),
        "headers": lambda: ("s", {"X-A": "1"}),
        "header_list": lambda: ("s", [("X-A", "1"), ("X-A", "2")]),
        "both": lambda: ("s", 404, {"Content-Type": "text/plain"}),
        "dict_status": lambda: ({"a": 1}, 201),
        "list_headers": lambda: ([1], {"X-A": "1"}),
        "bytes_status": lambda: (b"s", 201),
        "no_content": lambda: ("", 204),
        "not_modified": lambda: ("ignored", 304),
        "bool_status": lambda: ("s", True),
        "none_status": lambda: ("s", None),
        "none_body": lambda: (None, 201),
        "one_tuple": lambda: ("s",),
        "four_tuple": lambda: ("s", 1, 2, 3),
        "nested_tuple": lambda: (("s", 201), 202),
        "stream": lambda: fw.Response(fw.stream_with_context(fw.request.path)),
        "session": lambda: fw.session.update(a=1) or "s",
        "session_dict": lambda: fw.session.update(a=1) or {"a": 1},
        "session_tuple": lambda: fw.session.update(a=1) or ("s", 201),
        "session_response": lambda: fw.session.update(a=1) or fw.Response("s"),
        "session_read": lambda: str(fw.session.get("a")),
        "flash": lambda: fw.flash("m") or "s",
        "g": lambda: setattr(fw.g, "a", 5) or str(fw.g.a),
        "after": lambda: (
            fw.after_this_request(lambda response: response.headers.add("X-After", "1") or response)
            and "s"
        ),
        "abort": lambda: fw.abort(403),
        "abort_text": lambda: fw.abort(418, "short and stout"),
        "abort_response": lambda: fw.abort(fw.Response("r", status=402)),
        "abort_other_response": lambda: fw.abort(WerkzeugResponse("r", status=402)),
        "abort_unknown": lambda: fw.abort(999),
        "key_error": lambda: {}["x"],
        "bad_key": lambda: fw.request.form["x"],
        "too_big": lambda: fw.abort(413),
        "exit": lambda: exec("raise SystemExit(3)"),
        "interrupt": lambda: exec("raise KeyboardInterrupt"),
        "stop": lambda: next(iter(())),
    }


VIEWS = list(views(erlen))


def app_with_view(name: str) -> t.Any:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = bare(fw)
        app.add_url_rule("/", "view", views(fw)[name])
        return app

    return make


@pytest.mark.parametrize("name", VIEWS)
def test_every_kind_of_view(name: str) -> None:
    compare(app_with_view(name), call("/"), call("/", "HEAD"), call("/", "OPTIONS"))


@pytest.mark.parametrize("name", VIEWS)
def test_every_kind_of_view_with_hooks_on_all_levels(name: str) -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app, bp = bare(fw), fw.Blueprint("bp", "bp")
        bp.add_url_rule("/", "view", views(fw)[name])
        for level, owner in (("app", app), ("bp", bp)):

            def before(level: str = level) -> None:
                log.append(("before", level))

            def after(response: t.Any, level: str = level) -> t.Any:
                log.append(("after", level, response.status_code))
                response.headers[f"X-{level}"] = "1"
                return response

            owner.before_request(before)
            owner.after_request(after)
        app.register_blueprint(bp)
        return app

    compare(make, call("/"), call("/", "HEAD"), call("/", "OPTIONS"))


@pytest.mark.parametrize(
    "name", sorted(set(VIEWS) - {"generator", "bytes_iterator", "stream", "failing"})
)
def test_teardown_runs_once_with_the_same_error(name: str) -> None:
    if name == "stop" and colours.native:
        pytest.skip("a coroutine cannot raise StopIteration")

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = bare(fw)
        app.add_url_rule("/", "view", views(fw)[name])
        app.teardown_request(lambda error: log.append(("request", repr(error))))
        app.teardown_appcontext(lambda error: log.append(("app", repr(error))))
        return app

    compare(make, call("/"), call("/", "HEAD"))


@pytest.mark.wsgi
@pytest.mark.parametrize(
    "name", sorted(set(VIEWS) - {"failing", "wsgi", "exit", "interrupt", "bytearray"})
)
def test_both_ways_keep_to_pep_3333(name: str) -> None:
    app = app_with_view(name)(erlen, [])
    quiet(app)
    checked = validator(app)

    def lint(method: str) -> None:
        environ = call("/", method).make_environ()
        environ.update({"wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO()})
        environ.pop("CONTENT_LENGTH", None), environ.pop("CONTENT_TYPE", None)
        body = checked(environ, lambda status, headers, exc_info=None: lambda data: None)
        try:
            b"".join(body)
        finally:
            body.close()

    # The validator knows no body without a type and no text in a 204.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsgiref.validate.check_content_type", lambda *args: None)
        for _ in range(2):
            lint("GET")
            plan(app)
            lint("GET")
            lint("HEAD")


def crossroads(fw: t.Any, log: list[t.Any]) -> t.Any:
    app = bare(fw)
    app.get("/", endpoint="index")(lambda: "index")
    app.add_url_rule("/dir/", "dir", lambda: "dir")
    app.add_url_rule("/many", "many", lambda: fw.request.method, methods=["GET", "POST", "PUT"])
    app.add_url_rule("/post", "post", lambda: "post", methods=["POST"])
    app.add_url_rule("/own", "own", lambda: "own", methods=["OPTIONS", "GET"])
    app.add_url_rule("/no", "no", lambda: "no", provide_automatic_options=False)
    app.add_url_rule("/i/<int:x>", "int", lambda x: f"{x!r}")
    app.add_url_rule("/d/<int:x>", "defaults", lambda x, y: f"{x} {y}", defaults={"y": [1]})
    app.add_url_rule("/old", "old", redirect_to="/dir/")
    app.add_url_rule("/socket", "socket", lambda: "socket", websocket=True)
    return app


UPGRADE = {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade"}


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "FOO"]
)
def test_every_method_on_every_rule(method: str) -> None:
    paths = ["/", "/dir/", "/dir", "/many", "/post", "/own", "/no", "/i/5", "/i/x", "/d/5", "/old"]
    paths += ["/missing", "/socket", "//dir//", "/%C3%A4"]
    compare(crossroads, *(call(path, method) for path in paths), general=None)


def test_a_websocket_handshake_is_no_get() -> None:
    """Also not after the path was served as a plain one."""
    compare(crossroads, "/", call("/", environ=UPGRADE), call("/i/5", environ=UPGRADE), general=2)


def test_default_values_are_not_shared_by_requests() -> None:
    app = crossroads(erlen, [])

    @app.url_value_preprocessor
    def spoil(endpoint: str, values: t.Any) -> None:
        values["y"] = len(values)
        values["x"] = 7

    app.add_url_rule("/s", "s", lambda x, y: f"{x} {y}", defaults={"x": 1, "y": 2})
    plan(app)
    for _ in range(3):
        assert serve(app, "/s").body == b"7 2"
    app.url_value_preprocessors.clear()
    for _ in range(3):
        assert serve(app, "/s").body == b"1 2"


@pytest.mark.wsgi
def test_a_plain_request_takes_the_planned_way_from_the_second_on() -> None:
    app = crossroads(erlen, [])
    with counted_general() as taken:
        serve(app)
        assert taken == ["/"]
        serve(app)
        serve(app, "/i/4")
        serve(app, "/missing")
        assert taken == ["/"]


class TestHosts:
    def test_an_invalid_host_is_never_remembered(self) -> None:
        class Request(erlen.Request):
            trusted_hosts = ["good.example"]

        app = crossroads(erlen, [])
        app.request_class = Request
        quiet(app)
        bad = call("/", environ={"HTTP_HOST": "bad.example"})
        assert [serve(app, bad).status for _ in range(3)] == ["400 BAD REQUEST"] * 3
        assert app._plans.hosts == set()

    def test_the_memory_is_bounded(self) -> None:
        app = crossroads(erlen, [])
        for number in range(_HOSTS_KEPT * 2 + 10):
            serve(app, call("/", environ={"HTTP_HOST": f"h{number}"}))
            assert len(app._plans.hosts) <= _HOSTS_KEPT

    def test_trusted_hosts_are_asked_each_time(self) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = crossroads(fw, log)
            app.config["TRUSTED_HOSTS"] = ["good.example"]
            return app

        good, bad = ({"HTTP_HOST": name} for name in ("good.example", "bad.example"))
        compare(make, call("/", environ=good), call("/", environ=bad), general=2)


@pytest.fixture(params=["general", "planned"])
def way(request: pytest.FixtureRequest) -> t.Callable[[t.Any], t.Any]:
    """Makes an application ready so that its next request goes one way."""
    return plan if request.param == "planned" else lambda app: None


@pytest.mark.wsgi
class TestStreams:
    """The teardown of a stream comes behind its body: a documented difference."""

    def app(self, log: list[t.Any], with_context: bool = False, fails: bool = False) -> t.Any:
        app = bare(erlen)
        quiet(app)
        app.teardown_request(lambda error: log.append(("teardown", repr(error))))
        erlen.appcontext_popped.connect(lambda sender, **k: log.append("popped"), app, weak=False)

        @app.get("/")
        def view() -> t.Any:
            def parts() -> Iterator[str]:
                try:
                    for part in "abc":
                        log.append((part, erlen.has_request_context()))
                        yield part
                        if fails:
                            raise RuntimeError("half-way")
                finally:
                    log.append(("closed", erlen.has_request_context()))

            return erlen.Response(erlen.stream_with_context(parts()) if with_context else parts())

        return app

    @pytest.mark.parametrize("with_context", [False, True])
    def test_used_up(self, way: t.Any, with_context: bool) -> None:
        log: list[t.Any] = []
        app = self.app(log, with_context)
        way(app)
        body = app(Call("/").make_environ(), lambda *args: None)
        assert not erlen.has_app_context()
        for chunk in body:
            assert not erlen.has_app_context()
            log.append(chunk)
        parts = [entry for part in "abc" for entry in ((part, with_context), part.encode())]
        end = [("closed", with_context), ("teardown", "None"), "popped"]
        assert log == [*parts, *end]
        body.close()
        body.close()
        assert log == [*parts, *end]

    @pytest.mark.parametrize("with_context", [False, True])
    def test_closed_early(self, way: t.Any, with_context: bool) -> None:
        log: list[t.Any] = []
        app = self.app(log, with_context)
        way(app)
        body = app(Call("/").make_environ(), lambda *args: None)
        assert next(iter(body)) == b"a"
        assert log == [("a", with_context)]
        body.close()
        assert log[1:] == [("closed", with_context), ("teardown", "None"), "popped"]

    @pytest.mark.parametrize("with_context", [False, True])
    def test_never_begun(self, way: t.Any, with_context: bool) -> None:
        log: list[t.Any] = []
        app = self.app(log, with_context)
        way(app)
        app(Call("/").make_environ(), lambda *args: None).close()
        assert log == [("teardown", "None"), "popped"]

    @pytest.mark.parametrize("with_context", [False, True])
    def test_one_that_raises(self, way: t.Any, with_context: bool) -> None:
        log: list[t.Any] = []
        app = self.app(log, with_context, fails=True)
        way(app)
        answer = serve(app)
        assert answer.error == "RuntimeError: half-way"
        assert log[:2] == [("a", with_context), ("closed", with_context)]
        assert [entry for entry in log if entry == "popped"] == ["popped"]
        assert [entry[0] for entry in log if entry != "popped"].count("teardown") == 1

    @pytest.mark.parametrize("with_context", [False, True])
    def test_head(self, way: t.Any, with_context: bool) -> None:
        log: list[t.Any] = []
        app = self.app(log, with_context)
        way(app)
        answer = serve(app, call("/", "HEAD"))
        gc.collect()
        assert answer.body == b""
        assert log == [("teardown", "None"), "popped"]

    @pytest.mark.parametrize("fw", BOTH)
    def test_close_callbacks_run_once(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = bare(fw)
        app.teardown_request(lambda error: None)

        @app.get("/")
        def view() -> t.Any:
            response = fw.Response(iter("ab"))
            response.call_on_close(lambda: log.append("closed"))
            return response

        for _ in range(3):
            log.clear()
            assert serve(app).body == b"ab"
            assert log == ["closed"]

    def test_a_stream_that_the_view_uses_up_itself(self) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = bare(fw)
            app.teardown_request(lambda error: log.append("teardown"))
            app.teardown_appcontext(lambda error: log.append("app"))

            @app.get("/")
            def view() -> str:
                text = "".join(fw.stream_with_context(part for part in "abc"))
                with app.app_context():
                    text += "".join(fw.stream_with_context(part for part in "abc"))
                log.append(("view", fw.request.path))
                return text

            @app.get("/fails")
            def fails() -> str:
                def parts() -> Iterator[str]:
                    yield "a"
                    raise ValueError

                try:
                    return "".join(fw.stream_with_context(parts()))
                except ValueError:
                    return "caught"

            return app

        # Flask tears the context down that is pushed inside; so does Erlen.
        compare(make, "/", "/fails")

    def test_a_forgotten_stream_lets_its_context_go(self, way: t.Any) -> None:
        log: list[t.Any] = []
        app = bare(erlen)
        app.teardown_request(lambda error: log.append("teardown"))

        @app.get("/")
        def view() -> str:
            erlen.stream_with_context(part for part in "abc")
            return "other"

        way(app)
        assert serve(app).body == b"other"
        assert log == ["teardown"]


class TestTeardownErrors:
    """A teardown that raises costs neither the response nor the others."""

    def app(self, log: list[t.Any], streamed: bool) -> t.Any:
        app = bare(erlen)

        def failing(name: str) -> t.Callable[[t.Any], None]:
            def teardown(error: BaseException | None) -> None:
                log.append(name)
                raise ValueError(name)

            return teardown

        for name in "ab":
            app.teardown_request(failing(f"request {name}"))
            app.teardown_appcontext(failing(f"app {name}"))
        app.get("/")(lambda: erlen.Response(iter("ab")) if streamed else "ab")
        return app

    @pytest.mark.parametrize("streamed", [False, True])
    def test_all_run_and_the_answer_arrives(
        self, way: t.Any, streamed: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        log: list[t.Any] = []
        app = self.app(log, streamed)
        way(app)
        answer = serve(app)
        assert (answer.status, answer.body, answer.error) == ("200 OK", b"ab", "")
        assert log == ["request b", "request a", "app b", "app a"]
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert record.exc_info is not None and str(record.exc_info[1]) == "request b"
        assert not erlen.has_app_context()

    def test_raised_where_exceptions_propagate(self, way: t.Any) -> None:
        log: list[t.Any] = []
        app = self.app(log, False)
        app.testing = True
        way(app)
        assert serve(app).error == "ValueError: request b"
        assert len(log) == 4
        assert not erlen.has_app_context()


@pytest.mark.wsgi
class TestServerTrouble:
    """What goes wrong between the response and the server."""

    @pytest.mark.parametrize("name", ["str", "dict", "session", "response", "generator"])
    def test_a_server_that_refuses_the_headers(self, way: t.Any, name: str) -> None:
        app = app_with_view(name)(erlen, [])
        quiet(app)
        errors: list[t.Any] = []
        app.teardown_request(lambda error: errors.append(repr(error)))
        way(app)
        calls: list[t.Any] = []

        def start_response(status: str, headers: t.Any, exc_info: t.Any = None) -> None:
            calls.append((status, exc_info and exc_info[0]))
            if exc_info is None:
                raise ValueError("no such header")

        body = app(Call("/").make_environ(), start_response)
        assert b"Internal Server Error" in b"".join(body)
        first = "202 ACCEPTED" if name == "response" else "200 OK"
        assert calls == [(first, None), ("500 INTERNAL SERVER ERROR", ValueError)]
        assert errors == ["ValueError('no such header')"]

    def test_a_server_that_refuses_everything(self, way: t.Any) -> None:
        app = app_with_view("str")(erlen, [])
        quiet(app)
        calls: list[str] = []
        way(app)

        def start_response(status: str, headers: t.Any, exc_info: t.Any = None) -> None:
            calls.append(status)
            raise OSError("gone")

        with pytest.raises(OSError, match="gone"):
            app(Call("/").make_environ(), start_response)
        assert calls == ["200 OK", "500 INTERNAL SERVER ERROR"]
        assert not erlen.has_app_context()

    def test_one_failing_error_page_is_enough(self, way: t.Any) -> None:
        app = app_with_view("key_error")(erlen, [])
        quiet(app)
        calls: list[str] = []
        way(app)

        def start_response(status: str, headers: t.Any, exc_info: t.Any = None) -> None:
            calls.append(status)
            raise OSError("gone")

        with pytest.raises(OSError, match="gone"):
            app(Call("/").make_environ(), start_response)
        assert calls == ["500 INTERNAL SERVER ERROR"]


class TestSessions:
    def test_saved_whatever_answers(self) -> None:
        """A before hook may write the session of a request that ends as a 404 or 405."""

        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = crossroads(fw, log)

            @app.before_request
            def write() -> None:
                fw.session["path"] = fw.request.path

            return app

        found = compare(make, "/", "/missing", call("/missing", "HEAD"), "/post", "/i/3", general=1)
        assert all(answer.header("Set-Cookie") for answer in found)

    def test_a_permanent_session_is_refreshed_untouched(self) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = crossroads(fw, log)

            @app.get("/login")
            def login() -> str:
                fw.session.permanent = True
                return "in"

            @app.get("/fails")
            def fails() -> str:
                return str(1 / 0)

            @app.get("/both")
            def both() -> t.Any:
                return fw.Response("x")

            return app

        headers = cookie_of(make(erlen, []), "/login")
        wanted = ["/", "/missing", "/i/3", "/fails", "/both", "/dir"]
        found = compare(make, *(call(path, headers=headers) for path in wanted), general=None)
        for answer in found:
            assert "Expires=then" in (answer.header("Set-Cookie") or ""), answer
            assert answer.header("Vary") == "Cookie"
        plain = {"Cookie": "session=forged"}
        for answer in compare(make, *(call(path, headers=plain) for path in wanted), general=None):
            assert answer.header("Set-Cookie") is None

    def test_a_cleared_session_is_deleted(self) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = crossroads(fw, log)
            app.get("/in", endpoint="in")(lambda: fw.session.update(a=1) or "in")
            app.get("/out", endpoint="out")(lambda: fw.session.clear() or "out")
            return app

        headers = cookie_of(make(erlen, []), "/in")
        (answer,) = compare(make, call("/out", headers=headers))
        assert "Max-Age=0" in (answer.header("Set-Cookie") or "")

    def test_a_null_session(self) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = crossroads(fw, log)
            app.secret_key = None
            app.get("/read", endpoint="read")(lambda: repr(fw.session.get("a")))

            @app.get("/write")
            def write() -> str:
                try:
                    fw.session["a"] = 1
                except RuntimeError as error:
                    return str(error)
                return "written"

            return app

        found = compare(make, "/read", "/write", call("/read", headers={"Cookie": "session=x"}))
        assert b"no secret key" in found[1].body

    @pytest.mark.parametrize("null", [False, True])
    def test_an_interface_of_ones_own_is_asked_at_every_request(self, null: bool) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            class Interface(fw.sessions.SessionInterface):  # type: ignore[misc]
                def open_session(self, app: t.Any, request: t.Any) -> t.Any:
                    log.append(("open", request.path, request.url_rule))
                    return None if null else fw.sessions.SecureCookieSession()

                def save_session(self, app: t.Any, session: t.Any, response: t.Any) -> None:
                    log.append(("save", dict(session), response.status_code))
                    response.headers["X-Saved"] = "1"

            app = crossroads(fw, log)
            app.session_interface = Interface()
            app.before_request(lambda: log.append("before"))
            return app

        compare(make, "/", "/missing", "/post", "/i/3", general=1)

    def test_a_subclass_of_the_stock_interface(self) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            class Interface(fw.sessions.SecureCookieSessionInterface):  # type: ignore[misc]
                def save_session(self, app: t.Any, session: t.Any, response: t.Any) -> None:
                    log.append(("save", session.accessed, session.modified))
                    super().save_session(app, session, response)

            app = crossroads(fw, log)
            app.session_interface = Interface()
            return app

        compare(make, "/", "/missing")


class TestNesting:
    def test_a_request_inside_a_request(self) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = bare(fw)
            app.teardown_request(lambda error: log.append(("teardown", fw.request.path)))
            app.teardown_appcontext(lambda error: log.append("app"))

            @app.get("/inner")
            def inner() -> str:
                fw.session["inner"] = 1
                return f"{fw.request.path} {fw.g.get('x')}"

            @app.get("/")
            def outer() -> str:
                fw.g.x = "shared"
                answer = serve(app, "/inner")
                return f"{fw.request.path} {answer.body!r} {'inner' in fw.session}"

            return app

        compare(make, "/", general=None)

    @pytest.mark.parametrize("same", [False, True])
    def test_a_request_inside_an_application_context(self, same: bool) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app, other = bare(fw), fw.Flask("other", static_folder=None)
            app.teardown_appcontext(lambda error: log.append("app"))

            @app.get("/")
            def view() -> str:
                log.append(("g", fw.g.get("x"), fw.current_app.name))
                fw.g.y = 1
                return "v"

            def nested(environ: t.Any, start_response: t.Any) -> t.Any:
                with (app if same else other).app_context():
                    fw.g.x = 1
                    body = app(environ, start_response)
                    log.append(("after", fw.g.get("y")))
                return body

            nested.name = app.name  # type: ignore[attr-defined]
            nested._current_plans = lambda: app._current_plans()  # type: ignore[attr-defined]
            return nested

        compare(make, "/", general=None)

    def test_a_preserved_context(self) -> None:
        """As Werkzeug's debugger asks for it: the context is handed over, not torn down."""
        log: list[t.Any] = []
        app = bare(erlen)
        app.teardown_request(lambda error: log.append("teardown"))
        app.get("/")(lambda: "v")
        kept: list[t.Any] = []
        environ = Call("/").make_environ() | {"werkzeug.debug.preserve_context": kept.append}
        plan(app)
        app(environ, lambda *args: None)
        assert log == ["teardown"]
        with kept[0]:
            assert erlen.request.path == "/"

    @pytest.mark.parametrize("fw", BOTH)
    def test_with_client(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = bare(fw)
        app.teardown_request(lambda error: log.append("teardown"))

        @app.get("/")
        def view() -> str:
            fw.g.x = fw.session["a"] = 1
            return "v"

        with app.test_client() as client:
            for _ in range(2):
                client.get("/?q=1")
                assert fw.request.args["q"] == "1"
                assert (fw.g.x, fw.session["a"]) == (1, 1)
        assert log == ["teardown"] * len(log)
        assert not fw.has_request_context()


@pytest.fixture
def quiet_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("quiet_collector")
@pytest.mark.parametrize("hooks", [False, True], ids=["bare", "hooks"])
@pytest.mark.parametrize(
    "name",
    sorted(
        set(VIEWS) - {"wsgi", "stream", "nested_tuple", "one_tuple", "four_tuple", "abort_unknown"}
    ),
)
def test_no_request_leaves_garbage(name: str, hooks: bool) -> None:
    app = app_with_view(name)(erlen, [])
    quiet(app)
    if hooks:
        app.before_request(lambda: None)
        app.after_request(lambda response: response)
        app.teardown_request(lambda error: None)
    serve(app)
    plan(app)
    for _ in range(3):
        serve(app)
    gc.collect()
    for _ in range(50):
        serve(app)
    assert gc.collect() == 0


@pytest.mark.usefixtures("quiet_collector")
def test_no_general_request_leaves_garbage() -> None:
    app = crossroads(erlen, [])
    wanted = [call("/"), call("/dir"), call("/", "OPTIONS"), call("/", "POST"), call("/missing")]
    for item in wanted * 2:
        app._current_plans().hosts = set()
        serve(app, item)
    gc.collect()
    for item in wanted * 20:
        app._plans.hosts = set()
        serve(app, item)
    assert gc.collect() == 0


def test_middleware_around_wsgi_app() -> None:
    app = crossroads(erlen, [])
    inner = app.wsgi_app

    def middleware(environ: t.Any, start_response: t.Any) -> t.Any:
        environ["SCRIPT_NAME"] = "/mounted"
        return inner(environ, start_response)

    app.wsgi_app = middleware
    app.get("/url", endpoint="url")(lambda: erlen.url_for("int", x=4))
    for _ in range(3):
        assert serve(app, "/url").body == b"/mounted/i/4"
