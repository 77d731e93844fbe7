"""Where a module lives: root path, package, installation prefix."""

from __future__ import annotations

import importlib.util
import os
import sys
import typing as t


def get_root_path(import_name: str) -> str:
    """The folder of a module or package; the working directory if it has no file.

    Args:
        import_name: Name of a module, imported or importable.

    Returns:
        An absolute path.

    Raises:
        RuntimeError: A namespace package, or a module that no loader can place.
    """
    module = sys.modules.get(import_name)
    if module is not None and getattr(module, "__file__", None) is not None:
        return os.path.dirname(os.path.abspath(t.cast(str, module.__file__)))
    try:
        spec = importlib.util.find_spec(import_name)
        if spec is None:
            raise ValueError
    except (ImportError, ValueError):
        loader = None
    else:
        loader = spec.loader
    # __main__ of an interactive session, or a name that is no module.
    if loader is None:
        return os.getcwd()
    if hasattr(loader, "get_filename"):
        filepath = loader.get_filename(import_name)
    else:
        __import__(import_name)
        filepath = getattr(sys.modules[import_name], "__file__", None)
    if filepath is None:
        raise RuntimeError(
            "No root path can be found for the provided module"
            f" {import_name!r}. This can happen because the module"
            " came from an import hook that does not provide file name"
            " information or because it's a namespace package. In this"
            " case the root path needs to be explicitly provided."
        )
    return str(os.path.dirname(os.path.abspath(filepath)))


def _find_package_path(import_name: str) -> str:
    """The folder that holds the top-level package of ``import_name``."""
    root, _, _ = import_name.partition(".")
    try:
        spec = importlib.util.find_spec(root)
        if spec is None:
            raise ValueError("not found")
    except (ImportError, ValueError):
        return os.getcwd()
    if spec.submodule_search_locations:
        if spec.origin is None or spec.origin == "namespace":
            return _namespace_parent(spec, import_name)
        return str(os.path.dirname(os.path.dirname(spec.origin)))
    return os.path.dirname(spec.origin or os.getcwd())


def _namespace_parent(spec: t.Any, import_name: str) -> str:
    """A namespace package has several folders: take the one that holds the module."""
    import pathlib

    package = importlib.util.find_spec(import_name)
    locations = list(spec.submodule_search_locations)
    if package is not None and package.submodule_search_locations:
        inner = pathlib.Path(os.path.commonpath(package.submodule_search_locations))
        location = next((x for x in locations if inner.is_relative_to(x)), locations[0])
    else:
        location = locations[0]
    return str(os.path.dirname(location))


def find_package(import_name: str) -> tuple[str | None, str]:
    """The installation prefix of a package, and the path it is imported from.

    Args:
        import_name: Name of a module.

    Returns:
        The prefix (None for a package that is not installed) and the folder on
        the import path.
    """
    import pathlib

    path = _find_package_path(import_name)
    prefix = os.path.abspath(sys.prefix)
    if pathlib.PurePath(path).is_relative_to(prefix):
        return prefix, path
    parent, folder = os.path.split(path)
    if folder.lower() == "site-packages":
        above, name = os.path.split(parent)
        # Windows: <prefix>/Lib/site-packages; elsewhere <prefix>/lib/pythonX.Y/...
        if name.lower() == "lib":
            return above, path
        if os.path.basename(above).lower() == "lib":
            return os.path.dirname(above), path
        return parent, path
    return None, path
