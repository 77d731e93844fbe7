"""JSON as an application writes and reads it; ``flask.json.provider``."""

from __future__ import annotations

import json
import typing as t
import weakref
from datetime import date

from ..state import epoch
from ..watch import Watched
from . import fast

if t.TYPE_CHECKING:
    from werkzeug.sansio.response import Response


_JSON = "application/json"


class JSONProvider:
    """What an application uses for JSON: the base to implement with another library.

    A subclass has to define `dumps` and `loads`; it is put in place by
    ``Erlen.json_provider_class`` or by assigning an instance to ``app.json``.

    Args:
        app: the application; held weakly as ``_app``.
    """

    def __init__(self, app: t.Any) -> None:
        self._app: t.Any = weakref.proxy(app)

    def dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
        """Write a value as JSON text.

        Args:
            obj: the value.
            kwargs: for the JSON library.
        """
        raise NotImplementedError

    def dump(self, obj: t.Any, fp: t.IO[str], **kwargs: t.Any) -> None:
        """Write a value as JSON to a text file (which should be UTF-8)."""
        fp.write(self.dumps(obj, **kwargs))

    def loads(self, s: str | bytes, **kwargs: t.Any) -> t.Any:
        """Read a value from JSON.

        Args:
            s: text, or UTF-8.
            kwargs: for the JSON library.
        """
        raise NotImplementedError

    def load(self, fp: t.IO[t.AnyStr], **kwargs: t.Any) -> t.Any:
        """Read a value from a file of JSON, text or UTF-8."""
        return self.loads(fp.read(), **kwargs)

    def _prepare_response_obj(self, args: tuple[t.Any, ...], kwargs: dict[str, t.Any]) -> t.Any:
        if not kwargs:
            if len(args) == 1:
                return args[0]
            return args or None
        if args:
            raise TypeError("app.json.response() takes either args or kwargs, not both")
        return kwargs

    def response(self, *args: t.Any, **kwargs: t.Any) -> Response:
        """A response with the value as its JSON body.

        Args:
            args: one value, or several that become a list; none is ``null``.
            kwargs: an object instead.

        Raises:
            TypeError: both kinds of arguments were given.
        """
        obj = self._prepare_response_obj(args, kwargs)
        response = self._app.response_class(self.dumps(obj), mimetype="application/json")
        return response  # type: ignore[no-any-return]


def _default(o: t.Any) -> t.Any:
    """The JSON form of a date, decimal, UUID, dataclass, or object with ``__html__``.

    Also that of NumPy's and pandas' values, which Flask 3.1 refuses.

    Raises:
        TypeError: the object is none of these.
    """
    # Imported where they are used: only one of these objects needs them.
    if isinstance(o, date):
        if o != o:
            # The one such date is pandas' NaT.
            return None
        from werkzeug.http import http_date

        return http_date(o)
    from decimal import Decimal
    from uuid import UUID

    if isinstance(o, (Decimal, UUID)):
        return str(o)
    import dataclasses

    if dataclasses.is_dataclass(o):
        return dataclasses.asdict(t.cast("t.Any", o))
    if hasattr(o, "__html__"):
        return str(o.__html__())
    from .arrays import REFUSED, form_of

    form = form_of(o)
    if form is not REFUSED:
        return form
    raise TypeError(f"Object of type {type(o).__name__} is not JSON serializable")


class DefaultJSONProvider(JSONProvider, Watched):
    """JSON by the standard library's rules, with more types.

    Dates become HTTP dates, decimals and UUIDs strings, dataclasses objects, and
    anything with ``__html__`` what that returns. Changing an attribute, on the
    application's instance or on the class, holds from the next call on.
    """

    #: Called for a value that JSON has no form for; returns one that it has, or
    #: raises a ``TypeError``.
    default: t.Callable[[t.Any], t.Any] = staticmethod(_default)

    #: Escape everything that isn't ASCII.
    ensure_ascii = True

    #: Write the keys of objects in order; they must all be strings then.
    sort_keys = True

    #: What is written for a float that JSON has no number for, NaN or infinity: ``"keep"``
    #: (``NaN``, which is no JSON; Flask 3.1), ``"null"``, or ``"error"``, a ``ValueError``.
    not_finite: t.Literal["keep", "null", "error"] = "keep"

    #: Write `response` bodies without spaces. ``None``: unless in debug mode.
    compact: bool | None = None

    _made_body: _Body | None = None

    #: The media type of `response`.
    mimetype = _JSON

    def dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
        """Write a value as JSON text.

        Args:
            obj: the value.
            kwargs: for ``json.dumps``; ``default``, ``ensure_ascii`` and
                ``sort_keys`` default to the attributes, ``allow_nan`` to what
                ``not_finite`` says.

        Raises:
            TypeError: there is no form for a value.
            ValueError: a float isn't finite, and that is an error here.
        """
        if not kwargs:
            return _writers(self).spaced(obj)
        if len(kwargs) == 1 and kwargs.get("separators") == fast.COMPACT:
            return _writers(self).compact(obj)
        kwargs.setdefault("default", self.default)
        kwargs.setdefault("ensure_ascii", self.ensure_ascii)
        kwargs.setdefault("sort_keys", self.sort_keys)
        if self.not_finite == "keep" or "allow_nan" in kwargs:
            return json.dumps(obj, **kwargs)
        default = kwargs.pop("default")

        def writer(default: t.Callable[[t.Any], t.Any]) -> t.Callable[[t.Any], str]:
            return lambda obj: json.dumps(obj, default=default, allow_nan=False, **kwargs)

        return fast.finite_only(writer, default, self.not_finite)(obj)

    def loads(self, s: str | bytes, **kwargs: t.Any) -> t.Any:
        """Read a value from JSON.

        Args:
            s: text, or UTF-8.
            kwargs: for ``json.loads``.

        Raises:
            ValueError: it isn't JSON, or is nested too deeply to be read (Flask
                3.1 lets a ``RecursionError`` out).
        """
        try:
            if not kwargs and (type(s) is bytes or type(s) is str):
                # As fast.loads, without a call.
                try:
                    return fast.decode(s)
                except Exception:
                    pass
            return json.loads(s, **kwargs)
        except RecursionError:
            text = s if isinstance(s, str) else s.decode("utf-8", "replace")
            raise json.JSONDecodeError("Nested too deeply", text, 0) from None

    def response(self, *args: t.Any, **kwargs: t.Any) -> Response:
        """A response with the value as its JSON body, one line, or indented.

        Args:
            args: one value, or several that become a list; none is ``null``.
            kwargs: an object instead.

        Raises:
            TypeError: both kinds of arguments were given.
        """
        made: t.Any = self._made_body
        if made is None or made.epoch != epoch.value:
            made = _body(self)
        response_class = self._app.response_class
        if len(args) == 1 and not kwargs and response_class is made.plain_class:
            return response_class.of_body(made.line(args[0]), _JSON)  # type: ignore[no-any-return]
        obj = self._prepare_response_obj(args, kwargs)
        if made.line is None:
            style = {"indent": 2} if made.indented else {"separators": fast.COMPACT}
            body: str | bytes = f"{self.dumps(obj, **style)}\n"
        else:
            line: bytes = made.line(obj)
            body = line
            if not response_class.__module__.startswith("erlen."):
                # A user's class may look at what it is given: text, as in Flask.
                body = line.decode()
        return response_class(body, mimetype=self.mimetype)  # type: ignore[no-any-return]


class _Writers:
    """How a provider's attributes write text, until the epoch moves."""

    __slots__ = ("compact", "epoch", "spaced")

    def __init__(self, provider: DefaultJSONProvider) -> None:
        self.epoch = epoch.value
        settings = _settings(provider)
        self.spaced = fast.text_encoder(settings, fast.SPACED)
        self.compact = fast.text_encoder(settings, fast.COMPACT)


class _Body:
    """How a provider writes the body of a response, until the epoch moves.

    ``line`` is None if `DefaultJSONProvider.dumps` was overridden;
    ``plain_class`` is the response class if bytes are all it has to be given.
    """

    __slots__ = ("epoch", "indented", "line", "plain_class")

    def __init__(self, provider: DefaultJSONProvider) -> None:
        self.epoch = epoch.value
        compact = provider.compact
        self.indented = compact is False or (compact is None and bool(provider._app.debug))
        self.line: t.Callable[[t.Any], bytes] | None = None
        if not _overrides(provider, "dumps"):
            encoder = _indented_encoder if self.indented else fast.line_encoder
            self.line = encoder(_settings(provider))
        kind = provider._app.response_class
        # Another media type may get a charset.
        plain = (
            self.line is not None
            and getattr(kind, "_plainly_made", False)
            and provider.mimetype == _JSON
            and not _overrides(provider, "_prepare_response_obj")
        )
        self.plain_class: type | None = kind if plain else None


def _settings(provider: DefaultJSONProvider) -> fast.EncoderSettings:
    return fast.EncoderSettings(
        provider.default, provider.ensure_ascii, provider.sort_keys, provider.not_finite
    )


def _writers(provider: DefaultJSONProvider) -> _Writers:
    made: _Writers | None = provider.__dict__.get("_made_writers")
    if made is None or made.epoch != epoch.value:
        made = provider.__dict__["_made_writers"] = _Writers(provider)
    return made


def _body(provider: DefaultJSONProvider) -> _Body:
    made: _Body | None = provider._made_body
    if made is None or made.epoch != epoch.value:
        made = provider.__dict__["_made_body"] = _Body(provider)
    return made


def _indented_encoder(settings: fast.EncoderSettings) -> t.Callable[[t.Any], bytes]:
    write = fast.text_encoder(settings, (",", ": "), indent=2)
    return lambda obj: (write(obj) + "\n").encode()


#: The methods as they are defined above: what isn't one of these is an override.
_METHODS = {**vars(JSONProvider), **vars(DefaultJSONProvider)}


def _overrides(provider: t.Any, *names: str) -> bool:
    """Whether the provider's class or the instance itself replaced one of the methods."""
    kind = type(provider)
    return any(
        name in vars(provider) or getattr(kind, name, None) is not _METHODS[name] for name in names
    )


def response_dumper(provider: t.Any) -> t.Callable[[t.Any], bytes] | None:
    """The function that makes a response's body of a value, newline included.

    Valid until the epoch moves. Changed attributes (``sort_keys``, ``default``,
    ...) are honoured by it; an overridden ``response`` or ``dumps``, or another
    ``mimetype``, has to be asked itself.

    Args:
        provider: an application's ``json``.

    Returns:
        A function from value to bytes, or None: call ``provider.response``.
    """
    if (
        not isinstance(provider, DefaultJSONProvider)
        or _overrides(provider, "response", "_prepare_response_obj")
        or provider.mimetype != _JSON
    ):
        return None
    return _body(provider).line


def is_stock(provider: t.Any) -> bool:
    """Whether the provider reads and writes as an untouched application's does.

    Valid until the epoch moves.

    Args:
        provider: an application's ``json``.
    """
    return (
        isinstance(provider, DefaultJSONProvider)
        and not _overrides(provider, "dumps", "loads")
        and provider.default is _default
        and provider.ensure_ascii is True
        and provider.sort_keys is True
        and provider.not_finite == "keep"
    )
