"""The end of a context: streams that still hold it, teardown functions, files to close."""

from __future__ import annotations

import contextvars
import sys
import typing as t

from . import signals
from .errors import NoRequestError
from .http.request import Request
from .state import epoch, get_current, reset_current, set_current
from .teardown import tear_down

if t.TYPE_CHECKING:
    from .ctx import Context


class Ending:
    """The part of :class:`erlen.ctx.Context` that ends it."""

    __slots__ = ("touched", "__dict__", "__weakref__")

    app: t.Any
    environ: t.Any
    #: How many streams keep the context from being torn down.
    held = 0
    touched: bool
    _request: Request | None
    _error: BaseException | None = None
    #: What starts the background tasks that were asked for.
    background: t.Sequence[t.Callable[[], t.Any]] = ()
    _outer: t.Any
    _tokens: list[contextvars.Token[t.Any]] | None

    @property
    def app_ctx(self) -> t.Any:
        """The context whose ``g`` counts."""
        raise NotImplementedError

    @property
    def has_request(self) -> bool:
        """Whether there is a request, here or around this application context."""
        raise NotImplementedError

    def _must_have_request(self, name: str) -> None:
        """Raise what the attribute ``name`` raises where there is no request."""
        if self.environ is None and not self.has_request:
            raise NoRequestError(name, "request")

    def hold(self) -> None:
        """Put the teardown off until :meth:`release`: a stream still needs the context."""
        self.held += 1
        self.touched = True

    def release(self) -> None:
        """Give one hold back; the last one of an ended context tears it down."""
        self.held -= 1
        if self.held:
            return
        if self._tokens or self._is_running():
            # The stream was used up in the view, and so was its error.
            self._error = None
            return
        token = set_current(t.cast("Context", self))
        try:
            self.tear_down(self._error)
        except Exception:
            self.app.log_exception(sys.exc_info())
        finally:
            self._error = None
            reset_current(token)
            self.leave()

    def _is_running(self) -> bool:
        """Whether the code that runs here was called inside this context."""
        ctx = get_current(None)
        while ctx is not None and ctx is not self:
            ctx = ctx._outer
        return ctx is self

    def leave(self) -> None:
        """Say that the application context has ended, if it was this one's own."""
        told = signals.appcontext_popped.receivers and self.app_ctx is self
        self._outer = None
        if self.background:
            self.start_background()
        if told:
            signals.appcontext_popped.send(self.app, _async_wrapper=self.app._from_signal)

    def start_background(self) -> None:
        """Start the background tasks: the response has gone, or there will be none."""
        starts, self.background = self.background, ()
        for start in starts:
            start()

    def tear_down(self, exc: BaseException | None) -> None:
        """Run the teardown functions and close what the request holds.

        All of them run, whatever one of them raises; the first error is
        raised at the end.

        Args:
            exc: The exception that ended the context, or None.
        """
        app = self.app
        plans = app._plans
        known = plans.teardowns if plans.epoch == epoch.value else None
        failed: BaseException | None = None
        if self.environ is not None:
            try:
                if known is None or not known.idle:
                    app.do_teardown_request(exc)
            except BaseException as error:
                failed = error
            try:
                self.close_request()
            except BaseException as error:
                failed = failed or error
        if self._outer is None or self.app_ctx is self:
            try:
                if known is None or known.replaced:
                    app.do_teardown_appcontext(exc)
                else:
                    tear_down(app, known.of_app(), signals.appcontext_tearing_down, exc)
            except BaseException as error:
                failed = failed or error
        if failed is not None:
            try:
                raise failed
            finally:
                # A local that holds the error would tie it to its own traceback.
                del failed

    def close_request(self) -> None:
        """Close the files of the request, if it was ever made into an object."""
        request = self._request
        if request is None:
            return
        if type(request) is not Request or "files" in request.__dict__:
            close = getattr(request, "close", None)
            if close is not None:
                close()
        # These would keep each other alive: the error's frames hold the request.
        if request.routing_exception is not None:
            request.routing_exception.__traceback__ = None
        if self.environ.get("werkzeug.request") is request:
            del self.environ["werkzeug.request"]
