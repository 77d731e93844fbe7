"""The functions of Flask's API that work on the current application or request."""

from __future__ import annotations

import os
import typing as t

from werkzeug.exceptions import abort as _werkzeug_abort

from .ctx import after_this_request as after_this_request
from .ctx import copy_current_request_context as copy_current_request_context
from .ctx import request_context
from .errors import OutsideContextError
from .globals import current_app, session
from .http.response import redirect_response
from .paths import find_package as find_package
from .paths import get_root_path as get_root_path
from .signals import message_flashed
from .state import epoch, get_current, reset_current, set_current
from .urls import build_url

if t.TYPE_CHECKING:
    from datetime import datetime

    from werkzeug.wrappers import Response as BaseResponse

    from .ctx import Context
    from .http.response import Response

_FALSE = {"0", "false", "no"}


def get_debug_flag() -> bool:
    """Whether ``FLASK_DEBUG`` (or ``ERLEN_DEBUG``, which wins) turns debug mode on."""
    value = os.environ.get("ERLEN_DEBUG") or os.environ.get("FLASK_DEBUG")
    return bool(value and value.lower() not in _FALSE)


def get_load_dotenv(default: bool = True) -> bool:
    """Whether ``.env`` files are read: unless ``FLASK_SKIP_DOTENV`` is set.

    Args:
        default: The answer if the variable is not set.
    """
    value = os.environ.get("ERLEN_SKIP_DOTENV") or os.environ.get("FLASK_SKIP_DOTENV")
    if not value:
        return default
    return value.lower() in _FALSE


class _ContextStream:
    """An iterator that runs another one inside a context, chunk by chunk.

    The context is current only while a chunk is made: between two chunks the
    thread belongs to others.
    """

    __slots__ = ("_source", "_ctx", "_next")

    def __init__(self, source: t.Iterator[t.Any], ctx: Context) -> None:
        self._source = source
        self._next = source.__next__
        self._ctx: Context | None = ctx
        ctx.hold()

    def __iter__(self) -> _ContextStream:
        return self

    def __next__(self) -> t.Any:
        ctx = self._ctx
        if ctx is None:
            raise StopIteration
        ended = True
        token = set_current(ctx)
        try:
            item = self._next()
            ended = False
            return item
        except BaseException as error:
            if not isinstance(error, StopIteration):
                ctx._error = error
            raise
        finally:
            reset_current(token)
            if ended:
                # Only now: the context must not seem to be current still.
                self.close()

    def close(self) -> None:
        """Close the iterator inside the context and let the context go."""
        ctx, self._ctx = self._ctx, None
        close = getattr(self._source, "close", None)
        if ctx is None:
            return
        token = set_current(ctx)
        try:
            if close is not None:
                close()
        finally:
            reset_current(token)
            ctx.release()

    def __del__(self) -> None:
        # A stream that was never handed to a server.
        if getattr(self, "_ctx", None) is not None:
            self.close()


def stream_with_context(generator_or_function: t.Any) -> t.Any:
    """Keep the request context for a generator that is the response's body.

    Args:
        generator_or_function: An iterator, or an asynchronous one; or a generator
            function of either kind, then this is its decorator.

    Returns:
        An iterator of the same kind, or the decorated function.

    Raises:
        RuntimeError: There is no request.
    """
    try:
        source = iter(generator_or_function)
    except TypeError:
        import functools

        if hasattr(generator_or_function, "__aiter__"):
            from .asyncstream import AsyncContextStream

            return AsyncContextStream(generator_or_function, request_context("stream_with_context"))

        def decorator(*args: t.Any, **kwargs: t.Any) -> t.Any:
            return stream_with_context(generator_or_function(*args, **kwargs))

        return functools.update_wrapper(decorator, generator_or_function)
    return _ContextStream(source, request_context("stream_with_context"))


def make_response(*args: t.Any) -> Response:
    """The response object that a view's return value would become.

    Args:
        args: What a view returns: body, status, headers.
    """
    if not args:
        return current_app.response_class()
    return current_app.make_response(args[0] if len(args) == 1 else args)


def url_for(
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: t.Any,
) -> str:
    """Build the URL of an endpoint of the current application; see ``Erlen.url_for``."""
    ctx = get_current(None)
    if ctx is None:
        raise OutsideContextError("url_for", "application")
    app = ctx.app
    plans = app._plans
    if plans.epoch != epoch.value:
        plans = app._freeze()
    if plans.stock_url_for:
        return build_url(app, endpoint, _anchor, _method, _scheme, _external, values)
    url = app.url_for(
        endpoint,
        _anchor=_anchor,
        _method=_method,
        _scheme=_scheme,
        _external=_external,
        **values,
    )
    return url  # type: ignore[no-any-return]


def redirect(
    location: str, code: int = 302, Response: type[BaseResponse] | None = None
) -> BaseResponse:
    """A redirect response; ``app.redirect`` is asked if there is an application.

    Args:
        location: The target.
        code: 301, 302, 303, 305, 307 or 308.
        Response: Class of the response outside of an application.
    """
    ctx = get_current(None)
    if ctx is not None:
        return ctx.app.redirect(location, code=code)  # type: ignore[no-any-return]
    return redirect_response(location, code, Response)  # type: ignore[no-any-return]


def abort(code: int | BaseResponse, *args: t.Any, **kwargs: t.Any) -> t.NoReturn:
    """Raise the HTTP error for a code; ``app.aborter`` is asked if there is an application.

    Args:
        code: An HTTP status code, or a response to answer with.
        args: For the error's class.
        kwargs: Likewise.
    """
    ctx = get_current(None)
    if ctx is not None:
        ctx.app.aborter(code, *args, **kwargs)
    _werkzeug_abort(code, *args, **kwargs)


def get_template_attribute(template_name: str, attribute: str) -> t.Any:
    """A macro or variable that a template exports.

    Args:
        template_name: Name of the template.
        attribute: Name of the macro or variable.
    """
    return getattr(current_app.jinja_env.get_template(template_name).module, attribute)


def flash(message: str, category: str = "message") -> None:
    """Keep a message in the session for the next page.

    Args:
        message: The text.
        category: Free, e.g. ``"error"``.
    """
    flashes = session.get("_flashes", [])
    flashes.append((category, message))
    # Assigned, so that any kind of session notices.
    session["_flashes"] = flashes
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    message_flashed.send(app, _async_wrapper=app._from_signal, message=message, category=category)


def get_flashed_messages(
    with_categories: bool = False, category_filter: t.Iterable[str] = ()
) -> list[str] | list[tuple[str, str]]:
    """Take the kept messages out of the session; again in one request, the same ones.

    Args:
        with_categories: Whether ``(category, message)`` pairs are returned.
        category_filter: Categories wanted; all by default.
    """
    ctx = request_context("get_flashed_messages")
    flashes = ctx.flashes
    if flashes is None:
        flashes = session.pop("_flashes") if "_flashes" in session else []
        ctx.flashes = flashes
    if category_filter:
        flashes = [item for item in flashes if item[0] in category_filter]
    if not with_categories:
        return [message for _, message in flashes]
    return flashes


def send_file(
    path_or_file: os.PathLike[t.AnyStr] | str | t.IO[bytes],
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: int | t.Callable[[str | None], int | None] | None = None,
) -> Response:
    """Send a file to the client.

    Args:
        path_or_file: A path, relative to the application's root, or a file opened
            in binary mode. Never a path that the client chose.
        mimetype: Type of the content; guessed from the name if None.
        as_attachment: Whether the browser is told to save it.
        download_name: Name to save it under.
        conditional: Whether conditional and range requests are answered.
        etag: An ETag, or whether one is made from the file's time and size.
        last_modified: Time of the last change; the file's if None.
        max_age: Seconds to cache; by default ``app.get_send_file_max_age``.
    """
    options = _file_options(
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=download_name,
        conditional=conditional,
        etag=etag,
        last_modified=last_modified,
        max_age=max_age,
    )
    from .http.files import send_file

    return send_file(path_or_file, **options)  # type: ignore[no-any-return]


def send_from_directory(
    directory: os.PathLike[str] | str, path: os.PathLike[str] | str, **kwargs: t.Any
) -> Response:
    """Send a file from inside a folder; the path may come from the client.

    Args:
        directory: The folder, relative to the application's root.
        path: Path below it.
        kwargs: As for :func:`send_file`.

    Raises:
        NotFound: No such file inside the folder.
    """
    options = _file_options(**kwargs)
    from .http.files import send_from_directory

    return send_from_directory(directory, path, **options)  # type: ignore[no-any-return]


def _file_options(**options: t.Any) -> dict[str, t.Any]:
    ctx = request_context("send_file")
    app = ctx.app
    if options.get("max_age") is None:
        options["max_age"] = app.get_send_file_max_age
    options.update(
        environ=ctx.file_environ(app.response_class),
        use_x_sendfile=app.config["USE_X_SENDFILE"],
        response_class=app.response_class,
        _root_path=app.root_path,
    )
    return options
