"""The response: Werkzeug's, but with nothing built before it is looked at."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable
from operator import attrgetter

from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.http import is_entity_header

from .headers import Headers, Pair, lower_name
from .ondemand import (
    CallbacksOnDemand,
    HeadersOnDemand,
    JsonModule,
    length_pair,
    lengths,
    media_type_pair,
    media_types,
    replace_headers,
    whole_type_pair,
    whole_types,
)
from .statuses import SILENT, known, parse_status
from .streams import Stream
from .strict import StrictResponse
from .uris import to_uri

if t.TYPE_CHECKING:
    from http import HTTPStatus

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: Whatever a subclass overrides of these is honoured by Werkzeug's own, longer way.
_DECISIVE = frozenset(
    {
        "__class__",
        "__getattribute__",
        "__setattr__",
        "_clean_status",
        "_ensure_sequence",
        "close",
        "data",
        "get_app_iter",
        "get_wsgi_headers",
        "get_wsgi_response",
        "headers",
        "is_sequence",
        "is_streamed",
        "iter_encoded",
        "response",
        "set_data",
        "status",
        "status_code",
    }
)


class Response(StrictResponse):
    """What goes back to the client (Flask 3.1's ``Response``).

    Args:
        response: The body: text, bytes, or an iterable of them, which is
            streamed unless it is a list or tuple. Default: empty.
        status: A code, or a line such as ``"404 Not Found"``. Default: ``default_status``.
        headers: Headers, mapping or pairs. Default: none.
        mimetype: The media type; text types get a charset. Default: ``default_mimetype``.
        content_type: The whole Content-Type, in place of ``mimetype``.
        direct_passthrough: Hand the body to the server as it is. Default: False.

    Raises:
        ValueError: The status, a header's name or a value cannot be sent.
    """

    default_mimetype: str | None = "text/html"
    autocorrect_location_header = False
    json_module: t.Any = JsonModule()

    direct_passthrough = False

    # Untouched headers as a list; None once an object was made of them.
    _lazy: list[Pair] | None = None
    # The list in _lazy has the Content-Length already.
    _sized = False
    # Somebody has a callback to run when the response was sent.
    _watched = False
    # No class below this one changes how a response is sent, or how it is made.
    _stock = True
    _plainly_made = True

    _status = "200 OK"
    _status_code = 200
    _headers: t.Any = HeadersOnDemand()
    _on_close: t.Any = CallbacksOnDemand()
    headers: t.Any = property(attrgetter("_headers"), replace_headers)

    def __init_subclass__(cls, **kwargs: t.Any) -> None:
        super().__init_subclass__(**kwargs)
        added: set[str] = set()
        for base in cls.__mro__:
            if base not in Response.__mro__:
                added.update(vars(base))
        cls._stock = added.isdisjoint(_DECISIVE) and "__call__" not in added
        cls._plainly_made = cls._stock and added.isdisjoint({"__init__", "__new__"})

    def __init__(
        self,
        response: Iterable[bytes] | bytes | Iterable[str] | str | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: t.Any = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        if headers is not None or not self._stock:
            if not isinstance(headers, WerkzeugHeaders):
                headers = Headers(headers)
            super().__init__(response, status, headers, mimetype, content_type, direct_passthrough)
            return
        pairs: list[Pair]
        if content_type is not None:
            pairs = [whole_types.get(content_type) or whole_type_pair(content_type)]
        else:
            if mimetype is None:
                mimetype = self.default_mimetype
            pairs = []
            if mimetype is not None:
                pairs = [media_types.get(mimetype) or media_type_pair(mimetype)]
        if status is None:
            status = self.default_status
        if status != 200:
            self.status = status
        if direct_passthrough:
            self.direct_passthrough = True
        if isinstance(response, str):
            response = response.encode()
        if isinstance(response, (bytes, bytearray)):
            self.response = [response]
            if self.automatically_set_content_length:
                length = len(response)
                pairs.append(lengths.get(length) or length_pair(length))
                self._sized = True
        else:
            self.response = [] if response is None else response
        self._lazy = pairs

    @classmethod
    def of_body(cls, body: bytes, content_type: str, status: int = 200) -> t.Self:
        """Make a response of a finished body, as cheaply as can be.

        Args:
            body: The body.
            content_type: The whole Content-Type.
            status: The code. Default: 200.

        Returns:
            The response.
        """
        if not cls._plainly_made:
            return cls(body, status, content_type=content_type)
        self = cls.__new__(cls)
        self.response = [body]
        if status != 200:
            self.status = status
        length = len(body)
        self._lazy = [
            whole_types.get(content_type) or whole_type_pair(content_type),
            lengths.get(length) or length_pair(length),
        ]
        self._sized = True
        return self

    # Attributes that Werkzeug keeps eagerly

    @property
    def status(self) -> str:
        """The status line, e.g. ``"200 OK"``; can be set to a code or a line."""
        return self._status

    @status.setter
    def status(self, value: str | int | HTTPStatus) -> None:
        self._status, self._status_code = known.get(value) or parse_status(value)

    @property
    def status_code(self) -> int:
        """The status code as a number."""
        return self._status_code

    @status_code.setter
    def status_code(self, code: int) -> None:
        self.status = code

    @property
    def __class__(self) -> t.Any:
        return type(self)

    @__class__.setter
    def __class__(self, cls: t.Any) -> None:
        # Werkzeug's force_type changes the class of an object; a class that is
        # not ours needs everything in the instance.
        if not issubclass(cls, Response):
            state = self.__dict__
            state["headers"] = self.headers
            state["_on_close"] = self._on_close
            for name in ("direct_passthrough", "_status", "_status_code"):
                state[name] = getattr(self, name)
        object.__dict__["__class__"].__set__(self, cls)

    # Sending

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application.

        Args:
            environ: The WSGI environment.
            start_response: The server's callable.

        Returns:
            The body; close it if it can be closed.
        """
        if not self._stock:
            return super().__call__(environ, start_response)
        body: t.Any = self.response
        listed = type(body) is list or isinstance(body, (list, tuple))
        pairs = self._lazy
        if pairs is None:
            pairs = self._ready()
        elif self._sized or not listed:
            pairs = pairs.copy()
        else:
            pairs = None
        if (
            pairs is None
            or self._status_code in SILENT
            or self.autocorrect_location_header
            or environ["REQUEST_METHOD"] == "HEAD"
        ):
            return self._call_with_care(environ, start_response)
        if not self.direct_passthrough:
            if not listed:
                body = Stream(body, self.close)
            elif self._watched or len(body) != 1 or type(body[0]) is not bytes:
                return self._call_with_care(environ, start_response)
        start_response(self._status, pairs)
        return body  # type: ignore[no-any-return]

    def _call_with_care(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        chunks = self._sequence()
        pairs = self._wire_headers(environ, chunks)
        result = self._wire_body(environ, chunks)
        start_response(self._status, pairs)
        return result

    def _ready(self) -> list[Pair] | None:
        """A copy of the headers, if they can be sent as they are."""
        headers = self._headers
        index = headers._index if type(headers) is Headers else None
        if (
            index is None
            or ("content-length" not in index and isinstance(self.response, (list, tuple)))
            or "location" in index
            or "content-location" in index
        ):
            return None
        return headers._items.copy()  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the body, if it can be closed, and run the callbacks."""
        close = getattr(self.response, "close", None)
        if close is not None:
            close()
        if self._watched:
            for function in self._on_close:
                function()

    def _sequence(self) -> list[bytes] | None:
        """The encoded body, if it is a sequence."""
        body = self.response
        if not isinstance(body, (list, tuple)):
            return None
        return [chunk.encode() if isinstance(chunk, str) else chunk for chunk in body]

    def _wire_headers(self, environ: WSGIEnvironment, chunks: list[bytes] | None) -> list[Pair]:
        """The headers as they are sent: Werkzeug's ``get_wsgi_headers``, shorter."""
        lazy = self._lazy
        code = self._status_code
        if lazy is not None and code not in SILENT and not self.autocorrect_location_header:
            sized = self._sized or chunks is None or not self.automatically_set_content_length
            return lazy.copy() if sized else [*lazy, length_pair(sum(map(len, chunks or ())))]
        headers = self.headers
        index = headers._index if type(headers) is Headers else None
        location = index is not None and "location" in index
        if (
            index is None
            or (code in SILENT and code != 304)
            or "content-location" in index
            or (location and self._location_needs_more())
        ):
            pairs: list[Pair] = self.get_wsgi_headers(environ).to_wsgi_list()
            for name, _ in pairs:
                lower_name(name)
            return pairs
        pairs = headers._items.copy()
        if location:
            position = index["location"]
            pairs[position] = ("Location", to_uri(pairs[position][1]))
        if code == 304:
            # RFC 9110 15.4.5: nothing that describes a body, but for Expires.
            return [
                pair
                for pair in pairs
                if not is_entity_header(pair[0]) or pair[0].lower() == "expires"
            ]
        if (
            chunks is not None
            and "content-length" not in index
            and self.automatically_set_content_length
        ):
            pairs.append(("Content-Length", str(sum(map(len, chunks)))))
        return pairs

    def _location_needs_more(self) -> bool:
        return self.autocorrect_location_header or len(self.headers.getlist("location")) > 1

    def _wire_body(self, environ: WSGIEnvironment, chunks: list[bytes] | None) -> Iterable[bytes]:
        """The body as it is sent: Werkzeug's ``get_app_iter``, shorter."""
        if environ["REQUEST_METHOD"] == "HEAD" or self._status_code in SILENT:
            if chunks is not None and not self._watched:
                return []
            return Stream((), self.close)
        if self.direct_passthrough:
            return self.response  # type: ignore[return-value]
        if chunks is not None and not self._watched:
            return chunks
        return Stream(self.response, self.close)
