from __future__ import annotations

import typing as t
from importlib.metadata import version
from unittest import mock

import pytest
from werkzeug.test import EnvironBuilder as PlainBuilder
from werkzeug.wrappers import Request as PlainRequest


@pytest.fixture
def app(side: t.Any) -> t.Any:
    app = side.make()
    request, session, g = side.api.request, side.api.session, side.api.g

    @app.route("/echo", methods=["GET", "POST"])
    def echo() -> t.Any:
        return {
            "method": request.method,
            "url": request.url,
            "form": request.form.to_dict(),
            "json": request.get_json(silent=True),
            "from": request.remote_addr,
            "agent": request.user_agent.string,
        }

    @app.route("/set/<value>")
    def put(value: str) -> str:
        session["value"] = g.value = value
        return value

    @app.route("/get")
    def get() -> str:
        return str(session.get("value"))

    @app.route("/go")
    def go() -> t.Any:
        return side.api.redirect("/set/gone")

    @app.route("/fail")
    def fail() -> str:
        g.value = "failed"
        raise ZeroDivisionError

    return app


@pytest.fixture
def client(app: t.Any) -> t.Any:
    return app.test_client()


def current(side: t.Any) -> tuple[bool, bool]:
    return side.api.has_request_context(), side.api.has_app_context()


class TestOpen:
    def test_defaults(self, client: t.Any) -> None:
        found = client.get("/echo").json
        assert found["from"] == "127.0.0.1"
        assert found["agent"] == f"Werkzeug/{version('werkzeug')}"
        assert found["url"] == "http://localhost/echo"

    def test_defaults_can_be_changed(self, client: t.Any) -> None:
        client.environ_base.update(REMOTE_ADDR="10.0.0.1", HTTP_USER_AGENT="Mine")
        found = client.get("/echo").json
        assert (found["from"], found["agent"]) == ("10.0.0.1", "Mine")
        found = client.get("/echo", environ_base={"REMOTE_ADDR": "10.0.0.2"}).json
        assert (found["from"], found["agent"]) == ("10.0.0.2", "Mine")

    def test_form_and_json(self, client: t.Any) -> None:
        assert client.post("/echo", data={"a": "1"}).json["form"] == {"a": "1"}
        assert client.post("/echo", json={"a": [1]}).json["json"] == {"a": [1]}

    def test_a_builder_of_the_package(self, side: t.Any, app: t.Any, client: t.Any) -> None:
        builder = side.testing.EnvironBuilder(app, "/echo", method="POST", data={"a": "1"})
        found = client.open(builder).json
        assert (found["from"], found["form"]) == ("127.0.0.1", {"a": "1"})
        assert builder.environ_base is None
        builder.close()

    def test_a_plain_builder(self, client: t.Any) -> None:
        builder = PlainBuilder("/echo", "http://other.example/")
        assert client.open(builder).json["url"] == "http://other.example/echo"
        builder.close()

    def test_an_environ(self, client: t.Any) -> None:
        builder = PlainBuilder("/echo", query_string="x=1")
        environ = builder.get_environ()
        client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
        found = client.open(environ).json
        assert (found["url"], found["from"]) == ("http://localhost/echo?x=1", "10.0.0.1")
        assert "REMOTE_ADDR" not in environ
        builder.close()

    def test_a_request(self, client: t.Any) -> None:
        builder = PlainBuilder("/echo", method="POST")
        request = builder.get_request(PlainRequest)
        found = client.open(request).json
        assert (found["method"], found["from"]) == ("POST", "127.0.0.1")
        assert "REMOTE_ADDR" not in request.environ
        builder.close()

    def test_redirects(self, client: t.Any) -> None:
        assert client.get("/go").status_code == 302
        response = client.get("/go", follow_redirects=True)
        assert (response.text, len(response.history)) == ("gone", 1)
        assert client.get("/get").text == "gone"

    def test_the_response_reads_json_as_the_application_does(
        self, app: t.Any, client: t.Any
    ) -> None:
        with mock.patch.object(type(app.json), "loads", return_value="loaded"):
            assert client.get("/echo").json == "loaded"

    def test_an_error_of_the_application(self, app: t.Any, client: t.Any) -> None:
        with pytest.raises(ZeroDivisionError):
            client.get("/fail")

        app.testing = False
        assert client.get("/fail").status_code == 500

    def test_a_method_of_the_application_that_was_replaced(
        self, side: t.Any, app: t.Any, client: t.Any
    ) -> None:
        assert client.get("/get").text == "None"

        with mock.patch.object(
            side.App, "preprocess_request", autospec=True, return_value="instead"
        ):
            assert client.get("/get").text == "instead"

        assert client.get("/get").text == "None"

    def test_options_of_the_constructor(self, side: t.Any, app: t.Any) -> None:
        class Client(side.testing.FlaskClient):
            def __init__(self, *args: t.Any, mark: str, **kwargs: t.Any) -> None:
                super().__init__(*args, **kwargs)
                self.mark = mark

        app.test_client_class = Client
        assert app.test_client(mark="x").mark == "x"


class TestPreservedContext:
    def test_nothing_is_kept_without_with(self, side: t.Any, client: t.Any) -> None:
        client.get("/set/a")
        assert current(side) == (False, False)

    def test_the_last_request_is_within_reach(self, side: t.Any, client: t.Any) -> None:
        with client:
            client.get("/set/a?q=1")
            assert side.api.request.args["q"] == "1"
            assert side.api.session["value"] == side.api.g.value == "a"
            assert side.api.request.view_args == {"value": "a"}
            assert side.api.request.endpoint == "put"
            client.get("/set/b")
            assert side.api.g.value == "b"
            assert "q" not in side.api.request.args

        assert current(side) == (False, False)

    def test_of_redirects_the_last_one(self, side: t.Any, client: t.Any) -> None:
        with client:
            client.get("/go", follow_redirects=True)
            assert side.api.request.path == "/set/gone"

        assert current(side) == (False, False)

    def test_of_an_error(self, side: t.Any, app: t.Any, client: t.Any) -> None:
        app.testing = False

        with client:
            assert client.get("/fail").status_code == 500
            assert side.api.request.path == "/fail"
            assert side.api.g.value == "failed"

        assert current(side) == (False, False)

    def test_of_an_error_that_is_raised(self, side: t.Any, client: t.Any) -> None:
        with client:
            with pytest.raises(ZeroDivisionError):
                client.get("/fail")

            client.get("/set/a")
            assert side.api.g.value == "a"

        assert current(side) == (False, False)

    def test_of_a_miss(self, side: t.Any, client: t.Any) -> None:
        with client:
            assert client.get("/missing").status_code == 404
            assert side.api.request.path == "/missing"
            assert side.api.request.url_rule is None

    def test_inside_another_context(self, side: t.Any, app: t.Any, client: t.Any) -> None:
        with app.test_request_context("/outer"):
            with client:
                client.get("/set/a")
                assert side.api.request.path == "/set/a"

            assert side.api.request.path == "/outer"

        assert current(side) == (False, False)

    def test_a_stream_with_context(self, side: t.Any, app: t.Any, client: t.Any) -> None:
        @app.route("/stream")
        def stream() -> t.Any:
            return side.api.stream_with_context(side.api.request.path for _ in range(2))

        with client:
            response = client.get("/stream")
            assert response.text == "/stream/stream"
            assert side.api.request.path == "/stream"

        response.close()
        assert current(side) == (False, False)

    def test_does_not_nest(self, client: t.Any) -> None:
        with client, pytest.raises(RuntimeError, match="^Cannot nest client invocations$"):
            client.__enter__()

        with client:
            assert client.get("/missing").status_code == 404

    def test_two_clients(self, side: t.Any, app: t.Any) -> None:
        with app.test_client() as first:
            first.get("/set/a")

            with app.test_client() as second:
                second.get("/set/b")
                assert side.api.request.path == "/set/b"

            assert side.api.request.path == "/set/a"


class TestSessionTransaction:
    def test_reads_and_writes(self, client: t.Any) -> None:
        with client.session_transaction() as session:
            assert "value" not in session
            session["value"] = "put"

        assert client.get("/get").text == "put"
        client.get("/set/new")

        with client.session_transaction() as session:
            assert session["value"] == "new"
            del session["value"]

        assert client.get("/get").text == "None"

    def test_inside_a_block(self, side: t.Any, client: t.Any) -> None:
        with client:
            with client.session_transaction() as session:
                session["value"] = ["x"]

            assert client.get("/get").text == "['x']"
            request = side.api.request._get_current_object()

            with client.session_transaction():
                assert side.api.request._get_current_object() is request

            assert side.api.request._get_current_object() is request

    def test_leaves_no_context(self, side: t.Any, client: t.Any) -> None:
        with client.session_transaction():
            assert current(side) == (False, False)

        assert current(side) == (False, False)

    def test_arguments_make_the_request(self, app: t.Any) -> None:
        app.config["SESSION_COOKIE_PATH"] = "/below"
        client = app.test_client()

        with client.session_transaction("/below/x", base_url="http://other.example") as session:
            session["value"] = "there"

        assert client.get("/get").text == "None"
        assert client.get_cookie("session", "other.example", "/below") is not None

    def test_what_raises_inside_is_not_saved(self, client: t.Any) -> None:
        with pytest.raises(ZeroDivisionError), client.session_transaction() as session:
            session["value"] = 1
            raise ZeroDivisionError

        assert client.get("/get").text == "None"

    def test_without_cookies(self, app: t.Any) -> None:
        with pytest.raises(TypeError) as caught:
            app.test_client(use_cookies=False).session_transaction().__enter__()

        assert str(caught.value) == (
            "Cookies are disabled. Create a client with 'use_cookies=True'."
        )

    def test_without_a_session(self, side: t.Any) -> None:
        app = side.make()
        app.session_interface = mock.Mock(
            open_session=mock.Mock(return_value=None), **{"is_null_session.return_value": True}
        )
        app.session_interface.make_null_session.return_value = {}

        with pytest.raises(RuntimeError, match="^Session backend did not open a session.$"):
            app.test_client().session_transaction().__enter__()

    def test_without_a_key(self, side: t.Any) -> None:
        client = side.make(SECRET_KEY=None).test_client()

        with pytest.raises(RuntimeError, match="^Session backend did not open a session.$"):
            client.session_transaction().__enter__()

    def test_an_interface_of_ones_own(self, side: t.Any, app: t.Any) -> None:
        """The protocol is Flask's: open, ask whether it is null, save."""
        calls: list[str] = []
        base = type(app.session_interface)

        class Interface(base):  # type: ignore[misc, valid-type]
            def open_session(self, app: t.Any, request: t.Any) -> t.Any:
                calls.append("open")
                return super().open_session(app, request)

            def save_session(self, app: t.Any, session: t.Any, response: t.Any) -> None:
                calls.append(f"save {dict(session)}")
                super().save_session(app, session, response)

        app.session_interface = Interface()
        client = app.test_client()

        with client.session_transaction() as session:
            session["value"] = "v"

        assert calls[-1] == "save {'value': 'v'}"
        assert "open" in calls
        assert client.get("/get").text == "v"


def test_cookies_are_read_by_the_other_package(both: t.Any) -> None:
    clients = []

    for side in both:
        app = side.make()
        app.add_url_rule("/", "get", lambda api=side.api: str(api.session.get("value")))
        clients.append(app.test_client())

    for writer, reader in (clients, clients[::-1]):
        with writer.session_transaction() as session:
            session["value"] = ("tuple", b"bytes")

        reader.set_cookie("session", writer.get_cookie("session").value)
        assert reader.get("/").text == "('tuple', b'bytes')"


def test_teardown_runs_when_it_does_in_flask(both: t.Any) -> None:
    """Contexts are torn down after each request, and again when the client lets go of them."""
    traces = []

    for side in both:
        app = side.make()
        trace: list[str] = []
        app.add_url_rule("/", "index", lambda: "")
        app.teardown_request(lambda error, trace=trace: trace.append("request"))
        app.teardown_appcontext(lambda error, trace=trace: trace.append("app"))

        with app.test_client() as client:
            for mark in "12":
                client.get("/")
                trace.append(mark)

        client.get("/")
        traces.append(trace)

    assert traces[0] == traces[1]
