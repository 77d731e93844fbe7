"""How the plans of an event loop are put together."""

from __future__ import annotations

import typing as t
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction
from types import SimpleNamespace

from ... import signals
from ...beginning import recover_begun, session_ahead
from ...marks import is_inline, on_loop, streams_body
from ...plan import Plan, Plans
from ...session_interface import SessionInterface
from ...sessions import SecureCookieSessionInterface
from ...state import get_current
from ...steporder import Step, _late, _of_nothing, in_order
from ..scope import ScopeContext
from .steps import AsyncStep, NativePlan, awaited, notifier, settled

if t.TYPE_CHECKING:
    from .plans import NativePlans

_ENDING = {"finalize_request", "process_response"}
_HANDLING = {"handle_user_exception", "handle_http_exception", "trap_http_exception"}
_HANDLING |= {"raise_routing_exception"}


class Builder:
    """Makes the native form of one plan.

    Args:
        native: The plans it is for.
        plan: The plan.
    """

    def __init__(self, native: NativePlans, plan: Plan) -> None:
        self.native = native
        self.app = app = native.app
        self.plan = plan
        self.overridden = native.plans.overridden
        outer_first = (None, *reversed(plan.scopes))
        inner_first = (*plan.scopes, None)
        self.processors = list(in_order(app.url_value_preprocessors, outer_first))
        self.before = list(in_order(app.before_request_funcs, outer_first))
        self.after = list(in_order(app.after_request_funcs, inner_first, backwards=True))
        self.teardown = [
            *in_order(app.teardown_request_funcs, inner_first, backwards=True),
            *reversed(app.teardown_appcontext_funcs),
        ]
        #: What the user wrote for this endpoint; None: the view is ours, and does not block.
        self.view = self._view()

    def _view(self) -> t.Any:
        plan = self.plan
        if plan.rule is None or plan.endpoint is None or self._is_options():
            return None
        view = on_loop(self.app.view_functions.get(plan.endpoint))
        return None if view is None or self._is_quick(view) else view

    def _is_quick(self, view: t.Any) -> bool:
        """Whether a view does not block: one for static files, or marked, or short."""
        if getattr(view, "_erlen_static", False):
            return "send_static_file" not in vars(self.app) and is_inline(
                type(self.app).send_static_file
            )
        return self.native.stays(view)

    def _is_options(self) -> bool:
        key = (id(self.plan.rule), "OPTIONS")
        return self.native.plans.by_rule.get(key) is self.plan

    def _is_native(self) -> bool:
        steps = [*self.processors, *self.before, *self.after, *self.teardown]
        view = self.view
        if any(map(iscoroutinefunction, steps)):
            return True
        if view is not None and is_asynchronous(view):
            return True
        overridden = self.overridden & {"dispatch_request", "preprocess_request", *_ENDING}
        quiet = not (overridden or self._told() or self.native.plans.begin)
        if not quiet or view is not None:
            return False
        stays = self.native.stays
        return all(map(stays, [*self.processors, *self.before, *self.teardown])) and all(
            stays(hook, "after") for hook in self.after
        )

    def _told(self) -> bool:
        return any(
            signal.receivers
            for signal in (
                signals.request_started,
                signals.request_finished,
                signals.request_tearing_down,
                signals.appcontext_tearing_down,
                signals.appcontext_popped,
            )
        )

    def build(self) -> NativePlan | None:
        """The native plan; None if the plan runs in a thread."""
        if self.native.whole or not self._is_native():
            return None
        plan, native = self.plan, NativePlan()
        for name in ("rule", "endpoint", "scopes", "constants", "quick_request", "miss"):
            setattr(native, name, getattr(plan, name))
        native.light = plan.light
        native.respond = plan.respond
        native.streams_body = self.view is not None and streams_body(self.view)
        self._add_dispatch(native)
        self._add_ending(native)
        self._add_teardown(native)
        late = renders_late(self.app)
        if late:
            native.view = settled(native.view)
            native.before = tuple(map(settled, native.before))
            native.recover = settled(native.recover)
        quiet = not (native.processors or native.before or self.native.plans.stored_session)
        native.bare = native.light and quiet
        native.direct = native.bare and self.view is None and not late
        if native.direct:
            native.view = plan.view
        return native

    def _add_dispatch(self, native: NativePlan) -> None:
        app, plans = self.native, self.native.plans
        if "preprocess_request" in self.overridden:
            processors: list[AsyncStep] = []
            native.before = (app.step(self.app.preprocess_request),)
        else:
            processors = [app.step(function) for function in self.processors]
            native.before = app.hooks(self.before)
        if signals.request_started.receivers:
            started = notifier(app, signals.request_started)
            processors.insert(0, lambda endpoint, values: started())
        if self.plan.rule is None:
            processors = [_of_nothing(step) for step in processors]
        view = self._native_view()
        if native.before or processors:
            late = SimpleNamespace(dispatch_request=partial(app.hop, self.app.dispatch_request))
            view = _late(late, self.plan.rule, view)
        native.view = view
        if _HANDLING & self.overridden:
            native.recover = partial(app.hop, self.app.handle_user_exception)
        else:
            native.recover = awaited(app.recover)
        if plans.begin is not None:
            begin = awaited if opens_quickly(self.app) else partial(partial, app.hop)
            processors.insert(0, begin(plans.begin))
            native.recover = awaited(recover_begun(native.recover))
        elif (ahead := session_ahead(plans, self.plan.endpoint)) is not None:
            processors.insert(0, partial(_open_ahead, app, ahead))
        native.processors = tuple(processors)

    def _native_view(self) -> AsyncStep:
        app, view = self.native, self.view
        if "dispatch_request" in self.overridden:
            method = self.app.dispatch_request
            return lambda **arguments: app.hop(method)
        if view is None:
            return awaited(self.plan.view)
        methods = async_methods(view)
        if isasyncgenfunction(view):
            # Calling it only makes the generator.
            return awaited(view)
        if methods is None or iscoroutinefunction(view):
            return app.step(view)
        there = app.seen(awaited(view), view)

        def call(**arguments: t.Any) -> t.Awaitable[t.Any]:
            if not methods or t.cast(ScopeContext, get_current()).scope["method"] in methods:
                return there(**arguments)
            return app.hop(view, **arguments)

        return call

    def _add_ending(self, native: NativePlan) -> None:
        app, plans = self.native, self.native.plans
        finished = bool(signals.request_finished.receivers)
        after = list(app.hooks(self.after, "after"))
        native.finalize = None
        native.stock_close = plans.lazy_session and not (finished or plans.stored_session)
        if self.overridden & _ENDING:
            native.finalize = app.step(self.app.finalize_request)
        elif not native.stock_close:
            after.append(partial(_close, app, saves_quickly(self.app)))
            if finished:
                tell = notifier(app, signals.request_finished, "response")
                after.append(partial(_tell, tell))
        native.close = _saver(plans) if native.stock_close else _as_it_is
        native.after = tuple(after)

    def _add_teardown(self, native: NativePlan) -> None:
        app = self.native
        request, context = ends_of_request(app, self.plan.scopes), ends_of_app(app)
        native.ends_request, native.ends_app = tuple(request), tuple(context)
        popped = signals.appcontext_popped.receivers
        native.teardown = bool(request or context or popped)


def ends_of_request(native: NativePlans, scopes: tuple[str, ...]) -> list[AsyncStep]:
    """The steps at the end of a request.

    Args:
        native: The plans it is for.
        scopes: The names of its blueprints, the innermost first.
    """
    app = native.app
    if "do_teardown_request" in native.plans.overridden:
        return [native.step(app.do_teardown_request)]
    functions = in_order(app.teardown_request_funcs, (*scopes, None), backwards=True)
    steps = [native.step(function) for function in functions]
    if signals.request_tearing_down.receivers:
        steps.append(notifier(native, signals.request_tearing_down, "exc"))
    return steps


def ends_of_app(native: NativePlans) -> list[AsyncStep]:
    """The steps at the end of an application context.

    Args:
        native: The plans it is for.
    """
    app = native.app
    if "do_teardown_appcontext" in native.plans.overridden:
        return [native.step(app.do_teardown_appcontext)]
    steps = [native.step(function) for function in reversed(app.teardown_appcontext_funcs)]
    if signals.appcontext_tearing_down.receivers:
        steps.append(notifier(native, signals.appcontext_tearing_down, "exc"))
    return steps


def _saver(plans: Plans) -> t.Callable[[t.Any, t.Any], t.Any]:
    """What saves the session in Flask's own cookie, if a request has one."""
    app = plans.app
    interface = app.session_interface

    def save(ctx: t.Any, response: t.Any) -> t.Any:
        if ctx._opened is None and ctx.cookie is None:
            return response
        session = ctx.session_to_save(plans)
        if session is not None and not interface.is_null_session(session):
            interface.save_session(app, session, response)
        return response

    return save


async def _close(native: NativePlans, quickly: bool, response: t.Any) -> t.Any:
    """Save the session, as the last of the after hooks."""
    close = native.plans.close
    ctx = get_current()
    if native.plans.stored_session:
        session, interface = ctx._opened, native.app.session_interface
        quickly = session is None or interface.saves_quickly(native.app, session)
    return close(ctx, response) if quickly else await native.hop(close, ctx, response)


async def _open_ahead(native: NativePlans, ahead: Step, endpoint: t.Any, values: t.Any) -> None:
    """Open the session in a thread, if the request has a cookie that may name one."""
    ctx = t.cast(ScopeContext, get_current())
    if ctx.cookie and ctx._opened is None:
        await native.hop(ahead, endpoint, values)


async def _tell(tell: AsyncStep, response: t.Any) -> t.Any:
    await tell(response)
    return response


def _as_it_is(ctx: t.Any, response: t.Any) -> t.Any:
    return response


def async_methods(view: t.Any) -> frozenset[str] | None:
    """The HTTP methods that a class-based view answers by coroutines.

    Args:
        view: A view.

    Returns:
        None if there are none; empty if all are, or if there is no telling.
    """
    cls = getattr(view, "view_class", None)
    if cls is None:
        return None
    tell = getattr(cls, "_async_methods", None)
    return None if tell is None else tell()


def renders_late(app: t.Any) -> bool:
    """Whether templates of coroutines have to be awaited; see :mod:`erlen.latetext`.

    Args:
        app: The application.
    """
    functions = [f for functions in app.template_context_processors.values() for f in functions]
    for signal in (signals.before_render_template, signals.template_rendered):
        functions += signal.receivers_for(app)
    return any(map(iscoroutinefunction, functions))


def is_asynchronous(view: t.Any) -> bool:
    """Whether a view, or one of its methods, is a coroutine function or makes its chunks so.

    Args:
        view: A view.
    """
    if iscoroutinefunction(view) or isasyncgenfunction(view):
        return True
    return async_methods(view) is not None


def opens_quickly(app: t.Any) -> bool:
    """Whether opening a session cannot block, as it is in a cookie.

    Args:
        app: The application.
    """
    return _has_stock(app.session_interface, "open_session")


def saves_quickly(app: t.Any) -> bool:
    """Whether saving a session cannot block.

    Args:
        app: The application.
    """
    return _has_stock(app.session_interface, "save_session")


def _has_stock(interface: SessionInterface, name: str) -> bool:
    stock = getattr(SecureCookieSessionInterface, name)
    return getattr(type(interface), name, None) is stock and name not in vars(interface)
