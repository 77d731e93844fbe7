"""The request object: Flask's attributes on a WSGI environ, nothing made in advance."""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import CombinedMultiDict, FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.formparser import FormDataParser
from werkzeug.wrappers import Request as WerkzeugRequest

from .. import json
from ..state import get_current
from .body import MemoryBody, checked_length, open_stream, read_plain_body
from .form import read_form
from .lazy import LateEnviron, lazy
from .limits import Limits
from .target import trust_args

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import Rule

    from .body import RequestStream

# What somebody may replace on one request to have a say in parsing its form.
_FORM_HOOKS = frozenset({"make_form_data_parser", "_get_file_stream", "_get_stream_for_parsing"})
_make_form_data_parser = WerkzeugRequest.make_form_data_parser
_get_file_stream = WerkzeugRequest._get_file_stream
_get_stream_for_parsing = WerkzeugRequest._get_stream_for_parsing


class _JsonModule:
    """The provider of the current application; outside of one, :mod:`erlen.json`."""

    def __get__(self, request: Request | None, owner: t.Any) -> t.Any:
        if request is None:
            return json
        ctx = get_current(None)
        module = request.__dict__["json_module"] = json if ctx is None else ctx.app.json
        return module


class Request(Limits):
    """A request, as :class:`flask.Request` 3.1 and Werkzeug 3.1 document it.

    Making one stores the environ and nothing else. Every attribute is worked
    out when it is first read, kept, and can be assigned to. What a subclass
    overrides (the storage classes, ``form_data_parser_class``,
    ``make_form_data_parser``, ``_get_file_stream``, ``json_module``, the
    limits) is honoured: form data is then parsed by Werkzeug's own code.

    Args:
        environ: the WSGI environ.
        populate_request: store this object as ``environ["werkzeug.request"]``.
        shallow: refuse to read the body.
    """

    environ: t.Any = LateEnviron()

    #: Has ``dumps`` and ``loads``; decodes what :meth:`get_json` returns.
    json_module: t.Any = _JsonModule()

    #: The rule that matched, ``None`` before matching and if none did.
    url_rule: Rule | None = None

    #: The arguments that the rule found in the URL.
    view_args: dict[str, t.Any] | None = None

    #: What :meth:`dispatch_request` will raise because no rule matched.
    routing_exception: HTTPException | None = None

    shallow: bool = False

    _cached_data: bytes | None = None  # type: ignore[assignment]
    _cached_json: tuple[t.Any, t.Any] = (Ellipsis, Ellipsis)
    _body_read = False
    #: The body, where it was received before anybody asked for it.
    _received: bytes | None = None
    _form_failure: tuple[type[HTTPException], str | None] | None = None

    def __init__(
        self, environ: WSGIEnvironment, populate_request: bool = True, shallow: bool = False
    ) -> None:
        self.environ = environ
        if shallow:
            self.shallow = True
        elif populate_request:
            environ["werkzeug.request"] = self

    # -- routing

    @property
    def endpoint(self) -> str | None:
        """The endpoint of the rule that matched, ``None`` if none did."""
        rule = self.url_rule
        return rule.endpoint if rule is not None else None

    @property
    def blueprint(self) -> str | None:
        """The registered name of the blueprint that the endpoint belongs to."""
        endpoint = self.endpoint
        if endpoint is not None and "." in endpoint:
            return endpoint.rpartition(".")[0]
        return None

    @property
    def blueprints(self) -> list[str]:
        """The names of the current blueprint and of those around it, innermost first."""
        name = self.blueprint
        names = []
        while name:
            names.append(name)
            name = name.rpartition(".")[0]
        return names

    # -- body

    @lazy
    def stream(self) -> RequestStream:
        """The body, to be read once, within the limits; also with ``async for``.

        Raises:
            RuntimeError: the request is shallow.
            RequestEntityTooLarge: the announced length is over the limit.
            BadRequest: the announced length is malformed.
        """
        if self.shallow:
            raise RuntimeError(
                "This request was created with 'shallow=True', reading"
                " from the input stream is disabled."
            )
        if self._body_read:
            return t.cast("RequestStream", MemoryBody())
        return open_stream(self.environ, self.max_content_length)

    async def receive(self) -> None:
        """Receive the whole body, where that has not been done.

        Needed in views that are marked with :func:`erlen.stream_body`, and in those
        that raise :attr:`max_content_length`, before anything is asked for that reads
        the body at once: :attr:`form`, :attr:`files`, :meth:`get_json`, :meth:`get_data`.
        Does nothing where the body is here, or is read by WSGI.

        Raises:
            HTTPException: 413 if it is too large, 400 if the client went away.
        """
        receive = getattr(self.environ.get("wsgi.input"), "receive_rest", None)
        if receive is None:
            return
        checked_length(self.environ, self.max_content_length)
        try:
            await receive(self.max_content_length)
        except OSError as error:
            raise ClientDisconnected() from error

    def _read_all(self) -> bytes:
        """Read what is left of the body, if possible without a stream object."""
        if (
            "stream" not in self.__dict__
            and not self._body_read
            and (type(self) is Request or type(self).stream is _stream)
            and not self.shallow
        ):
            maximum = self._max_content_length
            if type(self) is not Request:
                maximum = self.max_content_length
            elif maximum is None:
                # What the property gives, two calls less.
                ctx = get_current(None)
                if ctx is not None:
                    maximum = ctx.app.config["MAX_CONTENT_LENGTH"]
            data = self._received
            if data is None:
                data = read_plain_body(self.environ, maximum)
            elif maximum is not None and len(data) > maximum:
                raise RequestEntityTooLarge()
            if data is not None:
                self._body_read = True
                return data
        return self.stream.read()

    @lazy
    def data(self) -> bytes:
        """The body, unless it is a form: then empty, see :attr:`form`."""
        return self.get_data(parse_form_data=True)

    @t.overload
    def get_data(
        self,
        cache: bool = True,
        as_text: t.Literal[False] = False,
        parse_form_data: bool = False,
    ) -> bytes: ...

    @t.overload
    def get_data(
        self,
        cache: bool = True,
        as_text: t.Literal[True] = ...,
        parse_form_data: bool = False,
    ) -> str: ...

    def get_data(
        self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False
    ) -> bytes | str:
        """Read the whole body.

        Args:
            cache: keep it for the next call and for :attr:`form`.
            as_text: decode it as UTF-8, with U+FFFD for what is not.
            parse_form_data: parse a form first, which leaves nothing to read.

        Raises:
            HTTPException: 413 if it is too large, 400 if it is cut off.
        """
        data = self._cached_data
        if data is None:
            if parse_form_data:
                self._load_form_data()
            data = self._read_all()
            if cache:
                self._cached_data = data
        return data.decode(errors="replace") if as_text else data

    # -- form

    @lazy
    def form(self) -> ImmutableMultiDict[str, str]:
        """The fields of the form, as :attr:`parameter_storage_class`."""
        self._load_form_data()
        return self.form

    @lazy
    def files(self) -> ImmutableMultiDict[str, FileStorage]:
        """The uploaded files by the name of their field."""
        self._load_form_data()
        return self.files

    @lazy
    def values(self) -> CombinedMultiDict[str, str]:
        """:attr:`args` and, unless the method is GET, :attr:`form`."""
        sources: list[t.Any] = [self.args]
        if self.method != "GET":
            # A cache ignores the body of a GET: it must not change the answer.
            sources.append(self.form)
        return CombinedMultiDict(
            source if isinstance(source, MultiDict) else MultiDict(source) for source in sources
        )

    def _load_form_data(self) -> None:
        """Fill :attr:`form` and :attr:`files` from the body, once."""
        values = self.__dict__
        if "form" in values:
            return
        if self._form_failure is not None:
            # The body is gone: what is left of it must not pass for a form.
            kind, description = self._form_failure
            raise kind(description)
        if self._parses_itself():
            try:
                values["form"], values["files"] = read_form(self)
            except HTTPException as error:
                self._form_failure = (type(error), error.description)
                raise
        else:
            super()._load_form_data()
        if not values["files"]:
            ctx = get_current(None)
            if ctx is not None and ctx.app.debug:
                self._explain_missing_files()

    def close(self) -> None:
        """Close the uploaded files, if there are any."""
        if self.__dict__.get("files"):
            super().close()

    def _parses_itself(self) -> bool:
        """Whether nobody has overridden a part of Werkzeug's form parsing."""
        cls = type(self)
        return (
            self.parameter_storage_class is ImmutableMultiDict
            and self.form_data_parser_class is FormDataParser
            and cls.make_form_data_parser is _make_form_data_parser
            and cls._get_file_stream is _get_file_stream
            and cls._get_stream_for_parsing is _get_stream_for_parsing
            and _FORM_HOOKS.isdisjoint(self.__dict__)
        )

    def _explain_missing_files(self) -> None:
        if self.mimetype != "multipart/form-data":
            from .enctype import attach_enctype_error_multidict

            attach_enctype_error_multidict(self)

    # -- JSON

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> t.Any:
        """Decode the body as JSON.

        Args:
            force: don't look at the content type.
            silent: return ``None`` for a wrong content type or malformed JSON.
            cache: keep the value for the next call.

        Raises:
            UnsupportedMediaType: the content type is not JSON's.
            BadRequest: the body is not JSON, or nested too deep.
        """
        if cache and (value := self._cached_json[silent]) is not Ellipsis:
            return value
        plain = cache and type(self) is Request
        if (
            plain
            and (self.__dict__.get("mimetype") or self.environ.get("CONTENT_TYPE"))
            == "application/json"
        ):
            # By far the most: nothing to parse, nothing overridden.
            data = self._cached_data
            if data is None:
                data = self._cached_data = self._read_all()
        elif force or self.is_json:
            data = self.get_data(cache=cache)
        else:
            return None if silent else self.on_json_loading_failed(None)
        try:
            value = self._decode_json(data)
        except ValueError as error:
            value = None if silent else self.on_json_loading_failed(error)
            if cache:
                normal, quiet = self._cached_json
                self._cached_json = (normal, value) if silent else (value, quiet)
        else:
            if cache:
                self._cached_json = (value, value)
        return value

    def _decode_json(self, data: bytes) -> t.Any:
        ctx = get_current(None)
        if ctx is not None and type(self) is Request and "json_module" not in self.__dict__:
            return ctx.app.json.loads(data)
        module = self.json_module
        if module is not json:
            return module.loads(data)
        try:
            return json.loads(data)
        except RecursionError:
            raise ValueError("Nested too deeply") from None

    def on_json_loading_failed(self, e: ValueError | None) -> t.Any:
        """Called when :meth:`get_json` fails; what it returns is returned.

        Args:
            e: why decoding failed; ``None`` for a wrong content type.

        Raises:
            BadRequest: with the reason in debug mode, without it otherwise.
            UnsupportedMediaType: the content type is not JSON's.
        """
        if e is None:
            raise UnsupportedMediaType(
                "Did not attempt to load JSON data because the request"
                " Content-Type was not 'application/json'."
            )
        detailed = BadRequest(f"Failed to decode JSON object: {e}")
        ctx = get_current(None)
        if ctx is not None and ctx.app.debug:
            raise detailed
        raise BadRequest() from detailed


_stream = Request.stream
trust_args(Request)


def new_request(
    environ: WSGIEnvironment, url_rule: Rule | None, view_args: dict[str, t.Any] | None
) -> Request:
    """Make a matched request at the least cost, without ``environ["werkzeug.request"]``.

    Args:
        environ: the WSGI environ.
        url_rule: the rule that matched.
        view_args: its arguments.
    """
    request = _new(Request)
    request.environ = environ
    request.url_rule = url_rule
    request.view_args = view_args
    return request


_new = t.cast("t.Callable[[type[Request]], Request]", object.__new__)
