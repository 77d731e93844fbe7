"""The request's header fields, parsed at first use."""

from __future__ import annotations

import typing as t

from werkzeug import http
from werkzeug.datastructures import (
    Accept,
    Authorization,
    CharsetAccept,
    ETags,
    HeaderSet,
    IfRange,
    ImmutableMultiDict,
    LanguageAccept,
    MIMEAccept,
    Range,
    RequestCacheControl,
)
from werkzeug.sansio.http import parse_cookie
from werkzeug.user_agent import UserAgent

from .body import Malformed, declared_length
from .cookies import parse_cookies
from .lazy import lazy
from .query import empty_multidict
from .target import Target

if t.TYPE_CHECKING:
    from datetime import datetime


class Fields(Target):
    """The attributes of a request that come from one header each.

    All are those of Werkzeug 3.1, made at first use; each can be assigned to.
    None raises for whatever a client may send.
    """

    def _field(self, name: str, key: str) -> str | None:
        """A header by its name, or by its key while nobody has replaced ``headers``."""
        headers = self.__dict__.get("headers")
        if headers is None:
            return self.environ.get(key)
        return headers.get(name)  # type: ignore[no-any-return]

    @lazy
    def content_type(self) -> str:
        """The ``Content-Type`` as it was sent; ``None`` if it wasn't (typed as in Werkzeug)."""
        return self._field("Content-Type", "CONTENT_TYPE")  # type: ignore[return-value]

    @lazy
    def content_length(self) -> int | None:
        """Length of the body in bytes.

        ``None`` if it is missing, chunked, or not a number (0 in Flask 3.1;
        here reading the body is then a 400).
        """
        raw = self._field("Content-Length", "CONTENT_LENGTH")
        if raw is None:
            return None
        environ = {"CONTENT_LENGTH": raw}
        encoding = self._field("Transfer-Encoding", "HTTP_TRANSFER_ENCODING")
        if encoding is not None:
            environ["HTTP_TRANSFER_ENCODING"] = encoding
        try:
            return declared_length(environ)
        except Malformed:
            return None

    @lazy
    def _parsed_content_type(self) -> tuple[str, dict[str, str]]:
        value = self._field("Content-Type", "CONTENT_TYPE") or ""
        if ";" not in value:
            return value.strip(" \t"), {}
        return http.parse_options_header(value)

    @lazy
    def mimetype(self) -> str:
        """The content type without parameters, in lower case."""
        headers = self.__dict__.get("headers")
        if headers is None:
            value = self.environ.get("CONTENT_TYPE")
        else:
            value = headers.get("Content-Type")
        if not value:
            return ""
        if ";" in value:
            return self._parsed_content_type[0].lower()
        text: str = value
        return text.strip(" \t").lower()

    @lazy
    def mimetype_params(self) -> dict[str, str]:
        """The content type's parameters."""
        return self._parsed_content_type[1]

    @property
    def is_json(self) -> bool:
        """Whether the content type is ``application/json`` or ``application/*+json``."""
        kind = self.mimetype
        return kind == "application/json" or (
            kind.startswith("application/") and kind.endswith("+json")
        )

    @lazy
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The request's cookies, as :attr:`dict_storage_class`."""
        headers = self.__dict__.get("headers")
        if headers is None:
            header = self.environ.get("HTTP_COOKIE") or ""
        else:
            header = ";".join(headers.getlist("Cookie"))
        storage = self.dict_storage_class
        if storage is ImmutableMultiDict:
            return parse_cookies(header) if header else empty_multidict()  # type: ignore[return-value]
        return parse_cookie(header, cls=storage)  # type: ignore[return-value]

    @lazy
    def access_route(self) -> list[str]:
        """The addresses from the client to the last proxy, as ``X-Forwarded-For`` has them.

        A client can send that header too; see Werkzeug's ``ProxyFix``.
        """
        forwarded = self._field("X-Forwarded-For", "HTTP_X_FORWARDED_FOR")
        if forwarded is not None:
            return self.list_storage_class(http.parse_list_header(forwarded))
        if self.remote_addr is not None:
            return self.list_storage_class([self.remote_addr])
        return self.list_storage_class()

    @lazy
    def authorization(self) -> Authorization | None:
        """The ``Authorization`` header; ``None`` if it is missing or malformed."""
        try:
            return Authorization.from_header(self._field("Authorization", "HTTP_AUTHORIZATION"))
        except ValueError:
            # Non-ASCII credentials; binascii lets this out of Werkzeug.
            return None

    @lazy
    def user_agent(self) -> UserAgent:
        """The ``User-Agent``, as :attr:`user_agent_class`."""
        return self.user_agent_class(self._field("User-Agent", "HTTP_USER_AGENT") or "")

    @lazy
    def pragma(self) -> HeaderSet:
        """The directives of ``Pragma``."""
        return http.parse_set_header(self._field("Pragma", "HTTP_PRAGMA") or "")

    @lazy
    def accept_mimetypes(self) -> MIMEAccept:
        """The media types that the client takes."""
        return http.parse_accept_header(self._field("Accept", "HTTP_ACCEPT"), MIMEAccept)

    @lazy
    def accept_charsets(self) -> CharsetAccept:
        """The charsets that the client takes."""
        value = self._field("Accept-Charset", "HTTP_ACCEPT_CHARSET")
        return http.parse_accept_header(value, CharsetAccept)

    @lazy
    def accept_encodings(self) -> Accept:
        """The content codings that the client takes."""
        return http.parse_accept_header(self._field("Accept-Encoding", "HTTP_ACCEPT_ENCODING"))

    @lazy
    def accept_languages(self) -> LanguageAccept:
        """The languages that the client takes."""
        value = self._field("Accept-Language", "HTTP_ACCEPT_LANGUAGE")
        return http.parse_accept_header(value, LanguageAccept)

    @lazy
    def cache_control(self) -> RequestCacheControl:
        """The directives of ``Cache-Control``."""
        value = self._field("Cache-Control", "HTTP_CACHE_CONTROL")
        return http.parse_cache_control_header(value, None, RequestCacheControl)

    @lazy
    def if_match(self) -> ETags:
        """The entity tags of ``If-Match``."""
        return http.parse_etags(self._field("If-Match", "HTTP_IF_MATCH"))

    @lazy
    def if_none_match(self) -> ETags:
        """The entity tags of ``If-None-Match``."""
        return http.parse_etags(self._field("If-None-Match", "HTTP_IF_NONE_MATCH"))

    @lazy
    def if_modified_since(self) -> datetime | None:
        """The date of ``If-Modified-Since``, aware of its zone."""
        return _date(self._field("If-Modified-Since", "HTTP_IF_MODIFIED_SINCE"))

    @lazy
    def if_unmodified_since(self) -> datetime | None:
        """The date of ``If-Unmodified-Since``, aware of its zone."""
        return _date(self._field("If-Unmodified-Since", "HTTP_IF_UNMODIFIED_SINCE"))

    @lazy
    def if_range(self) -> IfRange:
        """The entity tag or date of ``If-Range``."""
        try:
            return http.parse_if_range_header(self._field("If-Range", "HTTP_IF_RANGE"))
        except (ValueError, OverflowError):
            return IfRange()

    @lazy
    def range(self) -> Range | None:
        """The ``Range``; ``None`` if it is missing or malformed."""
        try:
            return http.parse_range_header(self._field("Range", "HTTP_RANGE"))
        except (ValueError, OverflowError):
            return None

    @lazy
    def date(self) -> datetime | None:
        """The ``Date``, aware of its zone."""
        return _date(self._field("Date", "HTTP_DATE"))


def _date(value: str | None) -> datetime | None:
    try:
        return http.parse_date(value)
    except (ValueError, OverflowError):
        return None
