"""The functions of Flask's API, against Flask's."""

from __future__ import annotations

import io
import typing as t
from pathlib import Path

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import Aborter, NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

import erlen
from sidebyside import BOTH, call, compare

both = pytest.mark.parametrize("fw", BOTH)


def make(fw: t.Any, **options: t.Any) -> t.Any:
    app = fw.Flask("helpers", static_folder=None, **options)
    app.secret_key = "secret"
    app.add_url_rule("/", "index", lambda: "index")
    return app


class TestEnvironment:
    @pytest.mark.parametrize("value", [None, "", "0", "1", "true", "False", "no", "NO", "x"])
    def test_flags(self, value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("FLASK_DEBUG", "FLASK_SKIP_DOTENV"):
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)
        for function in ("get_debug_flag", "get_load_dotenv"):
            found = [getattr(fw.helpers, function)() for fw in BOTH]
            assert found[1] == found[0], function
        assert erlen.helpers.get_load_dotenv(False) == flask.helpers.get_load_dotenv(False)
        assert make(erlen).debug == make(flask).debug

    def test_ours_win(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FLASK_DEBUG", "1")
        monkeypatch.setenv("ERLEN_DEBUG", "0")
        assert erlen.helpers.get_debug_flag() is False


class TestFlash:
    def app(self, fw: t.Any, log: list[t.Any]) -> t.Any:
        app = make(fw)

        @app.get("/flash")
        def flash() -> t.Any:
            fw.flash("one")
            fw.flash("two", "error")
            fw.flash("three", "error")
            return repr(fw.session["_flashes"])

        @app.get("/both")
        def at_once() -> t.Any:
            fw.flash("now", fw.request.args.get("as", "message"))
            read = fw.get_flashed_messages
            found = [
                read(),
                read(with_categories=True),
                read(category_filter=["error"]),
                read(True, ("message", "x")),
                read(True, ()),
            ]
            return repr(found) + repr(dict(fw.session))

        @app.get("/read")
        def read() -> t.Any:
            return repr((fw.get_flashed_messages(), dict(fw.session)))

        return app

    def test_as_flask(self) -> None:
        client = self.app(erlen, []).test_client()
        client.get("/flash")
        headers = {"Cookie": f"session={client.get_cookie('session').value}"}  # type: ignore[union-attr]
        paths = ["/flash", "/both", "/both?as=error", "/read"]
        compare(self.app, *paths, *(call(path, headers=headers) for path in paths))

    @both
    def test_the_signal(self, fw: t.Any) -> None:
        app = make(fw)
        seen: list[t.Any] = []

        def receive(sender: t.Any, message: str, category: str, **extra: t.Any) -> None:
            seen.append((sender, message, category))

        with app.test_request_context(), fw.message_flashed.connected_to(receive, app):
            fw.flash("text", "kind")
        assert seen == [(app, "text", "kind")]


@both
class TestAbortAndRedirect:
    def test_abort(self, fw: t.Any) -> None:
        with pytest.raises(NotFound):
            fw.abort(404)
        with make(fw).app_context(), pytest.raises(NotFound, match="text"):
            fw.abort(404, "text")
        with pytest.raises(LookupError):
            fw.abort(999)

    def test_an_aborter_of_ones_own(self, fw: t.Any) -> None:
        class Own(Aborter):
            def __call__(self, code: t.Any, *args: t.Any, **kwargs: t.Any) -> t.NoReturn:
                raise KeyError(code, *args)

        class App(fw.Flask):  # type: ignore[misc]
            aborter_class = Own

        with App("helpers").app_context(), pytest.raises(KeyError, match="404"):
            fw.abort(404)

    @pytest.mark.parametrize("code", [301, 302, 303, 305, 307, 308])
    def test_redirect(self, fw: t.Any, code: int) -> None:
        response = fw.redirect("/ä b?c=ü", code)
        assert (response.status_code, response.location) == (code, "/ä b?c=ü")
        with make(fw).app_context():
            other = fw.redirect("/ä b?c=ü", code)
        assert other.get_data() == response.get_data()
        assert type(other) is fw.Response

    def test_redirect_by_the_application(self, fw: t.Any) -> None:
        class App(fw.Flask):  # type: ignore[misc]
            def redirect(self, location: str, code: int = 302) -> t.Any:
                return f"to {location} {code}"

        with App("helpers").app_context():
            assert fw.redirect("/x") == "to /x 302"
            assert fw.redirect("/x", code=301) == "to /x 301"

    def test_redirect_with_a_class(self, fw: t.Any) -> None:
        class Own(WerkzeugResponse):
            pass

        assert type(fw.redirect("/x", Response=Own)) is Own


@given(st.text(max_size=20), st.sampled_from([301, 302, 303, 305, 307, 308]))
def test_redirects_are_flasks(location: str, code: int) -> None:
    found = []
    for fw in BOTH:
        with make(fw).test_request_context():
            try:
                response = fw.redirect(location, code)
                environ = fw.request.environ
                headers = sorted(response.get_wsgi_headers(environ))
                found.append((response.status, headers, response.get_data()))
            except Exception as error:
                found.append(type(error).__name__)
    assert found[1] == found[0]


@both
class TestMakeResponse:
    def test_forms(self, fw: t.Any) -> None:
        with make(fw).test_request_context():
            assert fw.make_response().get_data() == b""
            assert fw.make_response("x").get_data() == b"x"
            response = fw.make_response("x", 201, {"X-A": "1"})
            assert (response.status_code, response.headers["X-A"]) == (201, "1")
            assert fw.make_response(("x", 202)).status_code == 202

    def test_by_the_application(self, fw: t.Any) -> None:
        app = make(fw)
        app.make_response = lambda rv: ("made", rv)
        with app.app_context():
            assert fw.make_response("x", 201) == ("made", ("x", 201))


@both
class TestFiles:
    def test_defaults_come_from_the_application(self, fw: t.Any, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("text")
        app = make(fw, root_path=str(tmp_path))
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 77
        with app.test_request_context():
            response = fw.send_file("a.txt")
            assert type(response) is fw.Response
            assert response.cache_control.max_age == 77
            response.close()
            response = fw.send_file("a.txt", max_age=5)
            assert response.cache_control.max_age == 5
            response.close()
            fw.send_from_directory(".", "a.txt").close()
            with pytest.raises(NotFound):
                fw.send_from_directory(".", "../a.txt")
        app.get_send_file_max_age = lambda name: 99
        with app.test_request_context():
            response = fw.send_file(io.BytesIO(b"x"), mimetype="text/x")
            assert response.cache_control.max_age == 99
            response.close()

    def test_needs_a_request(self, fw: t.Any) -> None:
        with pytest.raises(RuntimeError):
            fw.send_file("a.txt")


class TestStreamWithContext:
    @both
    def test_forms(self, fw: t.Any) -> None:
        app = make(fw)

        def parts() -> t.Iterator[str]:
            yield fw.request.path
            yield "end"

        with app.test_request_context("/x"):
            assert list(fw.stream_with_context(parts())) == ["/x", "end"]
            assert list(fw.stream_with_context(parts)()) == ["/x", "end"]
            assert list(fw.stream_with_context(["a", "b"])) == ["a", "b"]
            assert fw.stream_with_context(parts).__name__ == "parts"

    @both
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_needs_a_request(self, fw: t.Any) -> None:
        with pytest.raises(
            RuntimeError, match="^'stream_with_context' can only be used when a request context is"
        ):
            fw.stream_with_context(iter("ab"))

    def test_nothing_is_current_between_the_chunks(self) -> None:
        app = make(erlen)
        with app.test_request_context("/x"):
            stream = erlen.stream_with_context(erlen.request.path for _ in range(2))
        assert not erlen.has_app_context()
        assert next(stream) == "/x"
        assert not erlen.has_app_context()
        with app.test_request_context("/other"):
            assert next(stream) == "/x"
            assert erlen.request.path == "/other"
            assert next(stream, "over") == "over"
            assert erlen.request.path == "/other"

    def test_the_teardown_waits(self) -> None:
        log: list[t.Any] = []
        app = make(erlen)
        app.teardown_request(lambda error: log.append(repr(error)))

        def parts() -> t.Iterator[str]:
            yield "a"
            raise ValueError("inside")

        with app.test_request_context():
            first = erlen.stream_with_context(parts())
            second = erlen.stream_with_context(iter("ab"))
        assert next(first) == "a"
        with pytest.raises(ValueError, match="inside"):
            next(first)
        assert log == []
        second.close()
        second.close()
        assert log == ["ValueError('inside')"]
        assert list(second) == []

    def test_one_that_is_dropped(self) -> None:
        log: list[t.Any] = []
        app = make(erlen)
        app.teardown_request(lambda error: log.append("teardown"))
        with app.test_request_context():
            stream = erlen.stream_with_context(iter("ab"))
        assert log == []
        del stream
        assert log == ["teardown"]


@both
def test_get_template_attribute(fw: t.Any, tmp_path: Path) -> None:
    (tmp_path / "m.html").write_text("{% macro hi(n) %}hi {{ n }}{% endmacro %}{% set x = 4 %}")
    app = make(fw, template_folder=str(tmp_path))
    with app.app_context():
        assert fw.get_template_attribute("m.html", "hi")("you") == "hi you"
        assert fw.get_template_attribute("m.html", "x") == 4
