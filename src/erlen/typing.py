"""Type aliases for what users hand to the framework; the names of ``flask.typing``."""

# Names in quotes (classes that aren't imported) can't be joined by ``|``.
# ruff: noqa: UP007, UP045

from __future__ import annotations

import collections.abc as cabc
import typing as t

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from werkzeug.datastructures import Headers
    from werkzeug.sansio.response import Response

#: What can be turned into a body, or is a response already.
ResponseValue = t.Union[
    "Response",
    str,
    bytes,
    list[t.Any],
    # A view returns a dict; Mapping also lets a TypedDict through.
    t.Mapping[str, t.Any],
    t.Iterator[str],
    t.Iterator[bytes],
    cabc.AsyncIterable[str],
    cabc.AsyncIterable[bytes],
]

HeaderName = str
HeaderValue = t.Union[str, list[str], tuple[str, ...]]
HeadersValue = t.Union[
    "Headers",
    t.Mapping[HeaderName, HeaderValue],
    t.Sequence[tuple[HeaderName, HeaderValue]],
]

#: Everything a view may return.
ResponseReturnValue = t.Union[
    ResponseValue,
    tuple[ResponseValue, HeadersValue],
    tuple[ResponseValue, int],
    tuple[ResponseValue, int, HeadersValue],
    "WSGIApplication",
]

#: Bound to Werkzeug's class, so that callbacks may name any subclass of it.
ResponseClass = t.TypeVar("ResponseClass", bound="Response")

#: ``None`` stands for the application, a string for a blueprint.
AppOrBlueprintKey = t.Optional[str]

AfterRequestCallable = t.Union[
    t.Callable[[ResponseClass], ResponseClass],
    t.Callable[[ResponseClass], t.Awaitable[ResponseClass]],
]
BeforeFirstRequestCallable = t.Union[t.Callable[[], None], t.Callable[[], t.Awaitable[None]]]
BeforeRequestCallable = t.Union[
    t.Callable[[], t.Optional[ResponseReturnValue]],
    t.Callable[[], t.Awaitable[t.Optional[ResponseReturnValue]]],
]
ShellContextProcessorCallable = t.Callable[[], dict[str, t.Any]]
TeardownCallable = t.Union[
    t.Callable[[BaseException | None], None],
    t.Callable[[BaseException | None], t.Awaitable[None]],
]
TemplateContextProcessorCallable = t.Union[
    t.Callable[[], dict[str, t.Any]],
    t.Callable[[], t.Awaitable[dict[str, t.Any]]],
]
TemplateFilterCallable = t.Callable[..., t.Any]
TemplateGlobalCallable = t.Callable[..., t.Any]
TemplateTestCallable = t.Callable[..., bool]
URLDefaultCallable = t.Callable[[str, dict[str, t.Any]], None]
URLValuePreprocessorCallable = t.Callable[[str | None, dict[str, t.Any] | None], None]

#: The argument is ``Any``: a handler for one exception class doesn't accept the
#: rest, and there is no type for "the class it was registered with".
ErrorHandlerCallable = t.Union[
    t.Callable[[t.Any], ResponseReturnValue],
    t.Callable[[t.Any], t.Awaitable[ResponseReturnValue]],
]

RouteCallable = t.Union[
    t.Callable[..., ResponseReturnValue],
    t.Callable[..., t.Awaitable[ResponseReturnValue]],
]

# What decorators give back is what they were given.
AfterRequest = t.TypeVar("AfterRequest", bound=AfterRequestCallable[t.Any])
BeforeRequest = t.TypeVar("BeforeRequest", bound=BeforeRequestCallable)
ContextProcessor = t.TypeVar("ContextProcessor", bound=TemplateContextProcessorCallable)
ErrorHandler = t.TypeVar("ErrorHandler", bound=ErrorHandlerCallable)
Route = t.TypeVar("Route", bound=RouteCallable)
ShellContextProcessor = t.TypeVar("ShellContextProcessor", bound=ShellContextProcessorCallable)
Teardown = t.TypeVar("Teardown", bound=TeardownCallable)
TemplateFilter = t.TypeVar("TemplateFilter", bound=TemplateFilterCallable)
TemplateGlobal = t.TypeVar("TemplateGlobal", bound=TemplateGlobalCallable)
TemplateTest = t.TypeVar("TemplateTest", bound=TemplateTestCallable)
URLDefault = t.TypeVar("URLDefault", bound=URLDefaultCallable)
URLValuePreprocessor = t.TypeVar("URLValuePreprocessor", bound=URLValuePreprocessorCallable)
