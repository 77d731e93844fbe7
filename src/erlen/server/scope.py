"""From an ASGI scope to what the rest of the package knows: a context and an environ.

A request that never looks at its headers never gets an environ: :class:`ScopeContext`
makes it when somebody asks.
"""

from __future__ import annotations

import sys
import typing as t
from asyncio import _get_running_loop
from io import BytesIO
from urllib.parse import unquote_to_bytes

from ..ctx import Context
from ..http import filebody
from ..http.chunked import ambiguous
from ..http.request import Request, _new
from ..http.response import Response

if t.TYPE_CHECKING:
    from ..plan import Plans

Scope = dict[str, t.Any]
Environ = dict[str, t.Any]

#: A test client's own keys of the environ travel under this name of the scope.
EXTRA = "erlen.environ"

_BASE: Environ = {
    "wsgi.version": (1, 0),
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
#: The headers of a request that make a file's answer depend on more than the file.
CONDITIONS = frozenset(name.encode() for name in filebody.CONDITIONS)
_PROTOCOLS = {"1.1": "HTTP/1.1", "1.0": "HTTP/1.0", "2": "HTTP/2", "3": "HTTP/3"}

#: Names of headers to keys of the environ; an empty key leaves the header out. Bounded:
#: a client can make up any number of names.
_KEYS: dict[bytes, str] = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
_KEYS_KEPT = 512


def _key(name: bytes) -> str:
    # X_Forwarded_For would pass for X-Forwarded-For: no proxy writes such names.
    key = "" if b"_" in name else "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
    key = {"HTTP_CONTENT_TYPE": "CONTENT_TYPE", "HTTP_CONTENT_LENGTH": "CONTENT_LENGTH"}.get(
        key, key
    )
    if len(_KEYS) < _KEYS_KEPT:
        _KEYS[name] = key
    return key


def wsgi_form(text: str) -> str:
    """A decoded text as PEP 3333 has it: its UTF-8 bytes read as Latin-1."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")


def split_path(scope: Scope) -> tuple[str, str]:
    """The prefix that the application is mounted under, and the path below it.

    The path has the prefix in front (ASGI 3.0, HTTP 2.3); some servers and
    routers leave it out.

    Args:
        scope: The scope.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    if root:
        root = root.rstrip("/")
        if path.startswith(root) and path[len(root) : len(root) + 1] in ("/", ""):
            path = path[len(root) :]
    return root, path


def _path_info(scope: Scope, path: str) -> str:
    if path.isascii():
        return path
    raw = scope.get("raw_path")
    if "\ufffd" in path and raw:
        # The server could not decode it; WSGI hands on the bytes as they came.
        whole = unquote_to_bytes(raw.partition(b"?")[0])
        root = (scope.get("root_path") or "").rstrip("/").encode("utf-8", "replace")
        return whole.removeprefix(root).decode("latin-1")
    return wsgi_form(path)


def make_environ(scope: Scope, body: t.Any = b"") -> Environ:
    """The WSGI environ of a request (PEP 3333).

    Args:
        scope: Its scope, of type ``http`` or ``websocket``.
        body: Its body: bytes, or a file to read it from.
    """
    environ = _BASE.copy()
    root, path = split_path(scope)
    environ["REQUEST_METHOD"] = scope.get("method", "GET")
    environ["SCRIPT_NAME"] = wsgi_form(root) if root else ""
    environ["PATH_INFO"] = path if path.isascii() else _path_info(scope, path)
    environ["QUERY_STRING"] = scope.get("query_string", b"").decode("latin-1")
    version = scope.get("http_version", "1.1")
    environ["SERVER_PROTOCOL"] = _PROTOCOLS.get(version) or f"HTTP/{version}"
    environ["wsgi.url_scheme"] = scope.get("scheme") or "http"
    server = scope.get("server")
    if server is None:
        server = ("localhost", 80)
    environ["SERVER_NAME"] = server[0]
    environ["SERVER_PORT"] = "" if server[1] is None else str(server[1])
    client = scope.get("client")
    if client is not None:
        environ["REMOTE_ADDR"] = client[0]
        environ["REMOTE_PORT"] = str(client[1])
    for name, value in scope["headers"]:
        key = _KEYS.get(name)
        if key is None:
            key = _key(name)
        if key in environ:
            separator = "; " if key == "HTTP_COOKIE" else ","
            environ[key] += separator + value.decode("latin-1")
        elif key:
            environ[key] = value.decode("latin-1")
    environ["wsgi.errors"] = sys.stderr
    environ["asgi.scope"] = scope
    put_body(environ, body)
    if EXTRA in scope:
        environ.update(scope[EXTRA])
    return environ


def put_body(environ: Environ, body: t.Any) -> None:
    """Let an environ give a body.

    Args:
        environ: The environ.
        body: Bytes, or a file to read it from.
    """
    environ["wsgi.input"] = BytesIO(body) if body.__class__ is bytes else body
    if "CONTENT_LENGTH" not in environ:
        # The driver ends the body, whatever it was announced by.
        environ["wsgi.input_terminated"] = True
    elif "HTTP_TRANSFER_ENCODING" in environ:
        environ["wsgi.input_terminated"] = True
        environ["wsgi.input"] = ambiguous()


#: Methods as they are written.
METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE"))

#: The media types that are read at once, as clients write them.
MEDIA_TYPES: dict[t.Any, str] = {
    b"application/json": "application/json",
    b"application/x-www-form-urlencoded": "application/x-www-form-urlencoded",
}


class ScopeContext(Context):
    """The context of a request that came as an ASGI scope.

    Args:
        app: The application.
        scope: The scope.
        cookie: The value of its Cookie header, if there is one.
        plan: The plan of the matched endpoint, if it was matched already.
        view_args: The arguments of the view, likewise.
    """

    # Slots, set in each: what a class has for its instances takes longer to read.
    __slots__ = ("scope", "cookie", "body", "media_type", "_environ")

    #: The body: bytes, or a file to read it from.
    body: t.Any
    #: Its media type, where it is here as a whole and of one that is read at once.
    media_type: str | None
    _environ: Environ | None

    def __init__(
        self,
        app: t.Any,
        scope: Scope,
        cookie: bytes | None = None,
        plan: t.Any = None,
        view_args: t.Any = None,
    ) -> None:
        self.app = app
        self.scope = scope
        self.cookie = cookie
        self.plan = plan
        self.view_args = view_args
        self.touched = False
        self.body = b""
        self.media_type = self._environ = None
        self._request = self._opened = self._g = None

    @property
    def environ(self) -> Environ:
        """The WSGI environ of the scope, made at first use."""
        environ = self._environ
        if environ is None:
            request = self._request
            if request is None:
                environ = make_environ(self.scope, self.body)
            else:
                # The same object, whoever asks first.
                environ = request.environ
            self._environ = environ
        return environ

    @environ.setter
    def environ(self, value: Environ) -> None:
        self._environ = value

    @property
    def has_request(self) -> bool:
        """Whether there is a request: always."""
        return True

    def with_request(self) -> Context:
        """This context."""
        return self

    @property
    def little_environ(self) -> Environ:
        """As much of the environ as it takes to build a URL."""
        scope, request = self.scope, self._request
        if (
            self._environ is not None
            or EXTRA in scope
            or (request is not None and "environ" in request.__dict__)
        ):
            return self.environ
        root = split_path(scope)[0] if scope.get("root_path") else ""
        return {
            "REQUEST_METHOD": scope.get("method", "GET"),
            "SCRIPT_NAME": wsgi_form(root),
            "asgi.scope": scope,
        }

    def file_environ(self, response_class: t.Any) -> Environ:
        """As much of the environ as it takes to send a file; all of it, if there are conditions.

        Args:
            response_class: The class of the response; one of the user's may want all of it.
        """
        if (
            not getattr(response_class, "_plainly_made", False)
            or response_class.make_conditional is not Response.make_conditional
        ):
            return self.environ
        for name, _ in self.scope["headers"]:
            if name in CONDITIONS:
                return self.environ
        return self.little_environ

    @property
    def native(self) -> bool:  # type: ignore[override]
        """Whether the code that runs here runs on the server's event loop."""
        return _get_running_loop() is not None

    def set_body(self, body: t.Any) -> None:
        """Say what the body is.

        Args:
            body: Bytes, or a file to read it from.
        """
        self.body = body
        if self._environ is not None:
            put_body(self._environ, body)

    def copy(self) -> Context:
        """A context with the same request and session, for another thread or greenlet."""
        new = Context(self.app, self.environ, self.request, self._session)
        new.plan = self.plan
        new.view_args = self.view_args
        new._adapter = self._adapter
        return new

    # -- functions of after_this_request, in the colour of where they are called ---------

    def as_step(self, function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        """An after function as it was given; :attr:`after` gives it its colour.

        Args:
            function: A function or a coroutine function.
        """
        return function

    @property
    def after(self) -> t.Sequence[t.Callable[..., t.Any]]:  # type: ignore[override]
        """The functions of ``after_this_request``; on the loop, as steps to be awaited."""
        functions = self.__dict__.get("after", ())
        if not functions or not self.native:
            return functions  # type: ignore[no-any-return]
        return [self.app._native.step(function) for function in functions]

    @property  # type: ignore[misc]
    def _after_request_functions(self) -> list[t.Callable[..., t.Any]]:
        self.touched = True
        return self.__dict__.setdefault("after", [])  # type: ignore[no-any-return]

    # -- the request, without an environ ---------------------------------------------------

    def _open_request(self) -> Request:
        plan = self.plan
        if plan is None or not plan.quick_request or self._environ is not None:
            return super()._open_request()
        scope, body = self.scope, self.body
        request: t.Any = _new(Request)
        self._request = request
        request._source = (make_environ, scope, body)
        request.url_rule = plan.rule
        request.view_args = self.view_args
        # What views ask for most.
        request.query_string = scope.get("query_string", b"")
        if self.media_type is not None:
            request.mimetype = self.media_type
            request._received = body
        return request  # type: ignore[no-any-return]

    def close_request(self) -> None:
        """Close the files of the request, if it was ever made into an object."""
        request = self._request
        if request is None or "environ" in request.__dict__:
            super().close_request()
        elif request.__dict__.get("files"):
            request.close()

    # -- the session, without an environ -----------------------------------------------

    def session_to_save(self, plans: Plans) -> t.Any:
        """As :meth:`erlen.plan.Plans.session_to_save`.

        Args:
            plans: The application's.
        """
        session = self._opened
        if session is None and self.cookie and plans.lazy_session:
            if plans.must_refresh(self.app, self._crumbs()):
                session = self._open_session()
        return session

    def _crumbs(self) -> Environ:
        """As much of an environ as it takes to read a cookie."""
        cookie = self.cookie
        return {"HTTP_COOKIE": cookie.decode("latin-1")} if cookie else {}

    def _open_session(self) -> t.Any:
        app = self.app
        if self._request is None and app._current_plans().direct_session:
            session = app.session_interface.read_session(app, self._crumbs())
            if session is not None:
                self._opened = session
                return session
        return super()._open_session()


def scope_context(
    app: t.Any, scope: Scope, cookie: bytes | None, plan: t.Any, view_args: t.Any
) -> ScopeContext:
    """Make a context; calling its class would cost more than twice as much.

    Args:
        app: The application.
        scope: The scope.
        cookie: The value of its Cookie header, if there is one.
        plan: The plan of the matched endpoint.
        view_args: The arguments of the view.
    """
    ctx = _new_context(ScopeContext)
    ctx.app = app
    ctx.scope = scope
    ctx.cookie = cookie
    ctx.plan = plan
    ctx.view_args = view_args
    ctx.touched = False
    ctx.body = b""
    ctx.media_type = ctx._environ = ctx._request = ctx._opened = ctx._g = None
    return ctx  # type: ignore[no-any-return]


_new_context = t.cast("t.Callable[[type[ScopeContext]], t.Any]", object.__new__)
