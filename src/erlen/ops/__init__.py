"""Health, readiness, request ids, structured logs, metrics and traces.

All of it is off until a setting asks for it; see :class:`Ops`.
"""

from __future__ import annotations

import typing as t

from .current import request_id as request_id
from .current import use_request_id as use_request_id
from .extension import Ops as Ops

if t.TYPE_CHECKING:
    from .logs import JsonFormatter as JsonFormatter

__all__ = ["JsonFormatter", "Ops", "request_id", "use_request_id"]


def __getattr__(name: str) -> t.Any:
    if name == "JsonFormatter":
        from .logs import JsonFormatter

        return JsonFormatter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
