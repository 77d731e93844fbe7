"""The context-local names: ``current_app``, ``g``, ``request``, ``session``.

They are Werkzeug ``LocalProxy`` objects (libraries test for that and call
``_get_current_object``), but the names that are used in every view do not go
through Werkzeug's generic look-up, which costs several times as much.
"""

from __future__ import annotations

import typing as t

from werkzeug.local import LocalProxy

from .errors import OutsideContextError
from .state import current as _current
from .state import get_current

if t.TYPE_CHECKING:
    from .app import Erlen
    from .ctx import Context
    from .http.request import Request
    from .http.websocket import BlockingWebsocket, Websocket
    from .namespace import _AppCtxGlobals
    from .sessions import SessionMixin


class _Proxy(LocalProxy[t.Any]):
    """A local proxy over one function that finds the object."""

    __slots__ = ()

    def __init__(self, find: t.Callable[[], t.Any]) -> None:
        super().__init__(find)
        object.__setattr__(self, "_get_current_object", find)

    def __repr__(self) -> str:
        try:
            return repr(self._get_current_object())
        except RuntimeError:
            return "<LocalProxy unbound>"

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._get_current_object(), name)

    def __setattr__(self, name: str, value: t.Any) -> None:
        setattr(self._get_current_object(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._get_current_object(), name)

    def __getitem__(self, key: t.Any) -> t.Any:
        return self._get_current_object()[key]

    def __setitem__(self, key: t.Any, value: t.Any) -> None:
        self._get_current_object()[key] = value

    def __delitem__(self, key: t.Any) -> None:
        del self._get_current_object()[key]

    def __contains__(self, key: t.Any) -> bool:
        return key in self._get_current_object()


def _find_app() -> Erlen:
    ctx = get_current(None)
    if ctx is None:
        raise OutsideContextError("current_app", "application")
    return ctx.app  # type: ignore[no-any-return]


def _find_app_ctx() -> Context:
    ctx = get_current(None)
    if ctx is None:
        raise OutsideContextError("app_ctx", "application")
    # Shorter than the property where nothing is around it.
    return ctx if ctx._outer is None else ctx.app_ctx


def _find_g() -> t.Any:
    ctx = get_current(None)
    if ctx is None:
        raise OutsideContextError("g", "application")
    return ctx._g or ctx.g


def _find_request_ctx() -> Context:
    ctx = get_current(None)
    if ctx is not None:
        ctx = ctx.with_request()
    if ctx is None:
        raise OutsideContextError("request_ctx", "request")
    return ctx


def _find_request() -> Request:
    ctx = get_current(None)
    if ctx is None:
        raise OutsideContextError("request", "request")
    return ctx._request or ctx._open_request()


def _find_websocket() -> t.Any:
    ctx: t.Any = get_current(None)
    while ctx is not None:
        found = getattr(ctx, "websocket", None)
        if found is not None:
            return found
        # An application context lets what is around it shine through.
        ctx = ctx._outer if ctx.environ is None else None
    raise OutsideContextError("websocket", "websocket")


def _find_session() -> SessionMixin:
    ctx = get_current(None)
    if ctx is None:
        raise OutsideContextError("session", "request")
    # As the context's own property does; a call less.
    session = ctx._opened
    if session is None:
        session = ctx._open_session()
    session.accessed = True
    return session


def _app_property(name: str) -> property:
    def get(self: t.Any) -> t.Any:
        ctx = get_current(None)
        if ctx is None:
            raise OutsideContextError("current_app", "application")
        return getattr(ctx.app, name)

    return property(get, doc=f"``{name}`` of the current application.")


class _AppProxy(_Proxy):
    __slots__ = ()

    def __getattr__(self, name: str) -> t.Any:
        ctx = get_current(None)
        if ctx is None:
            raise OutsideContextError("current_app", "application")
        return getattr(ctx.app, name)


def _request_property(name: str) -> property:
    def get(self: t.Any) -> t.Any:
        ctx = get_current(None)
        if ctx is None:
            raise OutsideContextError("request", "request")
        return getattr(ctx._request or ctx._open_request(), name)

    return property(get, doc=f"``{name}`` of the current request.")


class _RequestProxy(_Proxy):
    __slots__ = ()

    def __getattr__(self, name: str) -> t.Any:
        ctx = get_current(None)
        if ctx is None:
            raise OutsideContextError("request", "request")
        return getattr(ctx._request or ctx._open_request(), name)

    def __setattr__(self, name: str, value: t.Any) -> None:
        setattr(_find_request(), name, value)


# What Python does not find on a class costs it an error before ``__getattr__`` is asked, three
# times the whole look-up. These are the names that programs and extensions read.
_APP_NAMES = """
    blueprints config debug ensure_sync extensions import_name jinja_env json logger make_response
    name permanent_session_lifetime response_class root_path secret_key session_interface testing
    url_for url_map view_functions
"""
_REQUEST_NAMES = """
    accept_languages accept_mimetypes access_route args authorization base_url blueprint blueprints
    content_length content_type cookies data endpoint environ files form full_path get_data get_json
    headers host host_url is_json is_secure json method mimetype path query_string referrer
    remote_addr root_path routing_exception scheme script_root stream url url_root url_rule
    user_agent values view_args
"""
for _name in _APP_NAMES.split():
    setattr(_AppProxy, _name, _app_property(_name))
for _name in _REQUEST_NAMES.split():
    setattr(_RequestProxy, _name, _request_property(_name))


#: What is put into a session and taken out by the same request. Flask-Login asks for it behind
#: each: that must not have a store asked for the session of a request that never used it.
_WITHIN_A_REQUEST = frozenset({"_remember"})


def _is_stored(ctx: t.Any) -> bool:
    return bool(ctx.has_request and ctx.app._current_plans().stored_session)


class _SessionProxy(_Proxy):
    __slots__ = ()

    def __getitem__(self, key: t.Any) -> t.Any:
        return _find_session()[key]

    def __setitem__(self, key: t.Any, value: t.Any) -> None:
        _find_session()[key] = value

    def __contains__(self, key: t.Any) -> bool:
        ctx = get_current(None)
        session = ctx._opened if ctx is not None else None
        if session is None:
            if key in _WITHIN_A_REQUEST and ctx is not None and _is_stored(ctx):
                return False
            return key in _find_session()
        session.accessed = True
        return key in session

    @property
    def get(self) -> t.Any:
        """``get`` of the current session."""
        return _find_session().get


class _GlobalsProxy(_Proxy):
    __slots__ = ()

    # Not __getattr__: what Python has to look for in vain first costs three times as much.
    def __getattribute__(self, name: str) -> t.Any:
        if name in _OWN:
            return _plain_attribute(self, name)
        ctx = get_current(None)
        if ctx is None:
            raise OutsideContextError("g", "application")
        return getattr(ctx._g or ctx.g, name)

    def __setattr__(self, name: str, value: t.Any) -> None:
        ctx = get_current(None)
        if ctx is None:
            raise OutsideContextError("g", "application")
        setattr(ctx._g or ctx.g, name, value)


_plain_attribute = object.__getattribute__
#: What the proxy has itself, and a namespace in place of the stock one need not have.
_OWN = frozenset(dir(_GlobalsProxy))


if t.TYPE_CHECKING:
    # What type checkers see: the objects themselves. ``current_app`` can be
    # told its subclass: ``app = t.cast(MyApp, current_app)`` in one's own module.
    current_app: Erlen
    g: _AppCtxGlobals
    request: Request
    session: SessionMixin
    websocket: Websocket
    #: The same object, for type checkers that read a view which is a plain function.
    blocking_websocket: BlockingWebsocket
    app_ctx: Context
    request_ctx: Context
else:
    current_app = _AppProxy(_find_app)
    g = _GlobalsProxy(_find_g)
    request = _RequestProxy(_find_request)
    session = _SessionProxy(_find_session)
    websocket = blocking_websocket = _Proxy(_find_websocket)
    app_ctx = _Proxy(_find_app_ctx)
    request_ctx = _Proxy(_find_request_ctx)

_cv_app = _current
_cv_request = _current
