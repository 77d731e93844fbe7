"""The context of a websocket, and what one endpoint's websockets do."""

from __future__ import annotations

import asyncio
import typing as t

from werkzeug.exceptions import Forbidden, NotFound

from ... import signals
from ...ctx import Context, _sentinel
from ...guarding import OPTIONS, unguarded
from ...http.origin import check_allowed, is_allowed, is_same_origin
from ...http.request import Request
from ...http.websocket import BlockingWebsocket, Websocket
from ...steporder import Step, in_order, scopes_of
from ..scope import ScopeContext, make_environ
from .reading import Limits

if t.TYPE_CHECKING:
    from werkzeug.routing import Rule

    from ...plan import Plans
    from .connection import Connection

_get_loop = asyncio._get_running_loop


class WebsocketContext(ScopeContext):
    """The context of one websocket: of its handshake, and of what follows.

    Args:
        app: The application.
        scope: The ASGI scope.
        connection: What its websocket object is about.
    """

    __slots__ = ("_websocket", "connection")

    plan: t.Any
    #: Functions of ``after_this_websocket``.
    after_websocket: tuple[Step, ...] = ()

    def __init__(self, app: t.Any, scope: dict[str, t.Any], connection: Connection) -> None:
        cookies = [value for name, value in scope["headers"] if name == b"cookie"]
        super().__init__(app, scope, b"; ".join(cookies) or None)
        self.connection = connection
        self._websocket = Websocket(self, connection)

    @property
    def websocket(self) -> Websocket | BlockingWebsocket:
        """The websocket: with coroutines on an event loop, blocking in a thread."""
        if _get_loop() is None:
            return BlockingWebsocket(self, self.connection)
        return self._websocket

    @property
    def environ(self) -> dict[str, t.Any]:
        """The WSGI environ of the handshake, made at first use."""
        environ = self._environ
        if environ is None:
            secure = self.scope.get("scheme") in ("wss", "https")
            scope = {**self.scope, "scheme": "https" if secure else "http", "method": "GET"}
            environ = self._environ = make_environ(scope)
            # HTTP/2 has no such headers; Werkzeug tells websockets by them.
            environ.setdefault("HTTP_UPGRADE", "websocket")
            environ.setdefault("HTTP_CONNECTION", "Upgrade")
            environ["asgi.scope"] = self.scope
        return environ

    @environ.setter
    def environ(self, value: dict[str, t.Any]) -> None:
        self._environ = value

    def _open_request(self) -> Request:
        # By way of the environ, whose scheme is HTTP's.
        return Context._open_request(self)

    def find_plan(self, plans: Plans) -> None:
        """Match the path and find what its websockets do.

        Args:
            plans: The application's.
        """
        self.match_request()
        request = self.request
        rule = None if request.routing_exception is not None else request.url_rule
        self.plan = plan_for(plans, rule)
        if rule is not None and plan_is_plain(plans):
            # Ten kilobytes that most websockets never ask for again.
            self._request = self._environ = None
            self._adapter = _sentinel


def plan_is_plain(plans: Plans) -> bool:
    """Whether nobody but us has seen the request that was matched.

    Args:
        plans: The application's.
    """
    return not plans.general and plans.app.request_class is Request


class WebsocketPlan:
    """What one endpoint's websockets do, in order. Frozen once made.

    Args:
        plans: The application's plans.
        rule: The rule; None for a path that none matches.
    """

    __slots__ = (
        *("rule", "endpoint", "scopes", "quick_request", "miss", "view", "is_async", "name"),
        *("first", "after", "teardown", "origins", "limits", "recover", "lazy_session"),
    )

    def __init__(self, plans: Plans, rule: Rule | None) -> None:
        app = plans.app
        self.rule = rule
        self.endpoint = rule.endpoint if rule is not None else None
        self.scopes = scopes_of(self.endpoint)
        self.quick_request = rule is not None and app.request_class is Request
        self.miss = NotFound
        self.lazy_session = plans.lazy_session and not plans.stored_session
        registered = app.view_functions.get(self.endpoint) if rule is not None else None
        options = getattr(registered, "websocket_options", {})
        self.view: Step | None = None if registered is None else unguarded(registered)
        self.is_async = self.view is None or asyncio.iscoroutinefunction(self.view)
        self.name = getattr(registered, "__qualname__", repr(registered))
        plain = plans.build(rule, self.endpoint, _no_view)
        self.recover = plain.recover
        self.first = self._first(app, plain)
        self.after = self._hooks(app, "after_websocket_funcs", backwards=True)
        ending = self._hooks(app, "teardown_websocket_funcs", backwards=True)
        told = signals.websocket_tearing_down.receivers
        #: None if nothing at all has to be done at the end.
        self.teardown = ending if ending or plain.teardown or told else None
        self.origins, self.limits = settings_of(app.config, options)

    def _hooks(self, app: t.Any, table: str, backwards: bool = False) -> tuple[Step, ...]:
        names = (*self.scopes, None) if backwards else (None, *reversed(self.scopes))
        found = in_order(getattr(app, table), names, backwards)
        return tuple(app.ensure_sync(hook) for hook in found)

    def _first(self, app: t.Any, plain: t.Any) -> tuple[tuple[Step, ...], tuple[Step, ...]] | None:
        before = (*plain.before, *self._hooks(app, "before_websocket_funcs"))
        return (plain.processors, before) if plain.processors or before else None

    def check_origin(self, scope: dict[str, t.Any]) -> None:
        """Refuse the handshake of a page that belongs to another site.

        Args:
            scope: The ASGI scope.

        Raises:
            Forbidden: The page's origin is neither the site's nor allowed.
        """
        headers = {name: value for name, value in scope["headers"] if name in (b"origin", b"host")}
        if b"origin" not in headers:
            # No browser: nobody's cookies are misused.
            return
        origin = headers[b"origin"].decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        scheme = scope.get("scheme") or "ws"
        if not (is_same_origin(origin, scheme, host) or is_allowed(origin, self.origins)):
            raise Forbidden(
                "A page of another site may not open this websocket. If it should, add its"
                " origin to the setting WEBSOCKET_ALLOWED_ORIGINS."
            )


def _no_view(**values: t.Any) -> None:
    raise AssertionError("never called")


def settings_of(
    config: t.Mapping[str, t.Any], own: t.Mapping[str, t.Any]
) -> tuple[tuple[str, ...], Limits]:
    """Allowed origins and limits of a rule: its own options, else the settings.

    Args:
        config: The application's settings.
        own: The options of the rule.

    Raises:
        ValueError: A setting that can't work.
    """
    wanted = {name: own.get(name, config.get(f"WEBSOCKET_{name.upper()}")) for name in OPTIONS}
    for name in OPTIONS[1:]:
        value = wanted[name]
        if value is not None and (isinstance(value, bool) or not value > 0):
            raise ValueError(f"'{name}' of a websocket is a number above 0, or None: {value!r}.")
    queue = config.get("WEBSOCKET_QUEUE_SIZE", 16)
    if type(queue) is not int or queue < 1:
        raise ValueError(f"The setting WEBSOCKET_QUEUE_SIZE is a number from 1 on, not {queue!r}.")
    limits = Limits(
        wanted["max_message_size"], queue, wanted["idle_timeout"], wanted["send_timeout"]
    )
    return check_allowed(wanted["allowed_origins"]), limits


def plan_for(plans: Plans, rule: Rule | None) -> WebsocketPlan:
    """The plan of a rule's websockets, made at the first one.

    Args:
        plans: The application's.
        rule: The rule; None for a path that none matches.
    """
    known: dict[int, WebsocketPlan] = vars(plans).setdefault("websockets", {})
    plan = known.get(id(rule))
    if plan is None:
        plan = known[id(rule)] = WebsocketPlan(plans, rule)
    return plan
