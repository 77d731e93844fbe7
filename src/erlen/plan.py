"""From what was declared to what a request walks through.

:class:`Plans` is the compiled state of one application at one epoch: the route
table, which methods are overridden, and a :class:`Plan` per endpoint, made at
its first use. Whatever is not declared or overridden has no step in a plan.
"""

from __future__ import annotations

import typing as t
from functools import partial

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter

from . import signals
from .beginning import first_step, recover_begun, session_ahead
from .http.request import Request
from .http.response import Response, http_error_response
from .json.provider import response_dumper
from .recover import recovery
from .respond import Prepared, make_response
from .sessions import is_stock_interface
from .state import epoch, get_current
from .steporder import SLOTS as SLOTS
from .steporder import Plan as Plan
from .steporder import Step, _late, _of_nothing, in_order, overridden, scopes_of
from .teardown import Teardowns
from .urls import url_for

if t.TYPE_CHECKING:
    from werkzeug.routing import Rule

    from .ctx import Context
    from .routing.build import UrlBuilder
    from .routing.table import RouteTable
    from .routing.target import Target

#: Those that leave nothing to plan before the request object and its match exist.
_WHOLE = {"full_dispatch_request", "create_url_adapter", "request_context"}
_ENDING = {"finalize_request", "process_response"}
_MISSING = {"dispatch_request", "raise_routing_exception", "handle_user_exception"}
_MISSING |= {"handle_http_exception", "trap_http_exception", "preprocess_request"}

_HOSTS_KEPT = 256

HTML = "text/html; charset=utf-8"
JSON = "application/json"


class Plans:
    """The compiled state of an application; replaced as soon as the epoch moves.

    Args:
        app: The application.
        previous: The state before, whose route table is kept if no rule changed.
    """

    def __init__(self, app: t.Any, previous: Plans | None = None) -> None:
        self.epoch = epoch.value
        self.app = app
        self.overridden = overridden(app)
        interface = app.session_interface
        self.stored_session = bool(getattr(interface, "opens_late", False))
        self.lazy_session = self.stored_session or is_stock_interface(interface)
        #: Whether the session's cookie may be read without a request object.
        self.direct_session = self.lazy_session and has_stock_cookies(app.request_class)
        self.must_refresh: t.Any = getattr(interface, "must_refresh", None)
        self.begin = first_step(app, not self.lazy_session)
        self.teardowns = Teardowns(app, self.overridden)
        self.table = self._table(previous)
        self.find = self.table.find
        self.stock_response = is_stock_response(app.response_class)
        self.json_line = response_dumper(app.json)
        #: Static path to method to plan, filled at first use.
        self.static: dict[str, dict[str, Plan]] = {}
        self.by_target: dict[Target, Plan] = {}
        self.by_rule: dict[tuple[int, str], Plan] = {}
        #: Blueprint names and exception class to handler, for :mod:`erlen.recover`.
        self.handlers: dict[t.Any, t.Any] = {}
        self.hosts: set[str | None] = set()
        self.general = self._is_general()
        self._missing: Plan | None = None
        self._unmatched: Plan | None = None
        self._builder: UrlBuilder | None = None
        #: Makes the path of an endpoint where nothing else has a say in it.
        self.quick_path: Step | None = None
        self.stock_url_for = type(app).url_for is url_for and "url_for" not in vars(app)

    @property
    def builder(self) -> UrlBuilder | None:
        """The compiled URL builder; None where only a bound adapter can build."""
        builder = self._builder
        if builder is None:
            if "create_url_adapter" in self.overridden or self.app.subdomain_matching:
                return None
            from .routing.build import UrlBuilder

            builder = self._builder = UrlBuilder(self.app.url_map)
            app = self.app
            injected = type(app).inject_url_defaults is not app._stock["inject_url_defaults"]
            if not (injected or "inject_url_defaults" in vars(app) or app.url_default_functions):
                self.quick_path = builder.path
        return builder

    def _table(self, previous: Plans | None) -> RouteTable:
        url_map = self.app.url_map
        kept: t.Any = getattr(previous, "table", None)
        self.map_version = url_map.version
        if kept is not None and kept.url_map is url_map:
            if previous.map_version == self.map_version:  # type: ignore[union-attr]
                return t.cast("RouteTable", kept)
        from .routing.table import compile_table

        return compile_table(url_map)

    def _is_general(self) -> bool:
        """Whether requests need Flask's whole protocol: object, push, match, dispatch."""
        app = self.app
        cls = app.request_class
        return bool(
            self.overridden & _WHOLE
            or not self.table.plain
            or app.subdomain_matching
            or app.config["TRUSTED_HOSTS"] is not None
            or cls.__init__ is not Request.__init__
            or getattr(cls, "__new__", None) is not object.__new__
        )

    # -- from a request to its plan ---------------------------------------------

    def resolve(self, environ: t.Any) -> tuple[Plan | None, dict[str, t.Any]]:
        """The plan and the view's arguments for an environ.

        Returns:
            None for the plan if only the general way can answer (a redirect, a
            wrong method).
        """
        raw = environ.get("PATH_INFO", "")
        path = raw if raw.isascii() else raw.encode("latin-1").decode("utf-8", "replace")
        found = self.find(path, environ["REQUEST_METHOD"])
        if found:
            target, args = found
            plan = self.by_target.get(target)
            if plan is None:
                plan = self.plan_of(target)
                if raw is path and path in self.table.static:
                    self.static.setdefault(path, {})[environ["REQUEST_METHOD"]] = plan
            return plan, args
        if found is None and environ["REQUEST_METHOD"].isupper():
            return self._missing or self.missing_plan(), {}
        return None, _NOTHING

    def match(self, adapter: MapAdapter) -> tuple[Rule, dict[str, t.Any]]:
        """What ``adapter.match(return_rule=True)`` says, by the compiled table.

        Args:
            adapter: The adapter of a request; one of the user's own class is asked itself.

        Raises:
            HTTPException: The path leads nowhere, or elsewhere.
        """
        own = "match" in vars(adapter) or type(adapter).match is not MapAdapter.match
        if own or adapter.map is not self.table.url_map:
            return t.cast("tuple[Rule, dict[str, t.Any]]", adapter.match(return_rule=True))
        target, args = self.table.match_adapter(adapter)
        return target.rule, args

    def allowed_methods(self, adapter: MapAdapter) -> t.Iterable[str]:
        """What ``adapter.allowed_methods()`` says, by the compiled table.

        Args:
            adapter: As for :meth:`match`.
        """
        if type(adapter) is not MapAdapter or adapter.map is not self.table.url_map:
            return adapter.allowed_methods()
        try:
            self.table.match_adapter(adapter, method="--")
        except MethodNotAllowed as error:
            return error.valid_methods or ()
        except HTTPException:
            pass
        return ()

    def accept_host(self, host: str | None) -> None:
        """Remember a valid Host header; the memory is bounded."""
        if len(self.hosts) >= _HOSTS_KEPT:
            self.hosts = set()
        self.hosts.add(host)

    def plan_of(self, target: Target) -> Plan:
        """The plan of a matched rule and method."""
        plan = self.by_target.get(target)
        if plan is None:
            plan = self.plan_for(target.rule, target.method)
            plan.constants = target.args
            self.by_target[target] = plan
        return plan

    def plan_for(self, rule: Rule, method: str | None) -> Plan:
        """The plan of a rule, for OPTIONS, for HEAD or for all other methods."""
        options = method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)
        key = (id(rule), "OPTIONS" if options else "HEAD" if method == "HEAD" else "")
        plan = self.by_rule.get(key)
        if plan is None:
            endpoint = rule.endpoint
            if options:
                view: Step = self._any_arguments("make_default_options_response")
            elif endpoint in self.app.view_functions:
                view = self.app.ensure_sync(self.app.view_functions[endpoint])
            else:
                # A rule without a view: the error belongs to the request, behind its hooks.
                view = self._any_arguments("dispatch_request")
            plan = self.by_rule[key] = self.build(rule, endpoint, view)
            # A body that is not sent is left out by the response object.
            plan.light = plan.light and method != "HEAD"
        return plan

    def plan_in(self, ctx: Context) -> Plan:
        """The plan for a context that was matched the general way."""
        if ctx.plan is not None:
            return ctx.plan
        request = ctx.request
        rule = request.url_rule
        if request.routing_exception is not None or rule is None:
            if self._unmatched is None:
                view = self._any_arguments("dispatch_request")
                self._unmatched = self.build(None, None, view)
            plan = self._unmatched
            ctx.view_args = {}
        else:
            plan = self.plan_for(rule, request.method)
            if request.view_args is not None:
                ctx.view_args = request.view_args
        ctx.plan = plan
        return plan

    def missing_plan(self) -> Plan:
        """The plan of a path that no rule matches."""
        app = self.app

        def view() -> t.Any:
            app.raise_routing_exception(get_current().request)

        plan = self.build(None, None, view)
        plan.miss = NotFound
        if (
            plan.light
            and not (self.overridden & _MISSING)
            and not app.config.get("TRAP_HTTP_EXCEPTIONS")
        ):
            if app._find_error_handler(NotFound(), ()) is None:
                page = Prepared.of(http_error_response(NotFound()))
                late = plan.view
                # A hook that asked for the request may have changed what it ends with.
                plan.view = lambda: page if get_current()._request is None else late()
        self._missing = plan
        return plan

    def _any_arguments(self, name: str) -> Step:
        method = getattr(self.app, name)
        return lambda **arguments: method()

    # -- making one --------------------------------------------------------------

    def build(self, rule: Rule | None, endpoint: str | None, view: Step) -> Plan:
        """Put together the steps for an endpoint (None: nothing matched)."""
        app = self.app
        plan = Plan()
        plan.rule = rule
        plan.endpoint = endpoint
        plan.scopes = scopes_of(endpoint)
        plan.constants = None
        plan.quick_request = rule is not None and app.request_class is Request
        plan.miss = NotFound
        overridden = "handle_user_exception" in self.overridden
        plan.recover = app.handle_user_exception if overridden else recovery(app, plan.scopes)
        self._add_dispatch(plan, view)
        self._add_ending(plan)
        plan.teardown = self.teardowns.needed(plan.scopes)
        return plan

    def _add_dispatch(self, plan: Plan, view: Step) -> None:
        app = self.app
        if "dispatch_request" in self.overridden:
            view = self._any_arguments("dispatch_request")
        if "preprocess_request" in self.overridden:
            plan.processors = ()
            plan.before = (app.preprocess_request,)
        else:
            names = (None, *reversed(plan.scopes))
            plan.processors = tuple(
                map(app.ensure_sync, in_order(app.url_value_preprocessors, names))
            )
            plan.before = tuple(
                app.ensure_sync(hook) for hook in in_order(app.before_request_funcs, names)
            )
        if signals.request_started.receivers:
            started = partial(signals.request_started.send, app, _async_wrapper=app.ensure_sync)
            plan.processors = (lambda endpoint, values: started(), *plan.processors)
        if plan.rule is None:
            plan.processors = tuple(_of_nothing(step) for step in plan.processors)
        late = plan.before or plan.processors
        plan.view = _late(app, plan.rule, view) if late else view
        if (begin := self.begin or session_ahead(self, plan.endpoint)) is not None:
            plan.processors = (begin, *plan.processors)
            plan.recover = recover_begun(plan.recover)

    def _add_ending(self, plan: Plan) -> None:
        app = self.app
        names = (*plan.scopes, None)
        plan.after = tuple(
            app.ensure_sync(hook)
            for hook in in_order(app.after_request_funcs, names, backwards=True)
        )
        finished = bool(signals.request_finished.receivers)
        stock = "make_response" not in self.overridden
        if stock:
            plan.respond = self.respond if self.stock_response else partial(make_response, app)
        else:
            plan.respond = app.make_response
        plan.finalize = app.finalize_request if self.overridden & _ENDING else None
        plan.close = self.close_loudly if finished else self.close
        plan.light = bool(
            stock
            and not plan.after
            and not finished
            and plan.finalize is None
            and self.lazy_session
            and self.stock_response
        )

    def respond(self, rv: t.Any) -> t.Any:
        """Make the response, for the stock response class: common values take a short way."""
        if type(rv) is Response:
            return rv
        value, status = rv, 200
        if type(rv) is tuple and len(rv) == 2 and type(rv[1]) is int:
            value, status = rv
        if type(value) is str:
            return Response.of_body(value.encode(), HTML, status)
        if type(value) is dict and self.json_line is not None:
            return Response.of_body(self.json_line(value), JSON, status)
        return make_response(self.app, rv)

    def session_headers(self, session: t.Any) -> list[tuple[str, str]] | None:
        """The headers that saving a session comes to; None if it needs a response."""
        interface = self.app.session_interface
        if interface.is_null_session(session):
            return []
        return t.cast(
            "list[tuple[str, str]] | None",
            interface.session_headers(self.app, session, Response),
        )

    # -- the last step -------------------------------------------------------------

    def session_to_save(self, ctx: Context) -> t.Any:
        """The session of a request that is about to be answered, if it has to be saved.

        One that was opened, or one that nobody opened but lives longer with every
        request.
        """
        session = ctx._opened
        if session is None and self.lazy_session and "HTTP_COOKIE" in ctx.environ:
            if self.must_refresh(self.app, ctx.environ):
                session = ctx._open_session()
        return session

    def close(self, ctx: Context, response: t.Any) -> t.Any:
        """Save the session, if the request has one."""
        session = ctx._opened
        if session is None and self.lazy_session:
            session = self.session_to_save(ctx)
        if session is not None:
            interface = self.app.session_interface
            if not interface.is_null_session(session):
                interface.save_session(self.app, session, response)
        return response

    def close_loudly(self, ctx: Context, response: t.Any) -> t.Any:
        """As :meth:`close`, then tell the receivers of ``request_finished``."""
        response = self.close(ctx, response)
        app = self.app
        signals.request_finished.send(app, _async_wrapper=app.ensure_sync, response=response)
        return response


_NOTHING: dict[str, t.Any] = {}


def has_stock_cookies(cls: type[t.Any]) -> bool:
    """Whether a request class reads cookies as ours does."""
    return cls.cookies is Request.cookies and cls.headers is Request.headers


def is_stock_response(cls: type[t.Any]) -> bool:
    """Whether bare values may be sent as the response class would send them."""
    return cls is Response and cls.default_mimetype == "text/html" and cls.default_status == 200
