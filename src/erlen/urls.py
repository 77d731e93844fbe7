"""``url_for`` and the URL adapters: from an endpoint to a URL."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from werkzeug.routing import BuildError, MapAdapter

from .http.target import find_host
from .state import epoch, get_current

if t.TYPE_CHECKING:
    from .ctx import Context
    from .http.request import Request
    from .routing.build import UrlBuilder


def create_adapter(app: t.Any, request: Request | None) -> MapAdapter | None:
    """Bind the URL map to a request, or to ``SERVER_NAME`` outside of one (Flask 3.1).

    Args:
        app: The application.
        request: The request, or None.

    Returns:
        None outside of a request without ``SERVER_NAME``.

    Raises:
        SecurityError: The Host header is invalid or not trusted.
    """
    config = app.config
    server_name = config["SERVER_NAME"]
    url_map = app.url_map
    if request is None:
        if server_name is None:
            return None
        return t.cast(
            MapAdapter,
            url_map.bind(
                server_name,
                script_name=config["APPLICATION_ROOT"],
                url_scheme=config["PREFERRED_URL_SCHEME"],
            ),
        )
    trusted = config["TRUSTED_HOSTS"]
    if trusted is not None:
        request.trusted_hosts = trusted
    # Worked out here, whatever was found before the hosts to trust were known.
    environ = request.environ
    request.host = find_host(
        environ["wsgi.url_scheme"],
        environ.get("HTTP_HOST"),
        request.server,
        request.trusted_hosts,
    )
    subdomain = None
    if url_map.host_matching:
        server_name = None
    elif not app.subdomain_matching:
        # Without subdomain matching the host does not matter.
        subdomain = url_map.default_subdomain or ""
    return t.cast(
        MapAdapter,
        _bind(url_map, request.environ, server_name=server_name, subdomain=subdomain),
    )


# Werkzeug's warning about a foreign server name is attributed to the module that
# binds, and applications filter it by the name of Flask's.
_bind = eval(
    "lambda url_map, environ, **options: url_map.bind_to_environ(environ, **options)",
    {"__name__": "flask.app"},
)


def url_for(
    app: t.Any,
    /,
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: t.Any,
) -> str:
    """Build the URL of an endpoint; this is ``Erlen.url_for``.

    Args:
        app: The application.
        endpoint: Name of the endpoint; ``".name"`` is relative to the blueprint.
        _anchor: Added behind ``#``.
        _method: Method of the rule, where an endpoint has several.
        _scheme: Scheme of an external URL.
        _external: Whether scheme and host are included; by default outside of a
            request. False there gives a path without ``SERVER_NAME``.
        values: Arguments of the rule; unknown ones go into the query.

    Raises:
        BuildError: No rule fits, and no handler knew better.
        RuntimeError: Outside of a request, without ``SERVER_NAME``.
        ValueError: A scheme for a URL that is not external.
    """
    return build_url(app, endpoint, _anchor, _method, _scheme, _external, values)


def build_url(
    app: t.Any,
    endpoint: str,
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool | None,
    values: dict[str, t.Any],
) -> str:
    """What :func:`url_for` does, with the values in one dictionary."""
    ctx = get_current(None)
    plans = app._plans
    if (
        ctx is not None
        and plans.epoch == epoch.value
        and plans.quick_path is not None
        and scheme is None
        and endpoint[:1] != "."
        and ctx.app is app
        and ctx.has_plain_adapter
        and (environ := ctx.little_environ) is not None
    ):
        url = plans.quick_path(endpoint, values, method, environ["REQUEST_METHOD"])
        if url is not None:
            if external:
                url = plans._builder.absolute(ctx.url_adapter, url)
            elif environ.get("SCRIPT_NAME"):
                return _build_any(app, ctx, endpoint, anchor, method, scheme, external, values)
            return url if anchor is None else f"{url}#{quote(anchor, safe=_ANCHOR_SAFE)}"
    return _build_any(app, ctx, endpoint, anchor, method, scheme, external, values)


def _build_any(
    app: t.Any,
    ctx: Context | None,
    endpoint: str,
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool | None,
    values: dict[str, t.Any],
) -> str:
    around = None if ctx is None else ctx.with_request()
    if around is not None:
        ctx = around
        if endpoint[:1] == ".":
            scope = ctx.request.blueprint
            endpoint = f"{scope}{endpoint}" if scope is not None else endpoint[1:]
        if external is None:
            external = scheme is not None
    elif external is None:
        external = True
    if scheme is not None and not external:
        raise ValueError("When specifying '_scheme', '_external' must be True.")
    app.inject_url_defaults(endpoint, values)
    builder = app._current_plans().builder
    url = None
    if builder is not None and not external:
        url = _path(app, builder, ctx, endpoint, values, method)
    if url is None:
        try:
            url = _full(app, builder, ctx, endpoint, values, method, scheme, external)
        except BuildError as error:
            values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
            return t.cast(str, app.handle_url_build_error(error, endpoint, values))
    if anchor is not None:
        url = f"{url}#{quote(anchor, safe=_ANCHOR_SAFE)}"
    return url


# What a fragment may hold as it is (WHATWG URL, fragment state).
_ANCHOR_SAFE = "%!#$&'()*+,/:;=?@"


def _path(
    app: t.Any,
    builder: UrlBuilder,
    ctx: Context | None,
    endpoint: str,
    values: dict[str, t.Any],
    method: str | None,
) -> str | None:
    """The path by the compiled builder; None where only a bound adapter will do."""
    environ = None if ctx is None else ctx.little_environ
    if ctx is None or environ is None:
        if app.config["SERVER_NAME"] is not None:
            return None
        root, default_method = app.config["APPLICATION_ROOT"], None
    else:
        if ctx.app is not app or not ctx.has_plain_adapter:
            return None
        root, default_method = environ.get("SCRIPT_NAME"), environ["REQUEST_METHOD"]
    path = builder.path(endpoint, values, method, default_method)
    if path is None or not root or root == "/":
        return path
    if not root.isascii():
        root = root.encode("latin-1").decode("utf-8", "replace")
    return f"{root.rstrip('/')}{path}"


def _full(
    app: t.Any,
    builder: UrlBuilder | None,
    ctx: Context | None,
    endpoint: str,
    values: dict[str, t.Any],
    method: str | None,
    scheme: str | None,
    external: bool,
) -> str:
    """The URL by a bound adapter."""
    adapter = ctx.url_adapter if ctx is not None else app.create_url_adapter(None)
    if adapter is None and not external:
        adapter = app.url_map.bind("", app.config["APPLICATION_ROOT"])
    if adapter is None:
        raise RuntimeError(
            "Unable to build URLs outside an active request"
            " without 'SERVER_NAME' configured. Also configure"
            " 'APPLICATION_ROOT' and 'PREFERRED_URL_SCHEME' as"
            " needed."
        )
    if builder is not None and adapter.map is builder.url_map and type(adapter) is MapAdapter:
        return builder.build(adapter, endpoint, values, method, external, True, scheme)
    return adapter.build(
        endpoint, values, method=method, url_scheme=scheme, force_external=external
    )
