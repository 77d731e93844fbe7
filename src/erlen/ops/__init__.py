"""Health, readiness, request ids, structured logs, metrics and traces.

All of it is off until a setting asks for it; see :class:`Ops`.
"""

from __future__ import annotations

from .current import request_id as request_id
from .current import use_request_id as use_request_id

__all__ = ["request_id", "use_request_id"]
