"""Keeps real Flask out of every process of a run that is meant to be on Erlen.

Found by way of ``PYTHONPATH``. What a test starts, and what that starts in turn, either has Erlen
behind the name or fails to import Flask: a child that quietly ran on Flask would pass.
"""

import os
import sys


class NoRealFlask:
    """Stands behind the alias and before everything that could find an installed Flask."""

    def find_spec(self, name, path=None, target=None):
        if name == "flask":
            raise ModuleNotFoundError(
                "real Flask was asked for in a run that is meant to be on Erlen", name=name
            )
        return None


if os.environ.get("CONFORMANCE_ON") == "erlen":
    names = [getattr(finder, "__name__", "") for finder in sys.meta_path]
    sys.meta_path.insert(names.index("PathFinder"), NoRealFlask())
