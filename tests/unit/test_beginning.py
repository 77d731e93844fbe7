"""Eager session interfaces and receivers of ``appcontext_pushed``, on planned requests."""

from __future__ import annotations

import gc
import sys
import typing as t
from types import FrameType

import flask
import pytest
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.routing import BaseConverter

import erlen
from erlen import signals
from sidebyside import Call, call, compare, counted_general, plan, quiet, serve

CALLS = [
    call("/"),
    call("/site/3"),
    call("/site/refused"),
    call("/nowhere"),
    call("/fails"),
    call("/", "OPTIONS"),
    call("/", "HEAD"),
]


class Trouble(Exception):
    pass


@pytest.fixture
def no_receiver_dies() -> t.Iterator[None]:
    """One that is collected on the way makes every plan stale: a request more is general."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def interface_of(fw: t.Any, log: list[t.Any], mode: str) -> t.Any:
    class Session(dict[str, t.Any], fw.sessions.SessionMixin):  # type: ignore[misc]
        pass

    class Interface(fw.sessions.SessionInterface):  # type: ignore[misc]
        def open_session(self, app: t.Any, request: t.Any) -> t.Any:
            assert request is fw.request._get_current_object()
            log.append(("open", request.path, request.endpoint, request.view_args))
            log.append((request.url_rule, request.routing_exception, request.blueprints))
            if mode == "raises":
                raise Trouble("no store")
            if mode == "refuses":
                raise Forbidden
            return None if mode == "null" else Session(n=1)

        def save_session(self, app: t.Any, session: t.Any, response: t.Any) -> None:
            log.append(("save", dict(session), response.status_code))
            response.headers["X-Session"] = str(session["n"])

    return Interface()


def site(fw: t.Any, log: list[t.Any], mode: str = "") -> t.Any:
    app = fw.Flask("beginning", static_folder=None)
    app.session_interface = interface_of(fw, log, mode)
    bp = fw.Blueprint("site", "site", url_prefix="/site")

    @app.get("/")
    def index() -> str:
        return f"{fw.session.get('n')} {fw.request.endpoint}"

    @app.get("/fails")
    def fails() -> str:
        raise Trouble("in the view")

    @bp.get("/<int:number>")
    def page(number: int) -> dict[str, int]:
        fw.session["n"] = fw.session.get("n", 0) + number
        return {"number": number}

    @bp.get("/refused")
    def refused() -> str:
        fw.abort(403)

    for scope, name in ((app, "app"), (bp, "site")):
        scope.before_request(lambda name=name: log.append(("before", name, fw.request.view_args)))
        scope.after_request(lambda response, name=name: log.append(("after", name)) or response)
        scope.teardown_request(lambda error, name=name: log.append(("end", name, str(error))))
        scope.errorhandler(Forbidden)(lambda error, name=name: (f"{name} refuses", 403))
        scope.errorhandler(500)(lambda error, name=name: (f"{name} broke", 500))
    app.errorhandler(Trouble)(lambda error: (f"handled {error}", 418))
    app.register_blueprint(bp)
    return app


@pytest.mark.parametrize("mode", ["", "null", "raises", "refuses"])
def test_an_interface_is_asked_for_every_request(mode: str) -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        return site(fw, log, mode)

    found = compare(make, *CALLS)
    assert all(answer.log[0][0] == "open" for answer in found)
    assert (found[0].status[:3] == "200") is (mode in ("", "null"))


def test_an_error_while_opening_reaches_the_tests() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = site(fw, log, "raises")
        app.testing = True
        return app

    assert compare(make, *CALLS)[0].error == "Trouble: no store"


def test_a_subclass_of_the_cookie_interface() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        class Interface(fw.sessions.SecureCookieSessionInterface):  # type: ignore[misc]
            def should_set_cookie(self, app: t.Any, session: t.Any) -> bool:
                log.append("asked")
                return bool(session)

        app = fw.Flask("subclass")
        app.secret_key = "secret"
        app.session_interface = Interface()
        app.add_url_rule("/", "read", lambda: str(fw.session.get("n")))
        app.add_url_rule("/set", "set", lambda: fw.session.update(n=1) or "set")
        return app

    cookie = serve(make(flask, []), "/set").header("Set-Cookie")
    assert cookie is not None
    made = make(flask, [])
    signed = made.test_client().get("/set").headers["Set-Cookie"].partition(";")[0]
    compare(make, "/", "/set", call("/", headers={"Cookie": signed}))


def test_an_overridden_protocol_meets_an_eager_interface() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        class App(fw.Flask):  # type: ignore[misc]
            def preprocess_request(self) -> t.Any:
                log.append("preprocess")
                return super().preprocess_request()

            def handle_user_exception(self, e: Exception) -> t.Any:
                log.append(("handle", str(e)))
                return super().handle_user_exception(e)

        app = App("both", static_folder=None)
        app.session_interface = interface_of(fw, log, "")
        app.add_url_rule("/", "index", lambda: str(fw.session["n"]))
        return app

    compare(make, "/", "/nowhere")


def listening(fw: t.Any, log: list[t.Any], fails: bool = False) -> t.Any:
    app = site(fw, log)
    app.session_interface = type(app).session_interface

    def pushed(sender: t.Any, **extra: t.Any) -> None:
        assert sender is fw.current_app._get_current_object()
        log.append(("pushed", sorted(extra)))
        fw.g.user = "from the receiver"
        if fails:
            raise Trouble("in the receiver")

    app.receiver = pushed
    fw.appcontext_pushed.connect(pushed, app)
    app.add_url_rule("/user", "user", lambda: fw.g.user)
    return app


@pytest.mark.usefixtures("no_receiver_dies")
def test_receivers_of_pushed_keep_requests_planned() -> None:
    calls = [call("/user"), call("/nowhere"), call("/site/refused")]
    found = compare(listening, *calls)
    assert found[0].body == b"from the receiver"
    assert found[0].log[0] == ("pushed", [])


@pytest.mark.usefixtures("no_receiver_dies")
def test_a_receiver_that_raises() -> None:
    """Flask 3.1 loses its own context then; here it is an error like that of an interface."""
    log: list[t.Any] = []
    app = listening(erlen, log, fails=True)
    quiet(app)
    for _ in range(2):
        plan(app)
        log.clear()
        answer = serve(app, "/site/3")
        assert (answer.status[:3], answer.body) == ("500", b"app broke")
        assert log == [("pushed", []), ("after", "app"), ("end", "app", "in the receiver")]


@pytest.mark.usefixtures("no_receiver_dies")
def test_both_at_once_and_in_order() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = listening(fw, log)
        app.session_interface = interface_of(fw, log, "")
        return app

    found = compare(make, *CALLS)
    assert [entry[0] for entry in found[0].log[:2]] == ["pushed", "open"]


@pytest.mark.usefixtures("no_receiver_dies")
@pytest.mark.wsgi
class TestWithoutThemNothingIsPaid:
    def processors(self, app: t.Any) -> tuple[t.Any, ...]:
        plan(app)
        quiet(app)
        assert serve(app).status == "200 OK"
        return app._plans.static["/"]["GET"].processors  # type: ignore[no-any-return]

    def app(self, name: str) -> t.Any:
        app = erlen.Erlen(name)
        app.add_url_rule("/", "index", lambda: "index")
        return app

    def test_a_stock_interface_and_no_receiver(self) -> None:
        app = self.app("stock")
        assert self.processors(app) == ()
        assert app._plans.begin is None

    def test_the_receiver_of_another_application(self) -> None:
        heard: list[t.Any] = []

        def pushed(sender: t.Any, **extra: t.Any) -> None:
            heard.append(sender)

        one, other = self.app("one"), self.app("other")
        with signals.appcontext_pushed.connected_to(pushed, one):
            assert len(self.processors(one)) == 1
            assert self.processors(other) == ()
            with counted_general() as taken:
                assert serve(one).body == serve(other).body == b"index"
        assert taken == []
        assert heard == [one, one]
        assert self.processors(one) == ()


def test_converters_may_use_the_context() -> None:
    """A converter of one's own runs in the request, its session open, as in Flask."""

    class Named(BaseConverter):
        def to_python(self, value: str) -> str:
            fw = self.map.fw  # type: ignore[attr-defined]
            if value == "gone":
                fw.abort(410)
            if value == "broken":
                raise Trouble(value)
            fw.session["seen"] = fw.session.get("seen", 0) + 1
            return f"{fw.current_app.name} {fw.request.path} {value}"

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = fw.Flask("converting", static_folder=None)
        app.secret_key = "secret"
        app.url_map.fw = fw
        app.url_map.converters["named"] = Named
        app.add_url_rule("/", "index", lambda: "index")
        app.add_url_rule("/<named:text>", "named", lambda text: f"{text} {fw.session['seen']}")
        app.errorhandler(HTTPException)(lambda error: (f"handled {error.code}", error.code))
        return app

    calls: list[Call | str] = ["/", "/a", "/gone", "/broken", call("/a", "POST")]
    compare(make, *calls, general=4)


@pytest.mark.wsgi
def test_an_idle_session_costs_few_calls() -> None:
    """An interface that opens a session for everybody leaves the rest of a request as it is."""

    class Session(dict[str, t.Any], erlen.sessions.SessionMixin):  # type: ignore[misc]
        pass

    class Interface(erlen.sessions.SessionInterface):
        def open_session(self, app: t.Any, request: t.Any) -> t.Any:
            return Session()

        def save_session(self, app: t.Any, session: t.Any, response: t.Any) -> None:
            response.vary.add("Cookie")

    app = erlen.Erlen("idle")
    app.session_interface = Interface()
    app.add_url_rule("/", "index", lambda: "index")
    for _ in range(2):
        plan(app)
        serve(app)
    environ = call("/").make_environ()
    calls: list[str] = []

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and "/erlen/" in frame.f_code.co_filename:
            calls.append(frame.f_code.co_qualname)

    plan(app)
    sys.setprofile(profile)
    try:
        app(environ, lambda status, headers, exc_info=None: None)
    finally:
        sys.setprofile(None)
    assert "first_step.<locals>.begin" in calls
    assert len(calls) <= 20, calls
