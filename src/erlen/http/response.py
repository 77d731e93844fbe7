"""Everything about responses, under one name."""

from __future__ import annotations

from .lazyresponse import Response as Response
from .pages import http_error_response as http_error_response
from .pages import redirect_response as redirect_response
