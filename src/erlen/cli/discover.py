"""From what the user wrote after ``--app`` to an application object."""

from __future__ import annotations

import os
import sys
import typing as t

import click

from ._public import public

if t.TYPE_CHECKING:
    import ast
    from types import ModuleType, TracebackType

    from ..app import Erlen

COMMON_NAMES = ("app", "application")
FACTORY_NAMES = ("create_app", "make_app")


class NoAppException(click.UsageError):
    """There is no application where the user said, or it cannot be loaded."""


def _app_class() -> type[Erlen]:
    # By name, for the application's room imports this one: it makes its
    # command group here.
    from importlib import import_module

    return t.cast("type[Erlen]", import_module("erlen.app").Erlen)


def find_best_app(module: ModuleType) -> Erlen:
    """Pick the application of a module when the user named none.

    Tried in this order: the names ``app`` and ``application``, the only
    application among the module's attributes, the factories ``create_app``
    and ``make_app`` called without arguments.

    Args:
        module: The imported module.

    Returns:
        The application.

    Raises:
        NoAppException: There is none, more than one, or a factory that needs
            arguments.
    """
    cls = _app_class()

    for name in COMMON_NAMES:
        found = getattr(module, name, None)

        if isinstance(found, cls):
            return found

    apps = [value for value in vars(module).values() if isinstance(value, cls)]

    if len(apps) > 1:
        raise NoAppException(
            f"Detected multiple Flask applications in module '{module.__name__}'."
            f" Use '{module.__name__}:name' to specify the correct one."
        )

    app = apps[0] if apps else _app_from_factories(module, cls)

    if app is None:
        raise NoAppException(
            "Failed to find Flask application or factory in module"
            f" '{module.__name__}'. Use '{module.__name__}:name' to specify one."
            + _foreign_hint(module)
        )

    return app


def _app_from_factories(module: ModuleType, cls: type[Erlen]) -> Erlen | None:
    from types import FunctionType

    for name in FACTORY_NAMES:
        factory = getattr(module, name, None)

        if not isinstance(factory, FunctionType):
            continue

        try:
            app = factory()
        except TypeError as error:
            if not _called_with_wrong_args(factory):
                raise

            raise NoAppException(
                f"Detected factory '{name}' in module '{module.__name__}', but could"
                " not call it without arguments. Use"
                f" '{module.__name__}:{name}(args)' to specify arguments."
            ) from error

        if isinstance(app, cls):
            return app

    return None


def _foreign_hint(module: ModuleType) -> str:
    """The mend when the module's application was made by the other package."""
    for name, value in vars(module).items():
        for base in type(value).__mro__:
            if (base.__module__, base.__name__) == ("flask.app", "Flask"):
                return (
                    f" '{name}' was made with the flask package: use"
                    " 'erlen --as-flask' to serve it unchanged."
                )

    return ""


def _called_with_wrong_args(f: t.Callable[..., t.Any]) -> bool:
    """Whether the ``TypeError`` being handled came from the call itself.

    An error from inside the factory is the user's to see; only one from the
    call can be mended with arguments.
    """
    code = getattr(f, "__code__", None)
    step: TracebackType | None = sys.exc_info()[2]

    while step is not None:
        if step.tb_frame.f_code is code:
            return False

        step = step.tb_next

    return True


def find_app_by_string(module: ModuleType, app_name: str) -> Erlen:
    """Get the application that ``name`` or ``name(args)`` means in a module.

    Args:
        module: The imported module.
        app_name: An attribute's name, or a call of it with literal arguments.

    Returns:
        The application.

    Raises:
        NoAppException: The text is neither, the attribute is missing, the call
            does not fit, or what comes out is not an application.
    """
    name, args, kwargs = _parse_app_name(app_name)

    try:
        target = getattr(module, name)
    except AttributeError as error:
        raise NoAppException(
            f"Failed to find attribute {name!r} in {module.__name__!r}."
        ) from error

    from types import FunctionType

    if isinstance(target, FunctionType):
        try:
            target = target(*args, **kwargs)
        except TypeError as error:
            if not _called_with_wrong_args(target):
                raise

            raise NoAppException(
                f"The factory {app_name!r} in module {module.__name__!r} could not be"
                " called with the specified arguments."
            ) from error

    if isinstance(target, _app_class()):
        return target

    raise NoAppException(
        f"A valid Flask application was not obtained from '{module.__name__}:{app_name}'."
    )


def _parse_app_name(text: str) -> tuple[str, list[t.Any], dict[str, t.Any]]:
    """Split ``name(1, key="x")`` into name, positional and keyword arguments."""
    import ast

    node: ast.expr | None

    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        node = None

    if isinstance(node, ast.Name):
        return node.id, [], {}

    if not isinstance(node, ast.Call):
        raise NoAppException(f"Failed to parse {text!r} as an attribute name or function call.")

    if not isinstance(node.func, ast.Name):
        raise NoAppException(f"Function reference must be a simple name: {text!r}.")

    try:
        return node.func.id, *_literal_arguments(node)
    except ValueError:
        # The text of literal_eval's own error speaks of nodes, not of what
        # the user typed.
        raise NoAppException(f"Failed to parse arguments as literal values: {text!r}.") from None


def _literal_arguments(call: ast.Call) -> tuple[list[t.Any], dict[str, t.Any]]:
    from ast import literal_eval

    args = [literal_eval(node) for node in call.args]
    kwargs = {kw.arg: literal_eval(kw.value) for kw in call.keywords if kw.arg}
    return args, kwargs


def prepare_import(path: str) -> str:
    """Make a file importable and say under which name.

    The folder that holds the outermost package is put first on ``sys.path``.

    Args:
        path: A file, a folder, or a dotted name, relative to the current
            directory.

    Returns:
        The dotted name to import.
    """
    path = os.path.realpath(path)
    stem, extension = os.path.splitext(path)

    if extension == ".py":
        path = stem

    if os.path.basename(path) == "__init__":
        path = os.path.dirname(path)

    folder, name = os.path.split(path)

    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        name = f"{package}.{name}"

    if sys.path[0] != folder:
        sys.path.insert(0, folder)

    return name


@t.overload
def locate_app(
    module_name: str, app_name: str | None, raise_if_not_found: t.Literal[True] = True
) -> Erlen: ...


@t.overload
def locate_app(
    module_name: str, app_name: str | None, raise_if_not_found: bool
) -> Erlen | None: ...


def locate_app(
    module_name: str, app_name: str | None, raise_if_not_found: bool = True
) -> Erlen | None:
    """Import a module and get its application.

    Args:
        module_name: The dotted name to import.
        app_name: See `find_app_by_string`. Default: `find_best_app` chooses.
        raise_if_not_found: Whether a missing module is an error.

    Returns:
        The application, or None for a missing module that is no error.

    Raises:
        NoAppException: See above. An ``ImportError`` inside the module is
            shown with the user's own traceback.
    """
    try:
        __import__(module_name)
    except ImportError as error:
        if not _is_missing(error, module_name):
            raise NoAppException(
                f"While importing {module_name!r}, an ImportError was"
                f" raised:\n\n{_user_traceback(error)}{_missing_hint(error)}"
            ) from None

        if raise_if_not_found:
            raise NoAppException(f"Could not import {module_name!r}.") from None

        return None

    module = sys.modules[module_name]

    if app_name is None:
        return t.cast("Erlen", public("find_best_app")(module))

    return t.cast("Erlen", public("find_app_by_string")(module, app_name))


def _is_missing(error: ImportError, module_name: str) -> bool:
    """Whether the error says that the module itself is not there.

    No code of the user's ran then, so the traceback ends in this room. A
    compiled module that fails to load ends here too, but is not
    a missing one: its error must be shown.
    """
    inner = error.__traceback__ and error.__traceback__.tb_next

    if inner is not None or not isinstance(error, ModuleNotFoundError):
        return False

    return error.name is None or f"{module_name}.".startswith(f"{error.name}.")


def _missing_hint(error: ImportError) -> str:
    """The mend where Flask is what is missing."""
    if not isinstance(error, ModuleNotFoundError) or error.name != "flask":
        return ""

    return "It was written for Flask: use 'erlen --as-flask' to serve it unchanged."


def _user_traceback(error: ImportError) -> str:
    """Format an error without the frame of this room."""
    from traceback import format_exception

    tb = error.__traceback__
    inner = tb.tb_next if tb is not None else None
    return "".join(format_exception(type(error), error, inner))
