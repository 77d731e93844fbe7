"""Where a response's rules are stricter than Werkzeug's, or come from the settings."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta

from werkzeug.wrappers import Response as WerkzeugResponse

from ..state import get_current
from .conditional import unmodified_since_fails, without_useless_range
from .headersets import header_set
from .setcookie import cookie_text


class StrictResponse(WerkzeugResponse):
    """Werkzeug's response with our cookies and conditions."""

    vary = header_set(WerkzeugResponse.vary, "Vary")
    allow = header_set(WerkzeugResponse.allow, "Allow")
    content_language = header_set(WerkzeugResponse.content_language, "Content-Language")

    @property
    def max_cookie_size(self) -> int:  # type: ignore[override]
        """The size in bytes above which ``set_cookie`` warns: MAX_COOKIE_SIZE."""
        ctx = get_current(None)
        if ctx is None:
            return WerkzeugResponse.max_cookie_size
        return t.cast(int, ctx.app.config["MAX_COOKIE_SIZE"])

    def make_conditional(
        self,
        request_or_environ: t.Any,
        accept_ranges: bool | str = False,
        complete_length: int | None = None,
    ) -> t.Any:
        """Answer 304, 412 or 206 where the request's conditions ask for it.

        A Range with several parts, or one that is not ASCII, is ignored, as
        RFC 9110 14.2 allows; Werkzeug answers those with 416.

        Args:
            request_or_environ: The request.
            accept_ranges: Serve ranges, with this unit or bytes. Default: False.
            complete_length: The whole body's length in bytes, for ranges.

        Returns:
            This response.

        Raises:
            RequestedRangeNotSatisfiable: The range lies outside of the body.
        """
        environ = getattr(request_or_environ, "environ", request_or_environ)
        if "HTTP_RANGE" in environ:
            environ = without_useless_range(environ)
        super().make_conditional(environ, accept_ranges, complete_length)
        if "HTTP_IF_UNMODIFIED_SINCE" in environ and unmodified_since_fails(self, environ):
            self.status_code = 412
        return self

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: timedelta | int | None = None,
        expires: str | datetime | int | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Set a cookie, with a warning when it is larger than ``max_cookie_size``.

        Args:
            key: Its name.
            value: Its value. Default: empty.
            max_age: Seconds to live. Default: the browser's session.
            expires: The moment it ends: text, datetime or seconds since 1970.
            path: The path it is limited to. Default: ``"/"``.
            domain: The domain it is sent to. Default: this host alone.
            secure: Send it over HTTPS only. Default: False.
            httponly: Hide it from scripts. Default: False.
            samesite: "Strict", "Lax" or "None". Default: the browser's choice.
            partitioned: Keep it apart per top-level site; implies ``secure``.

        Raises:
            ValueError: The name, the domain or ``samesite`` can never work.
        """
        text = cookie_text(
            key,
            value,
            max_age,
            expires,
            path,
            domain,
            secure,
            httponly,
            samesite,
            partitioned,
            self.max_cookie_size,
        )
        self.headers.add("Set-Cookie", text)
