"""What applications and blueprints have in common: routes, hooks, folders."""

from __future__ import annotations

import os
import typing as t
from datetime import timedelta
from functools import update_wrapper

from .ctx import request_context
from .globals import current_app
from .marks import inline
from .paths import find_package as find_package
from .paths import get_root_path
from .recover import class_and_code
from .registry import COMPILED, watched
from .state import epoch
from .template_context import _default_template_ctx_processor

if t.TYPE_CHECKING:
    from click import Group
    from jinja2 import BaseLoader

    from . import typing as ft
    from .http.response import Response

F = t.TypeVar("F", bound=t.Callable[..., t.Any])
_sentinel = object()


def setupmethod(f: F) -> F:
    """Refuse a set-up method once the first request has been handled."""
    name = f.__name__

    def wrapper(self: Scaffold, *args: t.Any, **kwargs: t.Any) -> t.Any:
        self._check_setup_finished(name)
        return f(self, *args, **kwargs)

    return t.cast(F, update_wrapper(wrapper, f))


def _serve_first_file(*args: t.Any) -> t.Any:
    """Load what sends files; a statement that imports takes a microsecond at each call."""
    global _serve_file
    from .http.files import serve_file

    _serve_file = serve_file
    return serve_file(*args)


_serve_file: t.Callable[..., t.Any] = _serve_first_file


class Scaffold:
    """The part of Flask's API that an application and a blueprint share.

    Args:
        import_name: Name of the module it is made in, usually ``__name__``.
        static_folder: Folder of static files, relative to the root path.
        static_url_path: URL prefix of the static files; the folder's name if None.
        template_folder: Folder of templates, relative to the root path.
        root_path: Folder that relative paths start from; found from the module if None.
    """

    cli: Group
    name: str
    _static_folder: str | None = None
    _static_url_path: str | None = None
    _got_first_request = False

    def __init__(
        self,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        root_path: str | None = None,
    ) -> None:
        self.import_name = import_name
        self.static_folder = static_folder
        self.static_url_path = static_url_path
        self.template_folder = template_folder
        self.root_path = get_root_path(import_name) if root_path is None else root_path
        self.view_functions: dict[str, ft.RouteCallable] = {}
        self.error_handler_spec: t.Any = {}
        self.before_request_funcs: dict[ft.AppOrBlueprintKey, list[t.Any]] = {}
        self.after_request_funcs: dict[ft.AppOrBlueprintKey, list[t.Any]] = {}
        self.teardown_request_funcs: dict[ft.AppOrBlueprintKey, list[t.Any]] = {}
        self.template_context_processors: dict[ft.AppOrBlueprintKey, list[t.Any]] = {
            None: [_default_template_ctx_processor]
        }
        self.url_value_preprocessors: dict[ft.AppOrBlueprintKey, list[t.Any]] = {}
        self.url_default_functions: dict[ft.AppOrBlueprintKey, list[t.Any]] = {}

    def __setattr__(self, name: str, value: t.Any) -> None:
        # A table, or an override of what the class has. Anything else is the
        # user's own affair and may change with every request.
        compiled = name in COMPILED or (name[:1] != "_" and hasattr(type(self), name))
        if not compiled:
            object.__setattr__(self, name, value)
            return
        object.__setattr__(self, name, self._fitted(name, watched(name, value)))
        epoch.bump()

    def _fitted(self, name: str, value: t.Any) -> t.Any:
        """What is kept as the attribute ``name``."""
        return value

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        epoch.bump()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _check_setup_finished(self, f_name: str) -> None:
        raise NotImplementedError

    def _kept(self, name: str, make: t.Callable[[], t.Any]) -> t.Any:
        """The value of a lazy attribute, made at first use and settable."""
        try:
            return self.__dict__[name]
        except KeyError:
            value = self.__dict__[name] = make()
            return value

    # -- folders -----------------------------------------------------------------

    @property
    def static_folder(self) -> str | None:
        """Absolute path of the static folder; None if there is none."""
        folder = self._static_folder
        if folder is None:
            return None
        return folder if folder[:1] == "/" else os.path.join(self.root_path, folder)

    @static_folder.setter
    def static_folder(self, value: str | os.PathLike[str] | None) -> None:
        self._static_folder = None if value is None else os.fspath(value).rstrip(r"\/")

    @property
    def has_static_folder(self) -> bool:
        """Whether a static folder is set."""
        return self.static_folder is not None

    @property
    def static_url_path(self) -> str | None:
        """URL prefix of the static files; made from the folder's name if not set."""
        if self._static_url_path is not None:
            return self._static_url_path
        if self.static_folder is not None:
            return f"/{os.path.basename(self.static_folder)}".rstrip("/")
        return None

    @static_url_path.setter
    def static_url_path(self, value: str | None) -> None:
        self._static_url_path = None if value is None else value.rstrip("/")

    @property
    def jinja_loader(self) -> BaseLoader | None:
        """Loader of the template folder, or None."""
        loader = self.__dict__.get("_jinja_loader", _sentinel)
        if loader is _sentinel:
            loader = None
            if self.template_folder is not None:
                from jinja2 import FileSystemLoader

                loader = FileSystemLoader(os.path.join(self.root_path, self.template_folder))
            self._jinja_loader = loader
        return t.cast("BaseLoader | None", loader)

    @jinja_loader.setter
    def jinja_loader(self, value: BaseLoader | None) -> None:
        self._jinja_loader = value

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Cache time in seconds for a file that is sent; may be overridden.

        Args:
            filename: Name of the file, or None.

        Returns:
            Seconds, or None to let the browser ask each time
            (``SEND_FILE_MAX_AGE_DEFAULT``, a number or ``timedelta``).
        """
        value: t.Any = current_app.config["SEND_FILE_MAX_AGE_DEFAULT"]
        if isinstance(value, timedelta):
            return int(value.total_seconds())
        return value  # type: ignore[no-any-return]

    @inline
    def send_static_file(self, filename: str) -> Response:
        """The view of the static files.

        Args:
            filename: Path below the static folder.

        Raises:
            NotFound: No such file.
            RuntimeError: There is no static folder.
        """
        folder = self.static_folder
        if folder is None:
            raise RuntimeError("'static_folder' must be set to serve static_files.")
        ctx = request_context("send_static_file")
        app = ctx.app
        return t.cast(
            "Response",
            _serve_file(
                ctx.file_environ(app.response_class),
                app.root_path,
                folder,
                filename,
                # Asked here, so that an override on a blueprint counts.
                self.get_send_file_max_age(filename),
                app.config["USE_X_SENDFILE"],
                app.response_class,
            ),
        )

    def open_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = None
    ) -> t.IO[t.AnyStr]:
        """Open a file below the root path for reading.

        Args:
            resource: Path relative to the root path.
            mode: ``"r"``, ``"rt"`` or ``"rb"``.
            encoding: For text; UTF-8 by default.

        Raises:
            ValueError: A mode that writes.
        """
        if mode not in {"r", "rt", "rb"}:
            raise ValueError("Resources can only be opened for reading.")
        path = os.path.join(self.root_path, resource)
        if mode == "rb":
            return t.cast("t.IO[t.AnyStr]", open(path, mode))
        return t.cast("t.IO[t.AnyStr]", open(path, mode, encoding=encoding or "utf-8"))

    # -- routes --------------------------------------------------------------------

    def _method_route(
        self, method: str, rule: str, options: dict[str, t.Any]
    ) -> t.Callable[[ft.Route], ft.Route]:
        if "methods" in options:
            raise TypeError("Use the 'route' decorator to use the 'methods' argument.")
        return self.route(rule, methods=[method], **options)

    @setupmethod
    def get(self, rule: str, **options: t.Any) -> t.Callable[[ft.Route], ft.Route]:
        """:meth:`route` with ``methods=["GET"]``."""
        return self._method_route("GET", rule, options)

    @setupmethod
    def post(self, rule: str, **options: t.Any) -> t.Callable[[ft.Route], ft.Route]:
        """:meth:`route` with ``methods=["POST"]``."""
        return self._method_route("POST", rule, options)

    @setupmethod
    def put(self, rule: str, **options: t.Any) -> t.Callable[[ft.Route], ft.Route]:
        """:meth:`route` with ``methods=["PUT"]``."""
        return self._method_route("PUT", rule, options)

    @setupmethod
    def delete(self, rule: str, **options: t.Any) -> t.Callable[[ft.Route], ft.Route]:
        """:meth:`route` with ``methods=["DELETE"]``."""
        return self._method_route("DELETE", rule, options)

    @setupmethod
    def patch(self, rule: str, **options: t.Any) -> t.Callable[[ft.Route], ft.Route]:
        """:meth:`route` with ``methods=["PATCH"]``."""
        return self._method_route("PATCH", rule, options)

    @setupmethod
    def route(self, rule: str, **options: t.Any) -> t.Callable[[ft.Route], ft.Route]:
        """Register the decorated function as the view of a URL rule.

        Args:
            rule: Werkzeug rule, e.g. ``"/users/<int:id>"``.
            options: ``endpoint``, ``methods`` and all that Werkzeug's ``Rule`` takes.
        """

        def decorator(f: ft.Route) -> ft.Route:
            endpoint = options.pop("endpoint", None)
            self.add_url_rule(rule, endpoint, f, **options)
            return f

        return decorator

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: t.Any,
    ) -> None:
        """Register a URL rule; what :meth:`route` calls.

        Args:
            rule: Werkzeug rule.
            endpoint: Name for ``url_for``; the view's name by default.
            view_func: The view; may be set later through ``view_functions``.
            provide_automatic_options: Whether OPTIONS is answered for it.
            options: For Werkzeug's ``Rule``.
        """
        raise NotImplementedError

    @setupmethod
    def endpoint(self, endpoint: str) -> t.Callable[[ft.Route], ft.Route]:
        """Register the decorated function as the view of an endpoint."""

        def decorator(f: ft.Route) -> ft.Route:
            self.view_functions[endpoint] = f
            return f

        return decorator

    # -- hooks -----------------------------------------------------------------------

    @setupmethod
    def before_request(self, f: ft.BeforeRequest) -> ft.BeforeRequest:
        """Run ``f()`` before each request; what it returns, if not None, is the answer."""
        self.before_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def after_request(self, f: ft.AfterRequest) -> ft.AfterRequest:
        """Run ``f(response)`` on each response; it returns the response to send."""
        self.after_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def teardown_request(self, f: ft.Teardown) -> ft.Teardown:
        """Run ``f(exc)`` when the request context ends, after a streamed body too."""
        self.teardown_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def context_processor(self, f: ft.ContextProcessor) -> ft.ContextProcessor:
        """Add what ``f()`` returns, a dict, to the context of templates."""
        self.template_context_processors.setdefault(None, []).append(f)
        return f

    @setupmethod
    def url_value_preprocessor(self, f: ft.URLValuePreprocessor) -> ft.URLValuePreprocessor:
        """Run ``f(endpoint, values)`` before the hooks; it may change the view's arguments."""
        self.url_value_preprocessors.setdefault(None, []).append(f)
        return f

    @setupmethod
    def url_defaults(self, f: ft.URLDefault) -> ft.URLDefault:
        """Run ``f(endpoint, values)`` when a URL is built; it may add values."""
        self.url_default_functions.setdefault(None, []).append(f)
        return f

    @setupmethod
    def errorhandler(
        self, code_or_exception: t.Any
    ) -> t.Callable[[ft.ErrorHandler], ft.ErrorHandler]:
        """Register the decorated function for an HTTP code or an exception class."""

        def decorator(f: ft.ErrorHandler) -> ft.ErrorHandler:
            self.register_error_handler(code_or_exception, f)
            return f

        return decorator

    @setupmethod
    def register_error_handler(self, code_or_exception: t.Any, f: t.Any) -> None:
        """Register ``f(error)`` for an HTTP code or an exception class.

        Raises:
            TypeError: An exception instance was given.
            ValueError: An unknown code, or no exception class.
        """
        exc_class, code = self._get_exc_class_and_code(code_or_exception)
        self.error_handler_spec[None][code][exc_class] = f

    @staticmethod
    def _get_exc_class_and_code(exc_class_or_code: t.Any) -> tuple[type[Exception], int | None]:
        return class_and_code(exc_class_or_code)


def _endpoint_from_view_func(view_func: ft.RouteCallable) -> str:
    """The endpoint name for a view: its own name."""
    assert view_func is not None, "expected view func if endpoint is not provided."
    return view_func.__name__
