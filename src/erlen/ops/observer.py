"""What stands around ``wsgi_app`` and ``asgi_app`` of an application that is observed.

It sees what really goes out: also the errors of hooks, the redirects, and what no rule
matches. Which rule matched it is told by the first step of the plans.
"""

from __future__ import annotations

import typing as t
from time import perf_counter

from ..http.filebody import FileBody
from ..marks import inline, is_wrapped
from ..state import get_current
from .current import (
    KEY,
    Observation,
    get_observed,
    is_valid,
    new_id,
    reset_observed,
    set_observed,
)
from .probes import Page, answer_asgi, answer_wsgi

#: What is done with an observation.
Part = t.Callable[[Observation], None]


class Observing:
    """What is observed of one application: decided once, by its settings.

    Args:
        app: The application.
        pages: Path to the page that is answered there.
        id_header: The header that has the request's id; None: requests have no ids.
        trusts: Whether the id that came with a request is kept.
    """

    def __init__(
        self, app: t.Any, pages: dict[str, Page], id_header: str | None, trusts: bool
    ) -> None:
        self.app = app
        self.pages = pages
        self.id_header = id_header
        self.trusts = trusts
        self.raw_header = (id_header or "").lower().encode()
        self.environ_key = "HTTP_" + (id_header or "").upper().replace("-", "_")
        #: Called when a request begins, and in the same order when it has ended.
        self.begins: tuple[Part, ...] = ()
        #: Whether log records tell the method and the path.
        self.for_logs = False
        self.ends: tuple[Part, ...] = ()

    @property
    def observes(self) -> bool:
        """Whether anything but pages was asked for."""
        return bool(self.id_header or self.begins or self.ends or self.for_logs)

    def install(self) -> None:
        """Stand around the application's drivers, and become the first step of its plans."""
        app = self.app
        own = vars(app)
        # Not by assigning: that would look at the driver, which brings asyncio with it.
        own["asgi_app"] = AsgiObserver(self, own.get("asgi_app"), is_wrapped(app, "asgi_app"))
        app.wsgi_app = WsgiObserver(self, own.get("wsgi_app"), is_wrapped(app, "wsgi_app"))
        if self.begins or self.ends:
            app.url_value_preprocessors.setdefault(None, []).insert(0, note_rule)

    def begin(self, seen: Observation, given: str | None, outer: t.Any) -> None:
        """Begin a request.

        Args:
            seen: Its observation.
            given: The id that came with it.
            outer: The observation of the application around this one, if any.
        """
        if self.id_header is not None:
            if outer is not None and outer.id is not None:
                seen.id = outer.id
            elif given is not None and self.trusts and is_valid(given):
                seen.id = given
            else:
                seen.id = new_id()
        for part in self.begins:
            part(seen)

    def end(self, seen: Observation, error: BaseException | None = None) -> None:
        """End a request; again, it does nothing."""
        if seen.ended:
            return
        seen.ended = True
        if error is not None:
            seen.error = error
        for part in self.ends:
            part(seen)
        # The error's frames hold what holds this, and so does the environ.
        seen.error = seen.carrier = None


@inline
def note_rule(endpoint: str | None, values: t.Any) -> None:
    """Note which rule a request was matched to, and whose it is; a URL value preprocessor.

    Args:
        endpoint: The endpoint, None if no rule matched.
        values: Of no interest here.
    """
    seen = get_observed()
    if type(seen) is not Observation:
        return
    ctx: t.Any = get_current()
    # What trusted proxies say has been believed by now.
    scope = getattr(ctx, "scope", None)
    if scope is None:
        seen.client = ctx.environ.get("REMOTE_ADDR")
    else:
        client = scope.get("client")
        seen.client = client[0] if client else None
    if endpoint is not None:
        plan = ctx.plan
        rule = plan.rule if plan is not None else ctx.request.url_rule
        seen.endpoint = endpoint
        seen.rule = rule.rule if rule is not None else None


class WsgiObserver:
    """Stands around ``wsgi_app``.

    Args:
        observing: What is observed.
        inner: What stood there on the instance; None: the driver.
        wraps_other: Whether that is somebody's middleware.
    """

    def __init__(self, observing: Observing, inner: t.Any, wraps_other: bool) -> None:
        self.observing = observing
        self.inner = inner or observing.app.wsgi_app
        self.wraps_other = wraps_other

    def __call__(self, environ: t.Any, start_response: t.Any) -> t.Iterable[bytes]:
        observing = self.observing
        scope = environ.get("asgi.scope")
        if scope is not None and KEY in scope and scope[KEY].owner is observing:
            # It came by ASGI, where it was observed from the start.
            return t.cast("t.Iterable[bytes]", self.inner(environ, start_response))
        path: str = environ.get("PATH_INFO", "")
        page = observing.pages.get(path)
        if page is not None:
            return answer_wsgi(page, environ, start_response)
        if not observing.observes:
            return t.cast("t.Iterable[bytes]", self.inner(environ, start_response))
        method = environ["REQUEST_METHOD"]
        seen = Observation(observing, "http", method, _decoded(path), perf_counter())
        seen.carrier = environ
        seen.client = environ.get("REMOTE_ADDR")
        outer, environ[KEY] = environ.get(KEY), seen
        set_observed(seen)
        observing.begin(seen, environ.get(observing.environ_key), outer)
        try:
            body = self.inner(environ, _starting(seen, observing.id_header, start_response))
        except BaseException as error:
            seen.status = 500
            _leave(observing, seen, error)
            raise
        kind = type(body)
        if kind is tuple or kind is list or kind is FileBody or _is_file(body, environ):
            # A server may send a file by other means if it gets it as it is.
            _leave(observing, seen, None)
            return t.cast("t.Iterable[bytes]", body)
        return ObservedBody(observing, seen, body)


def _decoded(path: str) -> str:
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def _is_file(body: t.Any, environ: t.Any) -> bool:
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper is not None and isinstance(wrapper, type) and isinstance(body, wrapper)


def _starting(seen: Observation, id_header: str | None, start_response: t.Any) -> t.Any:
    """``start_response`` that notes the status, and gives the id back."""

    def start(status: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
        seen.status = int(status[:3])
        if id_header is not None and not _has(headers, id_header):
            headers = [*headers, (id_header, seen.id)]
        try:
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)
        finally:
            exc_info = None

    return start


def _has(headers: t.Any, wanted: str) -> bool:
    lower = wanted.lower()
    return any(name.lower() == lower for name, _ in headers)


def _leave(observing: Observing, seen: Observation, error: BaseException | None) -> None:
    try:
        observing.end(seen, error)
    finally:
        # No token: a server may close the body elsewhere than it called the application.
        if get_observed() is seen:
            set_observed(None)


class ObservedBody:
    """A body that takes its time; its request ends with it.

    Args:
        observing: What is observed.
        seen: The request's observation.
        body: The body.
    """

    __slots__ = ("_body", "_observing", "_seen")

    def __init__(self, observing: Observing, seen: Observation, body: t.Iterable[bytes]) -> None:
        self._observing = observing
        self._seen = seen
        self._body = body

    def __iter__(self) -> t.Iterator[bytes]:
        try:
            yield from self._body
        except Exception as error:
            self._seen.error = error
            raise

    def close(self) -> None:
        """Close the body, then end the request."""
        failed: BaseException | None = None
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            failed = error
            raise
        finally:
            _leave(self._observing, self._seen, failed)
            failed = None


class AsgiObserver:
    """Stands around ``asgi_app``.

    Args:
        observing: What is observed.
        inner: What stood there on the instance; None: the driver, when it is needed.
        wraps_other: Whether that is somebody's middleware.
    """

    def __init__(self, observing: Observing, inner: t.Any, wraps_other: bool) -> None:
        self.observing = observing
        self.inner = inner
        self.wraps_other = wraps_other

    async def __call__(self, scope: dict[str, t.Any], receive: t.Any, send: t.Any) -> None:
        observing, inner = self.observing, self.inner
        if inner is None:
            app = observing.app
            # Not at set-up time: a program that only speaks WSGI has no event loop.
            inner = self.inner = type(app).asgi_app.__get__(app)
        kind: str = scope["type"]
        if kind not in ("http", "websocket"):
            await inner(scope, receive, send)
            return
        path = _path_of(scope)
        page = observing.pages.get(path) if kind == "http" else None
        if page is not None:
            await answer_asgi(page, scope, send)
            return
        if not observing.observes:
            await inner(scope, receive, send)
            return
        method = scope["method"] if kind == "http" else "WEBSOCKET"
        seen = Observation(observing, kind, method, path, perf_counter())
        client = scope.get("client")
        seen.client = client[0] if client else None
        outer = scope.get(KEY)
        seen.carrier = scope = {**scope, KEY: seen}
        token = set_observed(seen)
        error: BaseException | None = None
        try:
            observing.begin(seen, _given(scope, observing.raw_header), outer)
            await inner(scope, receive, _sending(seen, observing, send))
        except Exception as raised:
            error = raised
            seen.status = seen.status or 500
            raise
        finally:
            observing.end(seen, error)
            reset_observed(token)
            error = None


def _path_of(scope: dict[str, t.Any]) -> str:
    """The path below the prefix that the application is mounted under."""
    path: str = scope["path"]
    if scope.get("root_path"):
        from ..server.scope import split_path

        path = split_path(scope)[1]
    return path


def _given(scope: dict[str, t.Any], name: bytes) -> str | None:
    """A header of a scope; None if it is not there exactly once."""
    found = [value for key, value in scope["headers"] if key == name] if name else []
    return str(found[0], "latin-1") if len(found) == 1 else None


_START = {"http.response.start", "websocket.http.response.start", "websocket.accept"}


def _sending(seen: Observation, observing: Observing, send: t.Any) -> t.Any:
    """``send`` that notes the status, and gives the id back."""
    name = observing.raw_header

    async def send_on(message: dict[str, t.Any]) -> None:
        kind = message["type"]
        if kind in _START:
            seen.status = message.get("status", 101)
            headers = list(message.get("headers") or ())
            if name and not any(key == name for key, _ in headers):
                pair = (name, (seen.id or "").encode("latin-1"))
                message = {**message, "headers": [*headers, pair]}
        elif kind == "websocket.close" and not seen.status:
            # Refused, in the only way that the server knows.
            seen.status = 403
        await send(message)

    return send_on
