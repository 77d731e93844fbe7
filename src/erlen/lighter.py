"""Puts off what Werkzeug's package imports and a served application never uses.

``werkzeug/__init__.py`` imports the development server and the test client,
and with them ``ssl``, ``http.server`` and more: half of the time that importing
a framework on it takes. All it holds is four names for convenience. Where
nobody has imported it yet, it is run when one of its names is first asked for.
"""

from __future__ import annotations

import gc
import importlib.util
import sys
import typing as t
from _thread import RLock


class Uncollected:
    """No garbage is looked for inside of the block.

    Importing leaves none, and looking for it takes a fifteenth of the time. (``contextlib``
    itself takes time to import.)
    """

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *error: object) -> None:
        if hasattr(gc, "freeze") and not gc.get_freeze_count():
            # What was made is old now, without a look at it: else the first object that is made
            # behind the block would have all of them looked at.
            gc.freeze()
            gc.unfreeze()
        if self._was_on:
            gc.enable()


def put_off_werkzeug() -> None:
    """Let submodules of Werkzeug be imported without running its ``__init__``."""
    if "werkzeug" in sys.modules:
        return
    spec = importlib.util.find_spec("werkzeug")
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    loader = spec.loader
    names = module.__dict__
    # Held by whoever runs it; others wait. Its own imports ask again from inside.
    lock = RLock()
    begun: list[bool] = []

    def load(name: str) -> t.Any:
        # ``from werkzeug import http`` asks for the attribute before it imports the
        # submodule, and the import system for dunders that a package need not have;
        # for ``__all__`` only before ``import *``.
        special = name.startswith("__") and name not in ("__version__", "__all__")
        if special or importlib.util.find_spec(f"werkzeug.{name}") is not None:
            raise AttributeError(f"module 'werkzeug' has no attribute {name!r}")
        with lock:
            if not begun:
                begun.append(True)
                try:
                    loader.exec_module(module)
                except BaseException:
                    begun.clear()
                    raise
                if names.get("__getattr__") is load:
                    del names["__getattr__"]
            if names.get("__getattr__") is not load:
                return getattr(module, name)
        raise AttributeError(f"module 'werkzeug' has no attribute {name!r}")

    names["__getattr__"] = load
    sys.modules["werkzeug"] = module
