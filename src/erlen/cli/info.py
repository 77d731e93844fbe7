"""What the commands of one invocation share: which application, loaded once."""

from __future__ import annotations

import re
import typing as t
from functools import update_wrapper, wraps
from inspect import iscoroutinefunction

import click

from ..globals import current_app
from ._public import public
from .discover import NoAppException

if t.TYPE_CHECKING:
    from ..app import Erlen

F = t.TypeVar("F", bound=t.Callable[..., t.Any])

DEFAULT_PATHS = ("wsgi.py", "app.py")

# The colon of a Windows drive ("C:\\app.py") does not end the path.
_NAME_SEPARATOR = r":(?![\\/])"


class ScriptInfo:
    """Where the application of a command comes from.

    Click hands it around as the context's object. As Flask 3.1.

    Args:
        app_import_path: ``module``, ``module:name`` or ``module:name(args)``.
            Default: ``wsgi.py`` or ``app.py`` in the current directory.
        create_app: A function that makes the application; it outranks the
            import path. Default: none.
        set_debug_flag: Whether the loaded application's debug mode is set
            from the environment.
        load_dotenv_defaults: Whether ``.env`` and ``.flaskenv`` are to be
            read, unless the environment says otherwise. Nothing is read here.
    """

    def __init__(
        self,
        app_import_path: str | None = None,
        create_app: t.Callable[..., Erlen] | None = None,
        set_debug_flag: bool = True,
        load_dotenv_defaults: bool = True,
    ) -> None:
        self.app_import_path = app_import_path
        self.create_app = create_app
        #: Whatever the commands want to tell each other.
        self.data: dict[t.Any, t.Any] = {}
        self.set_debug_flag = set_debug_flag
        self.load_dotenv_defaults: bool = public("get_load_dotenv")(load_dotenv_defaults)
        self._loaded_app: Erlen | None = None

    def load_app(self) -> Erlen:
        """Get the application, loading it at the first call.

        Returns:
            The application; always the same one.

        Raises:
            NoAppException: There is none.
        """
        if self._loaded_app is None:
            self._loaded_app = self._load()

        return self._loaded_app

    def _load(self) -> Erlen:
        app = self.create_app() if self.create_app is not None else self._find()

        if app is None:
            raise NoAppException(
                "Could not locate a Flask application. Use the"
                f" '{_program()} --app' option, 'FLASK_APP' environment variable, or a"
                " 'wsgi.py' or 'app.py' file in the current directory."
            )

        if self.set_debug_flag:
            # Through the attribute, not the configuration: what follows from
            # debug mode (reloading of templates) is set with it.
            app.debug = public("get_debug_flag")()

        return app

    def _find(self) -> Erlen | None:
        if self.app_import_path:
            path, *rest = re.split(_NAME_SEPARATOR, self.app_import_path, maxsplit=1)
            name = rest[0] if rest else None
            return _locate(path, name, True)

        for path in DEFAULT_PATHS:
            app = _locate(path, None, False)

            if app is not None:
                return app

        return None


def _locate(path: str, name: str | None, must_exist: bool) -> Erlen | None:
    module_name = public("prepare_import")(path)
    return t.cast(
        "Erlen | None",
        public("locate_app")(module_name, name, raise_if_not_found=must_exist),
    )


def _program() -> str:
    """The command as the user typed it, so that the advice can be followed."""
    ctx = click.get_current_context(silent=True)
    return (ctx and ctx.find_root().info_name) or "flask"


pass_script_info = click.make_pass_decorator(ScriptInfo, ensure=True)


def with_appcontext(f: F) -> F:
    """Run a command's function inside the application context.

    Commands of ``app.cli`` and ``blueprint.cli`` need no such decorator.

    Args:
        f: The function.

    Returns:
        The wrapped function; it loads the application if none is active.
    """

    @click.pass_context
    def inside(ctx: click.Context, /, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if not current_app:
            app = ctx.ensure_object(ScriptInfo).load_app()
            ctx.with_resource(app.app_context())

        return ctx.invoke(run_to_its_end(f), *args, **kwargs)

    return t.cast(F, update_wrapper(inside, f))


def run_to_its_end(f: t.Any) -> t.Any:
    """Let a coroutine function be a command: it runs on an event loop of its own.

    Args:
        f: A function, which is returned as it is, or a coroutine function.
    """
    if not iscoroutinefunction(f):
        return f

    @wraps(f)
    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        import asyncio

        if asyncio._get_running_loop() is None:
            # In this thread, so that Ctrl-C cancels it.
            return asyncio.run(f(*args, **kwargs))

        from ..server.threads.bridge import async_to_sync

        return async_to_sync(f)(*args, **kwargs)

    return call
