"""Request and Response, under the name that Flask has for them."""

from __future__ import annotations

from .http.request import Request as Request
from .http.response import Response as Response

__all__ = ["Request", "Response"]
