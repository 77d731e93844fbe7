"""What a worker does last, however its process ends in good order."""

from __future__ import annotations

import atexit
import sys
import typing as t


def at_end(function: t.Callable[[], t.Any]) -> None:
    """Call a function before the process exits; it may come twice.

    A process that ``multiprocessing`` has started, as Granian's workers are, leaves
    without the functions of ``atexit``, but not without its finalizers.

    Args:
        function: Takes nothing.
    """
    atexit.register(function)
    multiprocessing: t.Any = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, function, exitpriority=100)
