"""Errors in the application, where they must not cost the answer, and what the log says."""

from __future__ import annotations

import logging
import typing as t

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import erlen
from bad_inputs.calls import call, environ, get, make, raw, same, served, twins
from bad_inputs.cases import Cases

errors = Cases()
logs = Cases()

SECRET = "do-not-show-this"


class Mistake(Exception):
    """What the application's code raises."""


def fails(*args: t.Any, **kwargs: t.Any) -> t.Any:
    raise Mistake(SECRET)


def failing(app: t.Any) -> None:
    app.add_url_rule("/", "index", fails)
    app.add_url_rule("/fine", "fine", lambda: "fine")


@pytest.fixture
def caught(caplog: pytest.LogCaptureFixture) -> t.Callable[[], list[str]]:
    """What the application has logged: the messages and the errors' classes."""

    def messages() -> list[str]:
        return [
            f"{record.getMessage()}: {record.exc_info[0].__name__ if record.exc_info else ''}"
            for record in caplog.records
            if record.name == "bad_inputs_app"
        ]

    return messages


@errors("ER-01")
def unhandled(caught: t.Any) -> None:
    answer = same(twins(failing))
    assert answer.status == 500
    assert SECRET not in answer.text and SECRET not in str(answer.headers)
    assert caught() == ["Exception on / [GET]: Mistake"] * 2


@errors("ER-02", handler=fails, second="Mistake")
@errors("ER-02-none", handler=lambda error: None, second="TypeError")
@errors("ER-02-odd", handler=lambda error: object(), second="TypeError")
@errors("ER-02-abort", handler=lambda error: erlen.abort(404), second="NotFound")
@errors("ER-02-again", handler=lambda error: (_ for _ in ()).throw(error), second=None)
@errors("ER-02-header", handler=lambda error: ("", {"X": "a\n"}), second="ValueError")
def handler_of_500_fails(caught: t.Any, handler: t.Any, second: str | None) -> None:
    app = make(failing)
    app.register_error_handler(500, handler)
    # Twice: the first request of a host goes another way than those after it.
    for _ in range(2):
        answer = get(app)
        assert answer.status == 500
        assert "Internal Server Error" in answer.text and SECRET not in answer.text
    lines = caught()
    assert len(lines) == 4
    assert lines[0].endswith("Mistake") and lines[1].endswith(second or "InternalServerError")
    app.testing = True
    with pytest.raises(Mistake):
        get(app)


@errors("ER-02-watched")
def handler_of_500_fails_is_seen_by_monitors() -> None:
    app = make(failing)
    app.register_error_handler(500, lambda error: 1 / 0)
    seen: list[Exception] = []

    def monitor(sender: t.Any, exception: Exception) -> None:
        seen.append(exception)

    with erlen.got_request_exception.connected_to(monitor, app):
        assert get(app).status == 500
    assert [type(error) for error in seen] == [Mistake, ZeroDivisionError]


@errors("ER-02-other")
def handler_of_another_error_fails(caught: t.Any) -> None:
    def add(app: t.Any) -> None:
        failing(app)
        app.register_error_handler(Mistake, fails)
        app.register_error_handler(404, fails)

    apps = twins(add)
    assert same(apps).status == same(apps, "/missing").status == 500
    assert len(caught()) == 4


@errors("ER-02-after")
def after_hooks_fail(caught: t.Any) -> None:
    def add(app: t.Any) -> None:
        failing(app)
        app.after_request(fails)

    apps = twins(add)
    for target in ("/", "/fine", "/missing"):
        assert same(apps, target).status == 500


@errors("ER-02-hooks", name="before_request")
@errors("ER-02-processor", name="url_value_preprocessor")
def hooks_fail(caught: t.Any, name: str) -> None:
    def add(app: t.Any) -> None:
        failing(app)
        getattr(app, name)(fails)

    assert same(twins(add), "/fine").status == 500


@errors("ER-02-session", name="open_session")
@errors("ER-02-save", name="save_session")
def session_interface_fails(caught: t.Any, name: str) -> None:
    def add(app: t.Any) -> None:
        failing(app)
        package = erlen if isinstance(app, erlen.Erlen) else flask
        base = package.sessions.SecureCookieSessionInterface
        app.session_interface = type("Broken", (base,), {name: fails})()

    assert get(make(add), "/fine").status == 500


@errors("ER-04", target="/fine", status=200)
@errors("ER-04-error", target="/", status=500)
@errors("ER-04-missing", target="/missing", status=404)
@errors("ER-04-stream", target="/stream", status=200)
@errors("ER-04-app", target="/fine", status=200, name="teardown_appcontext")
def teardown_fails(caught: t.Any, target: str, status: int, name: str = "teardown_request") -> None:
    app = make(failing)
    app.add_url_rule("/stream", "stream", lambda: iter(["a", "b"]))
    ran: list[str] = []
    getattr(app, name)(lambda error: ran.append("first"))
    getattr(app, name)(fails)
    getattr(app, name)(lambda error: ran.append("last"))
    for _ in range(2):
        assert get(app, target).status == status
    assert ran == ["last", "first"] * 2
    assert sum("Mistake" in line for line in caught()) == (4 if target == "/" else 2)


def streaming(app: t.Any) -> None:
    package = erlen if isinstance(app, erlen.Erlen) else flask

    def chunks() -> t.Iterator[str]:
        yield "first"
        raise Mistake(SECRET)

    @app.get("/stream")
    def stream() -> t.Any:
        return chunks()

    @app.get("/context")
    def context() -> t.Any:
        return package.stream_with_context(chunks())


REQUEST = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@errors("ER-05", target="/stream", teardown=False)
@errors("ER-05-teardown", target="/stream", teardown=True)
@errors("ER-05-context", target="/context", teardown=False)
@errors("ER-05-context-teardown", target="/context", teardown=True)
def body_breaks_off(caught: t.Any, target: str, teardown: bool) -> None:
    app = make(streaming)
    seen: list[t.Any] = []
    if teardown:
        app.teardown_request(lambda error: seen.append(type(error)))
    with served(app) as port:
        for _ in range(2):
            answer = raw(port, REQUEST % target.encode())
            # The last chunk is missing: the client knows that it has not got all.
            assert b"first" in answer and not answer.endswith(b"0\r\n\r\n")
            assert SECRET.encode() not in answer
    assert caught() == [f"Exception on {target} [GET]: Mistake"] * 2
    assert seen == ([Mistake] * 2 if teardown else [])


@errors("ER-05-client")
def client_goes_away(caught: t.Any) -> None:
    app = make()
    closed: list[bool] = []

    @app.get("/")
    def stream() -> t.Any:
        def chunks() -> t.Iterator[bytes]:
            try:
                yield b"x"
                yield b"y"
            finally:
                closed.append(True)

        return chunks()

    body = app(environ(), lambda *args: None)
    chunks = iter(body)
    try:
        try:
            next(chunks)
            raise BrokenPipeError
        finally:
            body.close()
    except BrokenPipeError:
        pass
    # The server's error is the server's to log.
    assert closed == [True] and caught() == []


@errors("ER-05-first")
def body_fails_at_once(caught: t.Any) -> None:
    app = make()

    def chunks() -> t.Iterator[str]:
        raise Mistake
        yield ""

    app.add_url_rule("/", "index", chunks)
    with served(app) as port:
        assert raw(port, REQUEST % b"/").startswith(b"HTTP/1.1 500")
    assert caught() == ["Exception on / [GET]: Mistake"]


@errors("ER-07", left=True, error=SystemExit)
@errors("ER-07-interrupt", left=True, error=KeyboardInterrupt)
def leaving_the_process(error: type[BaseException]) -> None:
    # A signal handler of the server ends its worker in this way.
    def add(app: t.Any) -> None:
        def leave() -> t.Any:
            raise error

        app.add_url_rule("/", "index", leave)

    for app in twins(add):
        seen: list[t.Any] = []
        app.teardown_request(seen.append)
        for _ in range(2):
            with pytest.raises(error):
                get(app)
        assert [type(item) for item in seen] == [error] * 2


@errors("ER-08", code=999)
@errors("ER-08-ok", code=200)
@errors("ER-08-text", code="x")
def abort_with_no_error(caught: t.Any, code: t.Any) -> None:
    def add(app: t.Any) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else flask
        app.add_url_rule("/", "index", lambda: package.abort(code))

    assert same(twins(add)).status == 500
    assert caught() == ["Exception on / [GET]: LookupError"] * 2


@errors("ER-10", value=None, said="returned None or ended without a return")
@errors("ER-10-number", value=5, said="it was a int")
@errors("ER-10-tuple", value=(), said="valid response tuple")
@errors("ER-10-pair", value=(None, 200), said="returned None or ended without a return")
@errors("ER-10-set", value={1}, said="it was a set")
@errors("ER-10-status", value=("", "x" * 3 + "\n"), said="one line")
def no_response(caplog: pytest.LogCaptureFixture, value: t.Any, said: str) -> None:
    app = make()
    app.add_url_rule("/", "index", lambda: value)
    for _ in range(2):
        caplog.clear()
        answer = get(app)
        if isinstance(value, tuple) and value and value[0] == "":
            # The blank at its end is nobody's: the status is what stands before.
            assert answer.line in ("0 xxx", "500 INTERNAL SERVER ERROR")
        else:
            assert answer.status == 500
            assert said in caplog.text


class Broken:
    """A body that the server fails to read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:
        raise self._error


FORM = "application/x-www-form-urlencoded"


@errors("ER-11", error=OSError("chunk"), content_type=FORM)
@errors("ER-11-multipart", error=OSError(), content_type="multipart/form-data; boundary=X")
@errors("ER-11-json", error=ConnectionResetError(), content_type="application/json")
@errors("ER-11-value", error=ValueError("bad chunk"), content_type=FORM)
@errors("ER-11-timeout", error=TimeoutError(), content_type="text/plain")
def input_fails(error: Exception, content_type: str) -> None:
    app = make()

    @app.post("/")
    def read() -> str:
        if erlen.request.is_json:
            erlen.request.get_json()
        return f"{erlen.request.form} {erlen.request.get_data()!r}"

    for length in ("10", "10000000", None):
        made = environ("/", "POST", content_type=content_type, CONTENT_LENGTH=length)
        made["wsgi.input"] = Broken(error)
        if length is None:
            made["wsgi.input_terminated"] = True
        assert call(app, made).status == 400


@errors("ER-13", where="call")
@errors("ER-13-close", where="close")
def response_fails(caught: t.Any, where: str) -> None:
    app = make()
    seen: list[t.Any] = []
    app.teardown_request(lambda error: seen.append(type(error)))

    class Response(erlen.Response):
        def __call__(self, *args: t.Any) -> t.Any:
            if where == "call":
                raise Mistake
            return super().__call__(*args)

    class Body:
        def __iter__(self) -> t.Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            raise Mistake

    app.add_url_rule("/", "index", lambda: Response(Body() if where == "close" else "x"))
    for _ in range(2):
        if where == "call":
            assert get(app).status == 500
        else:
            with pytest.raises(Mistake):
                get(app)
    assert seen == [Mistake] * 2


@errors("ER-13-encode")
def text_that_is_no_text(caught: t.Any) -> None:
    def add(app: t.Any) -> None:
        app.add_url_rule("/", "index", lambda: "\ud800")
        app.add_url_rule("/tuple", "tuple", lambda: ("\ud800", 201))

    apps = twins(add)
    assert same(apps).status == same(apps, "/tuple").status == 500
    assert all(line.endswith("UnicodeEncodeError") for line in caught())


test_error = errors.test()


@logs("LG-01", target="/boom/a%0aFAKE%1b[31m")
@logs("LG-01-return", target="/boom/a%0dFAKE")
@logs("LG-01-controls", target="/boom/%00%07%08%7f")
@logs("LG-01-c1", target="/boom/%c2%85%c2%9b")
@logs("LG-01-lines", target="/boom/%e2%80%a8%e2%80%a9")
@logs("LG-01-bidi", target="/boom/%e2%80%ae%e2%81%a6")
@logs("LG-01-format", target="/boom/%25s%25d%25(x)s")
@logs("LG-01-bytes", target="/boom/%ff%fe")
def control_characters_in_the_path(caplog: pytest.LogCaptureFixture, target: str) -> None:
    app = make()
    app.add_url_rule("/boom/<p>", "boom", fails)
    for _ in range(2):
        caplog.clear()
        assert get(app, target).status == 500
        message = caplog.records[0].getMessage()
        assert message.isprintable() and message.startswith("Exception on /boom/")
        # Whatever the handler does with the record.
        assert len(logging.Formatter().format(caplog.records[0]).partition("\n")[0]) == len(message)


@logs("LG-01-method")
def control_characters_in_the_method(caplog: pytest.LogCaptureFixture) -> None:
    app = make()

    @app.before_request
    def hook() -> None:
        raise Mistake

    app.add_url_rule("/", "index", fails)
    assert get(app, method="GE\x1b\nT").status == 500
    assert caplog.records[0].getMessage().isprintable()


@logs("LG-01-text")
def ordinary_path_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    app = make()
    app.add_url_rule("/boom/<p>", "boom", fails)
    get(app, "/boom/%C3%A9 %")
    assert caplog.records[0].getMessage() == "Exception on /boom/é % [GET]"


@logs("LG-02")
def access_log_of_the_development_server(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    request = b"GET /a\x1b[31m\x07 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \x1b[31m\r\n"
    with served(make(failing)) as port:
        raw(port, request + b"Connection: close\r\n\r\n")
    lines = [record.getMessage() for record in caplog.records if record.name == "werkzeug"]
    # The colours of the server itself are not the client's.
    assert lines and all("\x1b[31m" not in line and "\x07" not in line for line in lines)


@logs("LG-04")
def no_secrets_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = make(failing)
    app.config["SECRET_KEY"] = "the-secret-key"
    headers = {"Cookie": "session=the-cookie", "Authorization": "Bearer the-token"}
    made = environ("/?password=the-password", headers=headers)
    assert call(app, made).status == 500
    written = caplog.text + made["wsgi.errors"].getvalue()
    assert "Mistake" in written
    for secret in ("the-secret-key", "the-cookie", "the-token", "the-password"):
        assert secret not in written


@logs("LG-05", options={"target": "/missing"})
@logs("LG-05-method", options={"target": "/fine", "method": "FOO"})
@logs("LG-05-length", options={"target": "/form", "method": "POST", "CONTENT_LENGTH": "x"})
@logs("LG-05-host", options={"target": "/fine", "headers": {"Host": "a b"}})
@logs("LG-05-cookie", options={"target": "/session", "headers": {"Cookie": "session=a.b.c"}})
def refused_requests_are_not_logged(
    caplog: pytest.LogCaptureFixture, options: dict[str, t.Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    app = make(failing)
    app.add_url_rule("/form", "form", lambda: str(erlen.request.form), methods=["POST"])
    app.add_url_rule("/session", "session", lambda: str(erlen.session.get("a")))
    for _ in range(50):
        assert get(app, **options).status in (200, 400, 404, 405)
    assert caplog.records == []


test_log = logs.test()


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=20))
def test_every_path_is_logged_on_one_line(path: str) -> None:
    records: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    app = make()
    app.before_request(fails)
    handler = Handler()
    app.logger.addHandler(handler)
    try:
        assert get(app, PATH_INFO="/" + path).status in (308, 500)
    finally:
        app.logger.removeHandler(handler)
    assert all(record.getMessage().isprintable() for record in records)
