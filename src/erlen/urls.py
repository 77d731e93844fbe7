"""``url_for`` and the URL adapters: from an endpoint to a URL."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from werkzeug.routing import BuildError
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_host

from .state import get_current

if t.TYPE_CHECKING:
    from .ctx import Context
    from .http.request import Request


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
    request.host = get_host(request.environ, request.trusted_hosts)  # type: ignore[misc]
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
    endpoint: str,
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool | None,
    values: dict[str, t.Any],
) -> str:
    """What ``Erlen.url_for`` does; see there for arguments and errors."""
    ctx = get_current(None)
    if ctx is not None and ctx.environ is None:
        ctx = ctx._request_source() or ctx
    in_request = ctx is not None and ctx.environ is not None
    if in_request:
        if endpoint[:1] == ".":
            scope = ctx.request.blueprint  # type: ignore[union-attr]
            endpoint = f"{scope}{endpoint}" if scope is not None else endpoint[1:]
        if external is None:
            external = scheme is not None
    elif external is None:
        external = True
    if scheme is not None and not external:
        raise ValueError("When specifying '_scheme', '_external' must be True.")
    app.inject_url_defaults(endpoint, values)
    url = None
    if not external:
        url = _path(app, ctx if in_request else None, endpoint, values, method)
    if url is None:
        try:
            adapter = _adapter(app, ctx, external)
            builder = app._current_plans().builder
            if builder is not None and type(adapter) is MapAdapter:
                url = builder.build(adapter, endpoint, values, method, external, True, scheme)
            else:
                url = adapter.build(
                    endpoint, values, method=method, url_scheme=scheme, force_external=external
                )
        except BuildError as error:
            values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
            return t.cast(str, app.handle_url_build_error(error, endpoint, values))
    if anchor is not None:
        url = f"{url}#{quote(anchor, safe=_ANCHOR_SAFE)}"
    return url


# What a fragment may hold as it is (WHATWG URL, fragment state).
_ANCHOR_SAFE = "%!#$&'()*+,/:;=?@"


def _path(
    app: t.Any, ctx: Context | None, endpoint: str, values: dict[str, t.Any], method: str | None
) -> str | None:
    """The path by the compiled builder; None where only Werkzeug's adapter will do."""
    plans = app._current_plans()
    builder = plans.builder
    if builder is None:
        return None
    if ctx is None:
        root, default_method = app.config["APPLICATION_ROOT"], None
        if app.config["SERVER_NAME"] is not None:
            return None
    else:
        environ = ctx.environ
        if ctx._adapter.__class__ is not object and ctx._adapter is not None:
            # Somebody asked for the adapter, and may have set it up his own way.
            if type(ctx._adapter) is not MapAdapter:
                return None
        root, default_method = environ.get("SCRIPT_NAME", ""), environ["REQUEST_METHOD"]
    path = builder.path(endpoint, values, method, default_method)
    if path is None:
        return None
    if root and root != "/":
        root = root if root.isascii() else root.encode("latin-1").decode("utf-8", "replace")
        return f"{root.rstrip('/')}{path}"
    return t.cast(str, path)


def _adapter(app: t.Any, ctx: Context | None, external: bool) -> MapAdapter:
    adapter = ctx.url_adapter if ctx is not None and ctx.app is app else None
    if adapter is None and ctx is None:
        adapter = app.create_url_adapter(None)
    if adapter is None and ctx is not None and ctx.app is not app:
        adapter = ctx.url_adapter
    if adapter is None:
        if not external:
            config = app.config
            return t.cast(MapAdapter, app.url_map.bind("", config["APPLICATION_ROOT"]))
        raise RuntimeError(
            "Unable to build URLs outside an active request"
            " without 'SERVER_NAME' configured. Also configure"
            " 'APPLICATION_ROOT' and 'PREFERRED_URL_SCHEME' as"
            " needed."
        )
    return adapter
