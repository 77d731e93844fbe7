"""What there is: the names behind the alias ``flask``, in Erlen itself, and in Werkzeug."""

from __future__ import annotations

import typing as t
from functools import cache
from importlib import import_module
from importlib.util import find_spec

_missing: t.Any = object()


@cache
def _alias() -> t.Any:
    return import_module("erlen.flask_alias")


@cache
def is_module(path: str) -> bool:
    """Whether there is a module of that name.

    Args:
        path: Below ``flask``, ``erlen`` or ``werkzeug``, like ``"flask.json.provider"``.
    """
    root, _, below = path.partition(".")
    if root == "flask":
        alias = _alias()
        return not below or below in alias._SAME or below in alias._GATHERED
    try:
        return find_spec(path) is not None
    except (ImportError, AttributeError, ValueError):
        return False


@cache
def find(module: str, name: str) -> t.Any:
    """What a module has under a name, or :data:`nothing`.

    Args:
        module: As for :func:`is_module`; it has to be one.
        name: The name.
    """
    if is_module(f"{module}.{name}"):
        return None
    root, _, below = module.partition(".")
    if root == "flask":
        return _find_in_flask(below, name)
    try:
        return getattr(import_module(module), name, _missing)
    except ImportError:
        # A part with requirements of its own, which may be there where the project runs.
        return None


def _find_in_flask(module: str, name: str) -> t.Any:
    """As the alias does it, without installing it."""
    alias = _alias()
    renamed = alias._RENAMED.get(f"{module}.{name}" if module else name)
    if renamed is not None:
        return alias._fetch(renamed)
    if not module:
        sources: tuple[str, ...] = ("",) if name in alias._TOP else ()
    else:
        sources = alias._GATHERED.get(module, (module,))
    for source in () if name.startswith("__") and module else sources:
        found = getattr(import_module(f"erlen.{source}".rstrip(".")), name, _missing)
        if found is not _missing:
            return found
    try:
        return import_module("erlen.flask_names").look_up(module, name)
    except AttributeError:
        return None if name.startswith("__") and name != "__version__" else _missing


def has(module: str, name: str) -> bool:
    """Whether a module has a name, or a module below it is called so."""
    return find(module, name) is not _missing


@cache
def samples() -> dict[str, t.Any]:
    """An object of each kind that programs ask attributes of, made here and now."""
    erlen = import_module("erlen")
    app = erlen.Erlen("compat", static_folder=None)
    ctx = import_module("erlen.ctx").Context(app, {"REQUEST_METHOD": "GET", "SERVER_NAME": "."})
    return {
        "app": app,
        "blueprint": erlen.Blueprint("compat", "compat"),
        "request": erlen.Request({}),
        "response": erlen.Response(),
        "context": ctx,
        "config": app.config,
    }


def object_has(kind: str, name: str) -> bool:
    """Whether objects of a kind have an attribute.

    Args:
        kind: A key of :func:`samples`.
        name: The attribute.
    """
    # On the class first: a property may need more than a sample has.
    sample = samples()[kind]
    return hasattr(type(sample), name) or name in getattr(sample, "__dict__", ())
