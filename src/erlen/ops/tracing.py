"""A span of OpenTelemetry for each request, by the API package alone.

Which spans are kept and where they go is configured with an SDK, as everywhere in
OpenTelemetry; without one the API does nothing. Names and attributes are those of the
semantic conventions for HTTP, 1.23 and later.
"""

from __future__ import annotations

import typing as t

from .. import signals
from .current import Observation, get_observed

INSTALL = "pip install 'erlen[tracing]'"

_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT".split())


def api() -> t.Any:
    """The modules ``trace``, ``context`` and ``propagate`` of the API package.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    try:
        from opentelemetry import context, propagate, trace
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise ModuleNotFoundError(
            f"TRACING needs the package 'opentelemetry-api': {INSTALL}", name="opentelemetry"
        ) from None
    return trace, context, propagate


class _Headers:
    """Reads headers for OpenTelemetry's propagators, from an environ or a scope."""

    def get(self, carrier: t.Any, key: str) -> list[str] | None:
        """All values of a header."""
        if "headers" in carrier:
            name = key.lower().encode()
            found = [v.decode("latin-1") for k, v in carrier["headers"] if k == name]
            return found or None
        value = carrier.get("HTTP_" + key.upper().replace("-", "_"))
        return None if value is None else [value]

    def keys(self, carrier: t.Any) -> list[str]:
        """The names of all headers."""
        if "headers" in carrier:
            return [name.decode("latin-1") for name, _ in carrier["headers"]]
        return [key[5:].replace("_", "-").lower() for key in carrier if key.startswith("HTTP_")]


class Tracing:
    """Makes the spans of one application.

    Args:
        app: The application.
    """

    def __init__(self, app: t.Any) -> None:
        self._trace, self._context, self._propagate = api()
        # Spans of a provider that is set later come from it, too.
        self._tracer = self._trace.get_tracer("erlen")
        self._headers = _Headers()
        signals.got_request_exception.connect(self._note_error, app)

    def begin(self, seen: Observation) -> None:
        """Begin the span of a request; it is current while the request runs."""
        parent = self._propagate.extract(seen.carrier, getter=self._headers)
        known = seen.kind != "http" or seen.method in _METHODS
        method = "GET" if seen.kind != "http" else seen.method if known else "_OTHER"
        span = self._tracer.start_span(
            method if known else "HTTP",
            context=parent,
            kind=self._trace.SpanKind.SERVER,
            attributes=_attributes(seen, method, known),
        )
        context = self._trace.set_span_in_context(span, parent)
        seen.span = (span, context, self._context.attach(context), method if known else "HTTP")
        ids = span.get_span_context()
        if ids.is_valid:
            trace_id, span_id = format(ids.trace_id, "032x"), format(ids.span_id, "016x")
            seen.extra = {"trace_id": trace_id, "span_id": span_id}

    def end(self, seen: Observation) -> None:
        """End the span."""
        span, context, token, method = seen.span
        status = seen.status or 499
        if span.is_recording():
            if seen.rule is not None:
                span.update_name(f"{method} {seen.rule}")
                span.set_attribute("http.route", seen.rule)
            if seen.client is not None:
                span.set_attribute("client.address", seen.client)
            if seen.status:
                span.set_attribute("http.response.status_code", seen.status)
            error = seen.error
            if error is not None:
                span.record_exception(error)
            if status >= 500 or error is not None:
                kind = type(error).__qualname__ if error is not None else str(status)
                span.set_attribute("error.type", kind)
                span.set_status(self._trace.Status(self._trace.StatusCode.ERROR))
        span.end()
        # A server may close a body elsewhere than it called the application.
        if self._context.get_current() is context:
            self._context.detach(token)
        seen.span = None

    def _note_error(self, sender: t.Any, exception: BaseException, **extra: t.Any) -> None:
        seen = get_observed()
        if type(seen) is Observation and not seen.ended:
            seen.error = exception


def _attributes(seen: Observation, method: str, known: bool) -> dict[str, t.Any]:
    """What is known when a request begins: samplers look at it."""
    carrier = seen.carrier
    found: dict[str, t.Any] = {"http.request.method": method, "url.path": seen.path}
    if not known:
        found["http.request.method_original"] = seen.method
    if "headers" in carrier:
        server = carrier.get("server") or (None, None)
        found["url.scheme"] = carrier.get("scheme") or "http"
        found["server.address"], found["server.port"] = server[0], server[1]
        found["network.protocol.version"] = carrier.get("http_version")
        agent = [v.decode("latin-1") for k, v in carrier["headers"] if k == b"user-agent"]
        found["user_agent.original"] = agent[0] if agent else None
    else:
        found["url.scheme"] = carrier.get("wsgi.url_scheme")
        found["server.address"] = carrier.get("SERVER_NAME")
        port = str(carrier.get("SERVER_PORT") or "")
        found["server.port"] = int(port) if port.isdigit() else None
        found["network.protocol.version"] = carrier.get("SERVER_PROTOCOL", "").partition("/")[2]
        found["user_agent.original"] = carrier.get("HTTP_USER_AGENT")
    found["network.peer.address"] = found["client.address"] = seen.client
    return {key: value for key, value in found.items() if value not in (None, "")}
