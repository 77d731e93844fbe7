"""The steps of a request as methods that may be overridden, each as Flask has it.

The runner walks plans and calls none of these while nobody overrides them; an
override takes its slot in the plan, and may call the method here as ``super()``.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing as t
from types import FunctionType, TracebackType

from werkzeug.exceptions import HTTPException

from . import recover, signals
from .appbase import App
from .ctx import request_context as current_request_context
from .http.request import Request
from .http.response import Response
from .plan import Plans
from .respond import make_response
from .runner import run
from .shapes import CONTEXT_FIRST, either_shape, fit_class, fitted
from .state import STALE, epoch, get_current
from .steporder import in_order
from .teardown import Teardowns, tear_down

if t.TYPE_CHECKING:
    from . import typing as ft

_ExcInfo = tuple[t.Any, t.Any, TracebackType | None]

# Exception classes can be made without end by a program.
_HANDLERS_KEPT = 512
_unknown = object()


class Steps(App):
    """What an application does with a request; see :class:`erlen.Erlen`."""

    # Set in the instance only: what an object and its class have takes longer to read.
    _plans: Plans
    #: Whether what comes before serving has run in this process.
    _begun = False

    def __init_subclass__(cls, **kwargs: t.Any) -> None:
        super().__init_subclass__(**kwargs)
        fit_class(cls)

    def _fitted(self, name: str, value: t.Any) -> t.Any:
        return fitted(value, True) if name in CONTEXT_FIRST and callable(value) else value

    def _freeze(self) -> Plans:
        """Compile what was declared; called when the epoch has moved."""
        previous = self._plans
        # Methods may have been replaced on the class since it was made.
        fit_class(type(self))
        if self.config.get("SESSION_STORE") is not None or "_stored_sessions" in self.__dict__:
            from .sessionstores.settings import settle

            settle(self)
        plans = self._plans = Plans(self, previous)
        return plans

    def _current_plans(self) -> Plans:
        plans = self._plans
        return plans if plans.epoch == epoch.value else self._freeze()

    def _recheck_overrides(self) -> None:
        """Notice methods that were replaced on the class itself, as mocks do."""
        plans = self._plans
        if plans is not STALE:
            from .steporder import overridden

            if overridden(self) != plans.overridden:
                epoch.bump()

    @either_shape
    def full_dispatch_request(self) -> Response:
        """Handle the current request up to its finished response; may be overridden."""
        ctx = current_request_context("full_dispatch_request")
        plans = self._current_plans()
        self._got_first_request = True
        plan = plans.plan_in(ctx)
        rv = run(plan, ctx)
        if plan.light and not ctx.touched:
            rv = plan.close(ctx, plan.respond(rv))
        return t.cast(Response, rv)

    @either_shape
    def preprocess_request(self) -> ft.ResponseReturnValue | None:
        """Run the URL processors and before hooks; may be overridden.

        Returns:
            What a hook answered instead of the view, or None.
        """
        ctx = current_request_context("preprocess_request")
        names = (None, *reversed(ctx.request.blueprints))
        for processor in in_order(self.url_value_preprocessors, names):
            self.ensure_sync(processor)(ctx.request.endpoint, ctx.request.view_args)
        for hook in in_order(self.before_request_funcs, names):
            rv = self.ensure_sync(hook)()
            if rv is not None:
                return t.cast("ft.ResponseReturnValue", rv)
        return None

    @either_shape
    def dispatch_request(self) -> ft.ResponseReturnValue:
        """Call the view of the current request; may be overridden.

        Raises:
            HTTPException: The request matched no rule.
        """
        req = current_request_context("dispatch_request").request
        if req.routing_exception is not None:
            self.raise_routing_exception(req)
        rule: t.Any = req.url_rule
        if getattr(rule, "provide_automatic_options", False) and req.method == "OPTIONS":
            return self.make_default_options_response()
        view = self.ensure_sync(self.view_functions[rule.endpoint])
        return t.cast("ft.ResponseReturnValue", view(**(req.view_args or {})))

    @either_shape
    def make_default_options_response(self) -> Response:
        """The answer to an automatic OPTIONS request; may be overridden."""
        adapter = current_request_context("make_default_options_response").url_adapter
        rv = self.response_class()
        rv.allow.update(self._current_plans().allowed_methods(adapter))  # type: ignore[arg-type]
        return rv

    def raise_routing_exception(self, request: Request) -> t.NoReturn:
        """Raise what matching the request ended with; may be overridden."""
        recover.raise_routing_exception(self, request)

    def make_response(self, rv: ft.ResponseReturnValue) -> Response:
        """Turn what a view returned into a response; may be overridden.

        Args:
            rv: See :func:`erlen.respond.make_response`.

        Raises:
            TypeError: It can't be a response.
        """
        return t.cast(Response, make_response(self, rv))

    @either_shape
    def finalize_request(
        self, rv: ft.ResponseReturnValue | HTTPException, from_error_handler: bool = False
    ) -> Response:
        """Make the response and run what comes after the view; may be overridden.

        Args:
            rv: What the view or an error handler returned.
            from_error_handler: Whether an error in here is logged, not raised.
        """
        response = self.make_response(rv)
        try:
            response = self.process_response(response)
            signals.request_finished.send(self, _async_wrapper=self.ensure_sync, response=response)
        except Exception:
            if not from_error_handler:
                raise
            self.logger.exception("Request finalizing failed with an error while handling an error")
        return response

    @either_shape
    def process_response(self, response: Response) -> Response:
        """Run the after hooks and save the session; may be overridden.

        Args:
            response: The response so far.
        """
        ctx = current_request_context("process_response")
        for hook in ctx.after:
            response = self.ensure_sync(hook)(response)
        names = (*ctx.request.blueprints, None)
        for hook in in_order(self.after_request_funcs, names, backwards=True):
            response = self.ensure_sync(hook)(response)
        return t.cast(Response, self._current_plans().close(ctx, response))

    @either_shape
    def do_teardown_request(self, exc: BaseException | None = _unknown) -> None:  # type: ignore[assignment]
        """Run the teardown functions of the request; may be overridden.

        All of them run; the first error is raised at the end.

        Args:
            exc: The exception that ended the request, or None; that being
                handled where it is left out.
        """
        if exc is _unknown:
            exc = sys.exc_info()[1]
        hooks = self._teardowns().of_request(recover.current_scopes())
        tear_down(self, hooks, signals.request_tearing_down, exc)

    @either_shape
    def do_teardown_appcontext(self, exc: BaseException | None = _unknown) -> None:  # type: ignore[assignment]
        """Run the teardown functions of the application context; may be overridden.

        Args:
            exc: The exception that ended the context, or None; that being
                handled where it is left out.
        """
        if exc is _unknown:
            exc = sys.exc_info()[1]
        tear_down(self, self._teardowns().of_app(), signals.appcontext_tearing_down, exc)

    def _teardowns(self) -> Teardowns:
        # An application that only runs commands needs no plans.
        plans = self._plans
        if plans.epoch == epoch.value:
            return plans.teardowns
        return Teardowns(self, frozenset())

    # -- errors --------------------------------------------------------------------------

    def _find_error_handler(
        self, e: Exception, blueprints: t.Iterable[str]
    ) -> ft.ErrorHandlerCallable | None:
        return t.cast(
            "ft.ErrorHandlerCallable | None",
            recover.find_handler(self.error_handler_spec, e, blueprints),
        )

    def _known_handler(
        self, e: Exception, blueprints: tuple[str, ...]
    ) -> ft.ErrorHandlerCallable | None:
        """The handler for an error, ready to be called; remembered until the epoch moves."""
        known = self._current_plans().handlers
        key = (type(e), blueprints)
        handler = known.get(key, _unknown)
        if handler is _unknown:
            if len(known) >= _HANDLERS_KEPT:
                known.clear()
            handler = self._find_error_handler(e, blueprints)
            if handler is not None:
                handler = self.ensure_sync(handler)
            known[key] = handler
        return handler  # type: ignore[no-any-return]

    @either_shape
    def handle_http_exception(self, e: HTTPException) -> HTTPException | ft.ResponseReturnValue:
        """Answer an HTTP error; may be overridden."""
        return t.cast("HTTPException", recover.http_exception(self, e))

    @either_shape
    def handle_user_exception(self, e: Exception) -> HTTPException | ft.ResponseReturnValue:
        """Answer what a view or hook raised; may be overridden."""
        try:
            return t.cast("HTTPException", recover.user_exception(self, e))
        finally:
            # As in there: raised again, the error would hold this frame, and it the error.
            del e

    @either_shape
    def handle_exception(self, e: Exception) -> Response:
        """Answer an error that nobody took with 500, or let it through; may be overridden."""
        return t.cast(Response, recover.unhandled(self, e))

    @either_shape
    def log_exception(self, exc_info: _ExcInfo | tuple[None, None, None]) -> None:
        """Log an unhandled error; may be overridden.

        Args:
            exc_info: As ``sys.exc_info()`` gives it.
        """
        from .logging import printable

        where = "outside of a request"
        ctx = get_current(None)
        if ctx is not None and ctx.has_request:
            where = f"{printable(ctx.request.path)} [{printable(ctx.request.method)}]"
        self.logger.error(f"Exception on {where}", exc_info=exc_info)

    # -- sync and async --------------------------------------------------------------------

    def ensure_sync(self, func: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        """A function that can be called without ``await``; may be overridden.

        Args:
            func: A function or a coroutine function.
        """
        # Asked for hooks of every request: nearly all are plain functions.
        if type(func) is FunctionType and not (
            func.__code__.co_flags & inspect.CO_COROUTINE or func.__dict__
        ):
            return func
        if inspect.iscoroutinefunction(func):
            return self.async_to_sync(func)
        return func

    def _from_signal(self, receiver: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        """An asynchronous receiver, for a signal that may be sent from a coroutine's code."""
        from .server.threads.bridge import receiver_to_sync

        return receiver_to_sync(receiver, self.ensure_sync(receiver))

    async def _end_copy(self, ctx: t.Any, error: BaseException | None) -> None:
        """Run the teardown functions of a context that a coroutine had a copy of."""
        from .server.background import tear_down

        await tear_down(self, ctx, error)

    def ensure_async(self, func: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        """A function that can be awaited; the counterpart of :meth:`ensure_sync`.

        Args:
            func: A coroutine function, which is returned as it is, or a function, which
                then runs in a thread.
        """
        if inspect.iscoroutinefunction(func):
            return func
        from .server.threads.pool import pool_of

        @functools.wraps(func)
        async def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
            return await pool_of(self).call(func, *args, **kwargs)

        return call

    def async_to_sync(
        self, func: t.Callable[..., t.Coroutine[t.Any, t.Any, t.Any]]
    ) -> t.Callable[..., t.Any]:
        """Wrap a coroutine function so that it runs on the process's event loop.

        Args:
            func: A coroutine function.
        """
        from .server.threads.bridge import async_to_sync

        return async_to_sync(func)
