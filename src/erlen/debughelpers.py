"""Errors that explain a mistake to the developer; their texts are Flask's."""

from __future__ import annotations

import typing as t

from werkzeug.routing import RequestRedirect

from .http.enctype import DebugFilesKeyError as DebugFilesKeyError
from .http.enctype import attach_enctype_error_multidict as attach_enctype_error_multidict
from .state import get_current

if t.TYPE_CHECKING:
    from jinja2.loaders import BaseLoader

    from .http.request import Request

    Found = tuple[str, str | None, t.Callable[[], bool] | None]
    Attempt = tuple[BaseLoader, t.Any, Found | None]


class UnexpectedUnicodeError(AssertionError, UnicodeError):
    """Text or bytes where the other was expected (Flask 3.1)."""


class FormDataRoutingRedirect(AssertionError):
    """A routing redirect would make the browser drop the body (Flask 3.1, debug mode).

    Args:
        request: a request whose ``routing_exception`` is the redirect.
    """

    def __init__(self, request: Request) -> None:
        redirect = t.cast("RequestRedirect", request.routing_exception)
        assert isinstance(redirect, RequestRedirect)
        target = redirect.new_url
        text = (
            f"A request was sent to '{request.url}', but routing issued a redirect to the"
            f" canonical URL '{target}'."
        )
        if target.partition("?")[0] == f"{request.base_url}/":
            text += (
                " The URL was defined with a trailing slash. Flask will redirect to the URL"
                " with a trailing slash if it was accessed without one."
            )
        super().__init__(
            f"{text} Send requests to the canonical URL, or use 307 or 308 for routing"
            " redirects. Otherwise, browsers will drop form data.\n\n"
            "This exception is only raised in debug mode."
        )


def explain_template_loading_attempts(
    app: t.Any, template: str, attempts: t.Sequence[Attempt]
) -> None:
    """Log where a template was looked for, for ``EXPLAIN_TEMPLATE_LOADING`` (Flask 3.1).

    Args:
        app: the application, whose logger is used.
        template: the template's name.
        attempts: each loader that was asked, the application or blueprint it
            belongs to, and what it found.
    """
    lines = [f"Locating template {template!r}:"]
    for number, (loader, source, found) in enumerate(attempts, 1):
        lines.append(f"{number:5}: trying loader of {_describe_source(source)}")
        lines.extend(f"       {line}" for line in _describe_loader(loader))
        detail = "no match" if found is None else f"found ({found[1] or '<string>'!r})"
        lines.append(f"       -> {detail}")
    count = sum(found is not None for _, _, found in attempts)
    if count == 0:
        lines.append("Error: the template could not be found.")
    elif count > 1:
        lines.append("Warning: multiple loaders returned a match for the template.")
    blueprint = _current_blueprint()
    if blueprint is not None and count != 1:
        lines.append(
            "  The template was looked up from an endpoint that belongs to the blueprint"
            f" {blueprint!r}."
        )
        lines.append("  Maybe you did not place a template in the right folder?")
        lines.append("  See https://flask.palletsprojects.com/blueprints/#templates")
    app.logger.info("\n".join(lines))


def _current_blueprint() -> str | None:
    ctx = get_current(None)
    return ctx.request.blueprint if ctx is not None and ctx.has_request else None


def _describe_source(source: t.Any) -> str:
    # Known by what they have: this module is below both classes.
    if hasattr(source, "wsgi_app"):
        return f"application {source.import_name!r}"
    if hasattr(source, "import_name"):
        return f"blueprint {source.name!r} ({source.import_name})"
    return repr(source)


def _describe_loader(loader: BaseLoader) -> t.Iterator[str]:
    yield f"class: {type(loader).__module__}.{type(loader).__name__}"
    for key, value in sorted(vars(loader).items()):
        if key.startswith("_"):
            continue
        if isinstance(value, (list, tuple)):
            if all(isinstance(item, str) for item in value):
                yield f"{key}:"
                yield from (f"  - {item}" for item in value)
        elif isinstance(value, (str, int, float, bool)):
            yield f"{key}: {value!r}"
