"""What was asked for: the request line, the address and the peer."""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qsl

from werkzeug.datastructures import EnvironHeaders, Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.sansio.utils import get_current_url, get_host, host_is_trusted
from werkzeug.wrappers import Request as WerkzeugRequest

from .lazy import lazy
from .query import QUOTE_INVALID, decode_body, parse_query

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def wsgi_bytes(value: str) -> bytes:
    """The bytes behind a text of the environ, which PEP 3333 stores as Latin-1.

    A text that can't be one came from a server or test that decoded it as UTF-8.
    """
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")


def wsgi_text(value: str) -> str:
    """The UTF-8 text behind a text of the environ."""
    return value if value.isascii() else wsgi_bytes(value).decode("utf-8", "replace")


def find_host(
    scheme: str,
    header: str | None,
    server: tuple[str, int | None] | None,
    trusted: t.Collection[str] | None,
) -> str:
    """The host of a request, as it was sent: Werkzeug's ``get_host``.

    A trusted name is also trusted in capital letters and with a dot at its end
    (RFC 4343, RFC 1034 3.1); Flask 3.1 refuses it.

    Args:
        scheme: the scheme, whose port is left out.
        header: the ``Host`` header, ``None`` if there is none.
        server: name and port of the server, for a request without the header.
        trusted: names to trust, those with a dot in front with all below them;
            all names if there are none.

    Raises:
        SecurityError: it is not trusted (400).
    """
    try:
        return get_host(scheme, header, server, trusted)
    except SecurityError:
        if header is None or not _is_trusted_name(header, trusted):
            raise
        return get_host(scheme, header, server)


def _is_trusted_name(header: str, trusted: t.Collection[str] | None) -> bool:
    name, colon, port = header.lower().partition(":")
    return host_is_trusted(name.removesuffix(".") + colon + port, trusted)


class _Args(lazy["MultiDict[str, str]"]):
    """``args`` without a call of its own, where nobody has a say in it."""

    stock: type | None = None

    # Type checkers see the attribute's own type.
    if not t.TYPE_CHECKING:

        def __get__(self, instance: t.Any, owner: type | None = None) -> t.Any:
            if owner is _Args.stock and instance is not None:
                values = instance.__dict__
                raw = values.get("query_string")
                if raw is None:
                    query = instance.environ.get("QUERY_STRING") or ""
                else:
                    query = raw.decode("latin-1")
                if query.isascii() and instance.parameter_storage_class is ImmutableMultiDict:
                    value = values["args"] = parse_query(query)
                    return value
            return super().__get__(instance, owner)


def trust_args(cls: type[Target]) -> None:
    """Say which class has its ``args`` from here, not overridden."""
    _Args.stock = cls


class Target(WerkzeugRequest):
    """The attributes of a request that come from the request line and the peer.

    All are those of Werkzeug 3.1, made at first use; each can be assigned to.
    """

    environ: WSGIEnvironment

    @lazy
    def method(self) -> str:
        """The request method, in upper case."""
        source = self.__dict__.get("_source")
        if source is not None:
            # An ASGI scope.
            return str(source[1]["method"]).upper()
        return (self.environ.get("REQUEST_METHOD") or "GET").upper()

    @lazy
    def scheme(self) -> str:
        """The scheme of the URL, such as ``https``."""
        return self.environ.get("wsgi.url_scheme") or "http"

    @lazy
    def server(self) -> tuple[str, int | None] | None:
        """Host and port of the server; the port is ``None`` for a Unix socket."""
        name = self.environ.get("SERVER_NAME")
        if name is None:
            return None
        try:
            return name, int(self.environ.get("SERVER_PORT"))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return name, None

    @lazy
    def root_path(self) -> str:
        """The prefix that the application is mounted under, without a slash at its end."""
        return wsgi_text(self.environ.get("SCRIPT_NAME") or "").rstrip("/")

    @lazy
    def path(self) -> str:
        """The path below :attr:`root_path`, with one slash at its start."""
        return "/" + wsgi_text(self.environ.get("PATH_INFO") or "").lstrip("/")

    @lazy
    def query_string(self) -> bytes:
        """The raw bytes after the ``?``."""
        return wsgi_bytes(self.environ.get("QUERY_STRING") or "")

    @lazy
    def headers(self) -> Headers:
        """The request's headers, read-only."""
        return EnvironHeaders(self.environ)

    @lazy
    def remote_addr(self) -> str | None:
        """Address of the peer."""
        return self.environ.get("REMOTE_ADDR")

    @_Args
    def args(self) -> MultiDict[str, str]:
        """The parsed query string, as :attr:`parameter_storage_class`.

        Invalid bytes stay percent-encoded; raw ones are treated as if they had
        been percent-encoded (in Flask 3.1 they are a 500).
        """
        values = self.__dict__
        raw = values.get("query_string")
        if raw is None:
            query = self.environ.get("QUERY_STRING") or ""
            if not query.isascii():
                query = decode_body(wsgi_bytes(query))
        else:
            query = decode_body(raw)
        if self.parameter_storage_class is ImmutableMultiDict:
            return parse_query(query)
        return self.parameter_storage_class(
            parse_qsl(query, keep_blank_values=True, errors=QUOTE_INVALID)
        )

    @lazy
    def full_path(self) -> str:
        """Path and query string, with a ``?`` in any case."""
        return f"{self.path}?{decode_body(self.query_string)}"

    @lazy
    def url(self) -> str:
        """The whole URL as an IRI."""
        return self._url(self.root_path, self.path, self.query_string)

    @lazy
    def base_url(self) -> str:
        """:attr:`url` without the query string."""
        return self._url(self.root_path, self.path)

    @lazy
    def root_url(self) -> str:
        """Scheme, host and root path."""
        return self._url(self.root_path)

    @lazy
    def url_root(self) -> str:
        """The same as :attr:`root_url`."""
        return self.root_url

    @lazy
    def host_url(self) -> str:
        """Scheme and host."""
        return self._url()

    def _url(self, root_path: str | None = None, *rest: t.Any) -> str:
        host = self.host
        try:
            return get_current_url(self.scheme, host, root_path, *rest)
        except ValueError:
            pass
        # "[::::]" gets through Werkzeug's pattern but not through urlsplit; an
        # invalid host counts as none. Without one the path must not take its place.
        try:
            root_path = root_path and "/" + root_path.lstrip("/")
            return get_current_url(self.scheme, "", root_path, *rest)
        except ValueError:
            # A proxy's header can bring any scheme.
            raise BadRequest("The URL of the request is malformed.") from None

    @lazy
    def host(self) -> str:
        """The host the request was made to, with a port that is not the scheme's.

        Empty if it is missing or invalid.

        Raises:
            SecurityError: it is not one of :attr:`trusted_hosts` (400).
        """
        values = self.__dict__
        if "headers" in values:
            header = values["headers"].get("host")
        else:
            header = self.environ.get("HTTP_HOST")
        return find_host(self.scheme, header, self.server, self.trusted_hosts)
