"""Plans for an event loop: what :mod:`erlen.plan` makes, with steps that are awaited.

A plan is *native* if anything in it is a coroutine function, or if nothing in it can
block; it then runs on the server's loop. All other plans run in a thread, as a whole.
In a native plan a sync step hops to a thread, unless it is known not to block.
"""

from __future__ import annotations

import typing as t
from functools import partial
from inspect import iscoroutinefunction
from itertools import groupby

from werkzeug.exceptions import HTTPException

from ... import recover
from ...marks import is_inline, is_wrapped
from ...plan import Plan
from ...state import epoch, get_current
from ...steporder import Step
from ..threads.pool import pool_of
from .building import Builder, is_asynchronous
from .short import is_short
from .steps import AsyncStep, NativePlan, awaited, each, on_loop, until_answered

if t.TYPE_CHECKING:
    from ...plan import Plans

#: Overridden, these leave nothing to plan: Flask's whole protocol runs in a thread.
_WHOLE = {"full_dispatch_request", "request_context", "ensure_sync", "async_to_sync"}
_HANDLERS_KEPT = 512
_HOSTS_KEPT = 256
_unknown: t.Any = object()


class NativePlans:
    """What the requests of one application do on an event loop, at one epoch.

    Stands in for the application where errors find their handlers.

    Args:
        app: The application.
    """

    def __init__(self, app: t.Any) -> None:
        self.epoch = epoch.value
        self.app = app
        self.plans: Plans = app._current_plans()
        self.wrapped = (
            is_wrapped(app, "wsgi_app") or type(app).wsgi_app is not app._stock["wsgi_app"]
        )
        self.whole = bool(self.plans.overridden & _WHOLE)
        #: Hosts that were found valid, as they are in the header.
        self.hosts: set[bytes | None] = set()
        #: Path to method to plan, for paths without arguments.
        self.static: dict[str, dict[str, NativePlan]] = {}
        #: What the route table finds to plan.
        self.by_target: dict[t.Any, NativePlan] = {}
        #: The plan of a path that no rule matches.
        self.missing: NativePlan | None = None
        self.find = self.plans.find
        #: Finished pages as they go out.
        self.pages: dict[t.Any, t.Any] = {}
        self._known: dict[Plan, NativePlan | None] = {}
        self._handlers: dict[t.Any, t.Any] = {}
        self.config = app.config
        self.json_line = self.plans.json_line
        own = app.request_class.max_content_length
        #: Bytes of a body that are received before anybody asks for it.
        self.max_body: int | None = own if type(own) is int else app.config["MAX_CONTENT_LENGTH"]
        self.trap_http_exception = app.trap_http_exception
        self._pool: t.Any = None
        self._asynchronous: bool | None = None

    @property
    def debug(self) -> bool:
        """Whether the application is in debug mode."""
        return bool(self.app.debug)

    # -- from a request to its plan ----------------------------------------------------

    def resolve(self, path: str, method: str) -> tuple[NativePlan | None, dict[str, t.Any]]:
        """The plan and the view's arguments.

        Args:
            path: The decoded path, without the prefix.
            method: The method.

        Returns:
            None for the plan if the request is one for a thread.
        """
        plans = self.plans
        found = plans.find(path, method)
        if found:
            target, args = found
            native = self.of(plans.plan_of(target))
            if native is not None:
                self.by_target[target] = native
                if path in plans.table.static:
                    self.static.setdefault(path, {})[method] = native
            return native, args
        if found is None and method.isupper():
            return self.missing or self._missing(), {}
        return None, {}

    def _missing(self) -> NativePlan | None:
        self.missing = missing = self.of(self.plans._missing or self.plans.missing_plan())
        return missing

    def of(self, plan: Plan) -> NativePlan | None:
        """The native form of a plan; None if it runs in a thread.

        Args:
            plan: A plan of the same epoch.
        """
        native: NativePlan | None = self._known.get(plan, _unknown)
        if native is _unknown:
            native = self._known[plan] = Builder(self, plan).build()
        return native

    def prepare(self, ctx: t.Any) -> bool:
        """Look at a request that is not known to be an ordinary one.

        Args:
            ctx: Its context, which is current. Gets a plan and arguments if the request
                had to be matched in Flask's way; none if it can go the planned way.

        Returns:
            Whether it is a request for the loop.
        """
        if self.wrapped or self.whole or self._is_handshake(ctx.scope):
            return False
        if not self.plans.general:
            return self._admits(ctx)
        if not self._has_coroutines():
            return False
        if ctx.url_adapter is not None:
            ctx.match_request()
        plan = self.of(self.plans.plan_in(ctx))
        ctx.plan = plan
        return plan is not None

    def _has_coroutines(self) -> bool:
        """Whether any plan of the application may be a native one."""
        found = self._asynchronous
        if found is None:
            app = self.app
            tables = [app.before_request_funcs, app.after_request_funcs]
            tables += [app.teardown_request_funcs, app.url_value_preprocessors]
            hooks = [f for table in tables for functions in table.values() for f in functions]
            found = any(map(iscoroutinefunction, [*hooks, *app.teardown_appcontext_funcs]))
            found = found or any(map(is_asynchronous, app.view_functions.values()))
            self._asynchronous = found
        return found

    def _is_handshake(self, scope: t.Any) -> bool:
        return any(name == b"upgrade" for name, _ in scope["headers"])

    def _admits(self, ctx: t.Any) -> bool:
        """Whether the host is valid; if it is, requests for it are ordinary from now on."""
        names = [value for name, value in ctx.scope["headers"] if name == b"host"]
        host = names[0] if names else None
        if len(names) < 2 and host in self.hosts:
            return True
        probe = type(ctx)(self.app, ctx.scope)
        if probe.url_adapter is None or len(names) > 1:
            return False
        if len(self.hosts) >= _HOSTS_KEPT:
            self.hosts.clear()
        self.hosts.add(host)
        return True

    # -- how steps are called ------------------------------------------------------------

    async def hop(self, function: Step, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Call a function in a thread.

        Args:
            function: The function.
            args: Its arguments.
            kwargs: Likewise.
        """
        pool = self._pool or pool_of(self.app)
        ctx: t.Any = get_current(None)
        # Later calls of a request may set free what others wait for.
        urgent = ctx is None or ctx.hopped
        if not urgent:
            ctx.hopped = True
        try:
            return await pool.run(partial(function, *args, **kwargs), urgent)
        finally:
            # As in ``awaited``.
            del args, kwargs

    def step(self, function: t.Any) -> AsyncStep:
        """A step that is awaited.

        Args:
            function: A function or a coroutine function.
        """
        if iscoroutinefunction(function):
            return self.seen(function, function)
        if self.stays(function):
            return self.seen(awaited(function), function)
        return partial(self.hop, function)

    def seen(self, step: AsyncStep, function: t.Any) -> AsyncStep:
        """A step that runs on the loop; in debug mode one that tells when it blocks.

        Args:
            step: The step.
            function: What the user wrote.
        """
        if not self.app.debug:
            return step
        from ..threads.blocking import watched

        return watched(self.app, step, function)

    def stays(self, function: t.Any, role: str = "") -> bool:
        """Whether a function runs on the loop, as it does not block.

        Args:
            function: A function.
            role: As for :func:`erlen.server.loop.short.is_short`.
        """
        return is_inline(function) or is_short(function, self.app, role)

    def hooks(self, functions: t.Iterable[t.Any], role: str = "") -> tuple[AsyncStep, ...]:
        """Hooks as steps; those that come one behind the other in one colour are one step.

        Args:
            functions: Functions and coroutine functions.
            role: ``"after"`` where each takes the response and returns it.
        """
        steps: list[AsyncStep] = []
        join = each if role else until_answered
        for colour, group in groupby(functions, lambda f: self._colour(f, role)):
            members = tuple(group)
            if colour == "coroutine" or (colour == "loop" and any(map(is_inline, members))):
                steps += map(self.step, members)
            elif colour == "loop":
                steps.append(on_loop(join(members)))
            else:
                steps.append(partial(self.hop, join(members)))
        return tuple(steps)

    def _colour(self, function: t.Any, role: str) -> str:
        if iscoroutinefunction(function):
            return "coroutine"
        return "loop" if self.stays(function, role) else "thread"

    # -- errors ------------------------------------------------------------------------------

    def _known_handler(self, error: Exception, scopes: tuple[str, ...]) -> t.Any:
        key = (type(error), scopes)
        handler = self._handlers.get(key, _unknown)
        if handler is _unknown:
            if len(self._handlers) >= _HANDLERS_KEPT:
                self._handlers.clear()
            found = self.app._find_error_handler(error, scopes)
            handler = None if found is None else self.step(found)
            self._handlers[key] = handler
        return handler

    def handle_http_exception(self, error: HTTPException) -> t.Any:
        """Answer an HTTP error: by the coroutine of its handler, or by itself."""
        return recover.http_exception(self, error)

    def recover(self, error: Exception) -> t.Any:
        """Answer what a step raised: by a coroutine, or by an answer that is there."""
        try:
            return recover.user_exception(self, error)
        finally:
            # Raised again, the error would hold this frame, and it the error.
            del error
