"""The one context object: application context and request context in one.

Flask 3.1 keeps two objects on two context variables. Here a request is one
:class:`Context` on one variable, and everything costly in it (request object,
session, ``g``) is made when somebody asks. An application context is a
:class:`Context` without an environ; pushed inside a request, it lets the
request shine through.
"""

from __future__ import annotations

import contextvars
import sys
import typing as t
from operator import attrgetter

from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from . import signals
from .current import after_this_request as after_this_request
from .current import copy_current_request_context as copy_current_request_context
from .current import has_app_context as has_app_context
from .current import has_request_context as has_request_context
from .current import request_context as request_context
from .ending import Ending
from .errors import OutsideContextError
from .http.request import Request, new_request
from .namespace import _AppCtxGlobals as _AppCtxGlobals
from .state import get_current, reset_current, set_current

if t.TYPE_CHECKING:
    from .plan import Plan
    from .sessions import SessionMixin

_sentinel = object()
_new_object: t.Any = object.__new__


class Context(Ending):
    """What is current while a request, a command or a ``with`` block runs.

    Args:
        app: The application.
        environ: The WSGI environ; None makes an application context.
        request: A ready request object instead of one made from ``environ``.
        session: A ready session instead of one opened on first use.
        plan: The plan of the matched endpoint, if it was matched already.
        view_args: The arguments of the view, likewise.
    """

    # What every request sets; the rest has its default on the class and goes into
    # the instance's dictionary, as does whatever an extension adds.
    __slots__ = (
        "app",
        "environ",
        "plan",
        "view_args",
        "_request",
        "_opened",
        "_g",
    )

    app: t.Any
    environ: t.Any
    #: Functions of ``after_this_request``.
    after: t.Sequence[t.Callable[..., t.Any]] = ()
    flashes: list[tuple[str, str]] | None = None
    _tokens: list[contextvars.Token[t.Any]] | None = None
    _outer: Context | None = None
    _adapter: t.Any = _sentinel
    #: Whether URLs come out as Werkzeug's adapter, unchanged, would build them.
    has_plain_adapter = True
    #: Whether the code that runs here runs on an event loop that serves by ASGI.
    native = False
    #: Whether some of the request's code has run in a thread of such a loop.
    hopped = False

    def __init__(
        self,
        app: t.Any,
        environ: t.Any = None,
        request: Request | None = None,
        session: SessionMixin | None = None,
        plan: Plan | None = None,
        view_args: t.Any = None,
    ) -> None:
        self.app = app
        self.environ = environ
        self.plan = plan
        self.view_args = view_args
        #: Whether the response has to pass the steps that a bare one skips.
        self.touched = False
        self._request = request
        self._opened = session
        self._g: t.Any = None
        if request is not None and environ is None:
            self.environ = request.environ

    @classmethod
    def from_environ(cls, app: t.Any, environ: t.Any, /) -> t.Self:
        """A context of a request (Flask 3.2's name for ``RequestContext(app, environ)``).

        Args:
            app: The application.
            environ: The WSGI environ.
        """
        return cls(app, environ)

    # -- what it gives ---------------------------------------------------------

    @property
    def request(self) -> Request:
        """The request object, made at first use.

        Raises:
            RuntimeError: An application context outside of any request.
        """
        request = self._request
        if request is None:
            self._must_have_request("request")
            request = self._open_request()
        return request

    @request.setter
    def request(self, value: Request) -> None:
        self._request = value

    @property
    def session(self) -> SessionMixin:
        """The session, opened at first use; asking for it marks it accessed."""
        session = self._opened
        if session is None:
            self._must_have_request("session")
            session = self._open_session()
        # Flask 3.1.3: whoever gets hold of the session may depend on it.
        session.accessed = True
        return session

    @session.setter
    def session(self, value: SessionMixin) -> None:
        self._opened = value

    @property
    def _session(self) -> SessionMixin:
        # Flask's name for the session without the mark of being accessed.
        session = self._opened
        return session if session is not None else self._open_session()

    @_session.setter
    def _session(self, value: SessionMixin) -> None:
        # Flask-SocketIO puts the session of a connection here.
        self._opened = value

    @property
    def g(self) -> t.Any:
        """The namespace of this context: an ``app.app_ctx_globals_class``."""
        g = self._g
        if g is None:
            shared = self if self._outer is None else self.app_ctx
            if shared is not self:
                return shared.g
            g = self._g = self.app.app_ctx_globals_class()
        return g

    @g.setter
    def g(self, value: t.Any) -> None:
        self._g = value

    @property
    def app_ctx(self) -> Context:
        """The context whose ``g`` counts: this one, or one of the same application around it.

        A request inside ``with app.app_context():`` shares its namespace, as in Flask 3.1.
        """
        outer = self._outer
        if outer is None or self.environ is None or outer.app is not self.app:
            return self
        return outer.app_ctx

    @property
    def has_request(self) -> bool:
        """Whether there is a request, here or around this application context."""
        return self.with_request() is not None

    def with_request(self) -> Context | None:
        """This context, or the one around it that has the request; None if there is none."""
        ctx: Context | None = self
        while ctx is not None and ctx.environ is None:
            ctx = ctx._outer
        return ctx

    #: As much of the environ as it takes to build a URL; here it costs nothing to give all.
    little_environ: t.Any = property(attrgetter("environ"))

    def file_environ(self, response_class: t.Any) -> t.Any:
        """As much of the environ as it takes to send a file, likewise."""
        return self.environ

    @property
    def url_adapter(self) -> MapAdapter | None:
        """Werkzeug's adapter for this request or application, made at first use."""
        if self._adapter is _sentinel:
            request = self.request if self.environ is not None else None
            try:
                self._adapter = self.app.create_url_adapter(request)
            except HTTPException as error:
                self._adapter = None
                if request is not None:
                    request.routing_exception = error
            if type(self._adapter) is not MapAdapter:
                self.has_plain_adapter = False
        return self._adapter  # type: ignore[no-any-return]

    @url_adapter.setter
    def url_adapter(self, value: MapAdapter | None) -> None:
        self._adapter = value
        self.has_plain_adapter = False

    @property
    def _after_request_functions(self) -> list[t.Callable[..., t.Any]]:
        # The list under the name that Flask has for it.
        if not isinstance(self.after, list):
            self.after = []
            self.touched = True
        return self.after

    @_after_request_functions.setter
    def _after_request_functions(self, value: list[t.Callable[..., t.Any]]) -> None:
        self.after = value
        self.touched = True

    def as_step(self, function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        """An after function as the walk of this request calls it.

        Args:
            function: A function or a coroutine function.
        """
        return t.cast("t.Callable[..., t.Any]", self.app.ensure_sync(function))

    def _open_request(self) -> Request:
        plan = self.plan
        if plan is not None and plan.quick_request:
            # As new_request, without a call.
            request: Request = _new_object(Request)
            self._request = request
            request.environ = self.environ
            request.url_rule = plan.rule
            request.view_args = self.view_args
            return request
        return self._make_request()

    def _make_request(self) -> Request:
        if self.environ is None:
            source = self.with_request()
            if source is None:
                raise OutsideContextError("request", "request")
            return source.request
        cls = self.app.request_class
        plan = self.plan
        if cls is Request:
            rule = plan.rule if plan is not None else None
            request = new_request(self.environ, rule, self.view_args)
        else:
            request = cls(self.environ)
            if plan is not None:
                request.url_rule = plan.rule
                request.view_args = self.view_args
        if plan is not None and plan.rule is None:
            request.view_args = None
            request.routing_exception = plan.miss()
        request.json_module = self.app.json
        self._request = request
        return request

    def _open_session(self) -> SessionMixin:
        if self.environ is None:
            source = self.with_request()
            if source is None:
                raise OutsideContextError("session", "request")
            return source.session
        app = self.app
        interface = app.session_interface
        session = None
        if self._request is None and app._current_plans().direct_session:
            session = interface.read_session(app, self.environ)
        if session is None:
            session = interface.open_session(app, self.request)
        if session is None:
            session = interface.make_null_session(app)
        self._opened = session
        return session  # type: ignore[no-any-return]

    # -- life ------------------------------------------------------------------

    def copy(self) -> Context:
        """A context with the same request and session, for another thread or greenlet."""
        new = type(self)(self.app, self.environ, self.request, self._session)
        new.plan = self.plan
        new.view_args = self.view_args
        new._adapter = self._adapter
        new.has_plain_adapter = self.has_plain_adapter
        return new

    def match_request(self) -> None:
        """Match the URL and store rule, arguments or routing error on the request."""
        request = self.request
        try:
            adapter = self.url_adapter
            if adapter is None:
                return
            rule, args = self.app._current_plans().match(adapter)
        except HTTPException as error:
            request.routing_exception = error
        else:
            request.url_rule = rule
            request.view_args = self.view_args = t.cast("dict[str, t.Any]", args)
        self.plan = None

    def push(self) -> None:
        """Make this the current context; may be called again while it is current."""
        tokens = self._tokens
        outer = get_current(None)
        if tokens is None:
            self._tokens = tokens = []
        tokens.append(set_current(self))
        if len(tokens) > 1 or outer is self:
            return
        self._outer = outer
        if signals.appcontext_pushed.receivers and self.app_ctx is self:
            signals.appcontext_pushed.send(self.app, _async_wrapper=self.app._from_signal)
        if self.environ is not None:
            self._begin_request()

    def _begin_request(self) -> None:
        app = self.app
        if self._opened is None and not app._current_plans().lazy_session:
            self._open_session()
        if self.plan is None and self.url_adapter is not None:
            self.match_request()

    def pop(self, exc: BaseException | None = _sentinel) -> None:  # type: ignore[assignment]
        """Undo one :meth:`push`; the last one runs the teardown functions.

        Args:
            exc: The exception that ended the context, handed to the teardown
                functions; that being handled where it is left out.

        Raises:
            AssertionError: Another context is current.
        """
        current = get_current(None)
        if current is not self or not self._tokens:
            kind = "app" if self.environ is None else "request"
            raise AssertionError(f"Popped wrong {kind} context. ({current!r} instead of {self!r})")
        if exc is _sentinel:
            exc = sys.exc_info()[1]
        tokens = self._tokens
        last = len(tokens) == 1 and not self.held
        if self.held:
            self._error = exc
        try:
            if last:
                self.tear_down(exc)
        finally:
            reset_current(tokens.pop())
            if last:
                self.leave()

    def __enter__(self) -> t.Self:
        self.push()
        return self

    def __exit__(self, kind: t.Any, value: BaseException | None, tb: t.Any) -> None:
        self.pop(value)

    def __repr__(self) -> str:
        if self.environ is None:
            return f"<AppContext of {self.app.name}>"
        request = self.request
        return f"<RequestContext {request.url!r} [{request.method}] of {self.app.name}>"


AppContext = Context
RequestContext = Context
