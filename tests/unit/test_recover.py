"""Which handler an error finds, and what becomes of the others: as in Flask."""

from __future__ import annotations

import itertools
import logging
import typing as t

import pytest
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    Conflict,
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
)

import erlen
from erlen.recover import class_and_code
from sidebyside import BOTH, call, compare, quiet, serve


class BaseError(Exception):
    pass


class InnerError(BaseError):
    pass


class OwnForbidden(Forbidden):
    pass


class Codeless(HTTPException):
    code = None

    def get_response(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        from werkzeug.wrappers import Response

        return Response("codeless", 299)


class Teapot(HTTPException):
    code = 418


ERRORS: list[t.Callable[[], Exception]] = [
    BaseError,
    InnerError,
    Forbidden,
    OwnForbidden,
    Conflict,
    Codeless,
    Teapot,
    InternalServerError,
    KeyError,
    lambda: BadRequestKeyError("key"),
]
KEYS: list[t.Any] = [
    Exception,
    BaseError,
    InnerError,
    HTTPException,
    Forbidden,
    OwnForbidden,
    403,
    418,
    404,
    500,
    400,
    KeyError,
    InternalServerError,
    BadRequestKeyError,
    BadRequest,
]


def name_of(key: t.Any) -> str:
    return str(key if isinstance(key, int) else key.__name__)


def app_with(
    fw: t.Any,
    app_keys: t.Iterable[t.Any],
    outer_keys: t.Iterable[t.Any],
    inner_keys: t.Iterable[t.Any],
    **config: t.Any,
) -> t.Any:
    app = fw.Flask("recover", static_folder=None)
    app.config.update(config)
    outer, inner = fw.Blueprint("outer", "outer"), fw.Blueprint("inner", "inner")

    def raising(make: t.Callable[[], Exception]) -> t.Callable[[], t.Any]:
        def view() -> t.Any:
            raise make()

        return view

    for number, make in enumerate(ERRORS):
        for owner in (app, outer, inner):
            owner.add_url_rule(f"/{number}", f"view{number}", raising(make))
    levels = (("app", app, app_keys), ("outer", outer, outer_keys), ("inner", inner, inner_keys))
    for level, owner, keys in levels:
        for key in keys:

            def handler(error: Exception, level: str = level, key: t.Any = key) -> t.Any:
                original = getattr(error, "original_exception", None)
                return f"{level} {name_of(key)} {type(error).__name__} {original!r}", 299

            owner.register_error_handler(key, handler)
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/outer")
    return app


PATHS = [
    f"{prefix}/{number}"
    for prefix, number in itertools.product(("", "/outer", "/outer/inner"), range(len(ERRORS)))
] + ["/missing", "/outer/missing"]


@pytest.mark.parametrize("key", KEYS, ids=name_of)
@pytest.mark.parametrize("level", ["app", "outer", "inner"])
def test_one_handler(level: str, key: t.Any) -> None:
    keys = {name: [key] if name == level else [] for name in ("app", "outer", "inner")}

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        return app_with(fw, keys["app"], keys["outer"], keys["inner"])

    compare(make, *PATHS)


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(KEYS[:9], 2)), ids=str)
def test_two_handlers(first: t.Any, second: t.Any) -> None:
    """By code before by class, the blueprint before the application, the nearest class first."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        return app_with(fw, [first, second], [second], [first])

    compare(make, *PATHS)


@pytest.mark.parametrize(
    "config",
    [
        {"TRAP_HTTP_EXCEPTIONS": True},
        {"TRAP_BAD_REQUEST_ERRORS": True},
        {"DEBUG": True},
        {"TESTING": True},
        {"PROPAGATE_EXCEPTIONS": True},
        {"PROPAGATE_EXCEPTIONS": False, "DEBUG": True},
        {"DEBUG": True, "TRAP_BAD_REQUEST_ERRORS": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("keys", [(), (403, KeyError), (Exception,), (500,)], ids=str)
def test_settings(config: dict[str, t.Any], keys: tuple[t.Any, ...]) -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        return app_with(fw, keys, (), (), **config)

    compare(make, *PATHS)


def test_an_error_in_an_error_handler() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = app_with(fw, (), (), ())

        @app.errorhandler(BaseError)
        def broken(error: Exception) -> t.Any:
            log.append("broken")
            raise KeyError("in the handler")

        @app.errorhandler(KeyError)
        def never(error: Exception) -> t.Any:
            log.append("never")
            return "never"

        @app.errorhandler(Forbidden)
        def chained(error: Exception) -> t.Any:
            fw.abort(409)

        @app.errorhandler(409)
        def also_never(error: Exception) -> t.Any:
            return "also never"

        return app

    compare(make, *PATHS)


def test_what_a_handler_returns() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = app_with(fw, (), (), ())
        app.register_error_handler(BaseError, lambda error: {"a": 1})
        app.register_error_handler(InnerError, lambda error: ({"a": 1}, 410))
        app.register_error_handler(Forbidden, lambda error: error)
        app.register_error_handler(OwnForbidden, lambda error: None)
        app.register_error_handler(Conflict, lambda error: fw.redirect("/x"))
        app.register_error_handler(KeyError, lambda error: (part for part in "ab"))
        app.register_error_handler(404, lambda error: error.get_response())
        return app

    compare(make, *PATHS)


@pytest.mark.parametrize("fw", BOTH)
def test_only_plain_logs_and_signals(fw: t.Any, caplog: pytest.LogCaptureFixture) -> None:
    app = app_with(fw, (), (), ())
    seen: list[t.Any] = []

    def receive(sender: t.Any, exception: BaseException, **extra: t.Any) -> None:
        seen.append(exception)

    with fw.got_request_exception.connected_to(receive, app):
        for _ in range(2):
            serve(app, "/2")
            assert (seen, caplog.records) == ([], [])
        serve(app, call("/8", environ={"PATH_INFO": "/8"}))
    assert [type(error) for error in seen] == [KeyError]
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "Exception on /8 [GET]")
    assert record.exc_info is not None and record.exc_info[1] is seen[0]


@pytest.mark.parametrize("fw", BOTH)
def test_percent_signs_are_logged_as_they_are(fw: t.Any, caplog: pytest.LogCaptureFixture) -> None:
    app = app_with(fw, (), (), ())
    app.add_url_rule("/a%b%%s", "odd", lambda: 1 / 0)
    serve(app, call("/", environ={"PATH_INFO": "/a%b%%s"}))
    assert [record.getMessage() for record in caplog.records] == ["Exception on /a%b%%s [GET]"]


@pytest.mark.parametrize("fw", BOTH)
class TestRegistration:
    def test_what_can_be_registered(self, fw: t.Any) -> None:
        app = fw.Flask("recover")
        with pytest.raises(
            ValueError, match="^'999' is not a recognized HTTP error code. Use a sub"
        ):
            app.register_error_handler(999, lambda error: "x")
        with pytest.raises(TypeError, match=r"^KeyError\('x'\) is an instance, not a class. Handl"):
            app.register_error_handler(KeyError("x"), lambda error: "x")
        with pytest.raises(ValueError, match="^'int' is not a subclass of Exception"):
            app.register_error_handler(int, lambda error: "x")
        with pytest.raises(ValueError, match="^'KeyboardInterrupt' is not a subclass of Exception"):
            app.register_error_handler(KeyboardInterrupt, lambda error: "x")

    def test_class_and_code(self, fw: t.Any) -> None:
        find = fw.Flask._get_exc_class_and_code
        assert find(404) == (NotFound, 404)
        assert find(NotFound) == (NotFound, 404)
        assert find(KeyError) == (KeyError, None)
        assert find(Codeless) == (Codeless, None)

    def test_found_directly(self, fw: t.Any) -> None:
        """Extensions ask for the handler themselves."""
        app = app_with(fw, [403, BaseError], [Forbidden], [])
        assert app._find_error_handler(OwnForbidden(), ["outer"])(Forbidden())[0].startswith(
            "outer"
        )
        assert app._find_error_handler(OwnForbidden(), [])(Forbidden())[0].startswith("app")
        assert app._find_error_handler(KeyError(), []) is None


def test_same_function_everywhere() -> None:
    assert class_and_code(404) == erlen.Erlen._get_exc_class_and_code(404)


@pytest.mark.parametrize("fw", BOTH)
def test_a_redirect_that_loses_a_form_is_explained(fw: t.Any) -> None:
    app = fw.Flask("recover")
    app.debug = True
    quiet(app)
    app.add_url_rule("/old", "old", redirect_to="/new")
    app.url_map.redirect_code = 301

    @app.route("/dir/", methods=["GET", "POST"])
    def directory() -> str:
        return "x"

    with app.test_request_context("/dir", method="POST"):
        from werkzeug.routing import RequestRedirect

        error = fw.request.routing_exception
        assert isinstance(error, RequestRedirect)
        error.code = 301
        with pytest.raises(AssertionError, match="A request was sent to 'http://localhost/dir'"):
            app.dispatch_request()
        error.code = 308
        with pytest.raises(RequestRedirect):
            app.dispatch_request()
