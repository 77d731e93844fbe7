"""What became of Werkzeug's names, and which of its own it may be asked for all the same."""

from __future__ import annotations

_URLLIB = {
    "url_quote": "quote",
    "url_quote_plus": "quote_plus",
    "url_unquote": "unquote",
    "url_unquote_plus": "unquote_plus",
    "url_encode": "urlencode",
    "url_decode": "parse_qs",
    "url_parse": "urlsplit",
    "url_unparse": "urlunsplit",
    "url_join": "urljoin",
}

_MOVED = {
    "werkzeug.secure_filename": "werkzeug.utils.secure_filename",
    "werkzeug.cached_property": "werkzeug.utils.cached_property",
    "werkzeug.import_string": "werkzeug.utils.import_string",
    "werkzeug.redirect": "werkzeug.utils.redirect",
    "werkzeug.FileStorage": "werkzeug.datastructures.FileStorage",
    "werkzeug.MultiDict": "werkzeug.datastructures.MultiDict",
    "werkzeug.ImmutableMultiDict": "werkzeug.datastructures.ImmutableMultiDict",
    "werkzeug.ImmutableDict": "werkzeug.datastructures.ImmutableDict",
    "werkzeug.Headers": "werkzeug.datastructures.Headers",
    "werkzeug.LocalProxy": "werkzeug.local.LocalProxy",
    "werkzeug.abort": "werkzeug.exceptions.abort",
    "werkzeug.generate_password_hash": "werkzeug.security.generate_password_hash",
    "werkzeug.check_password_hash": "werkzeug.security.check_password_hash",
    "werkzeug.security.safe_str_cmp": "hmac.compare_digest",
    "werkzeug.security.safe_join": "werkzeug.utils.safe_join",
    "werkzeug.security.pbkdf2_hex": "hashlib.pbkdf2_hmac",
    "werkzeug.security.pbkdf2_bin": "hashlib.pbkdf2_hmac",
    "werkzeug.utils.escape": "markupsafe.escape",
    "werkzeug.wrappers.BaseRequest": "werkzeug.wrappers.Request",
    "werkzeug.wrappers.BaseResponse": "werkzeug.wrappers.Response",
    "werkzeug.wsgi.DispatcherMiddleware": "werkzeug.middleware.dispatcher.DispatcherMiddleware",
    "werkzeug.wsgi.SharedDataMiddleware": "werkzeug.middleware.shared_data.SharedDataMiddleware",
    "werkzeug.wsgi.ProxyMiddleware": "werkzeug.middleware.http_proxy.ProxyMiddleware",
    "werkzeug.contrib.fixers": "werkzeug.middleware.proxy_fix",
    "werkzeug.contrib.profiler": "werkzeug.middleware.profiler",
    "werkzeug.contrib.lint": "werkzeug.middleware.lint",
    "werkzeug.contrib.cache": "cachelib",
    "werkzeug.http.parse_authorization_header": (
        "werkzeug.datastructures.Authorization.from_header"
    ),
    "werkzeug.http.parse_www_authenticate_header": (
        "werkzeug.datastructures.WWWAuthenticate.from_header"
    ),
    **{f"werkzeug.urls.{old}": f"urllib.parse.{new}" for old, new in _URLLIB.items()},
    **{f"werkzeug.{old}": f"urllib.parse.{new}" for old, new in _URLLIB.items()},
}

#: Private names that extensions rely on; their own tests, run on Erlen, show that they may.
RELIABLE = frozenset({"werkzeug._internal._log", "werkzeug._reloader.run_with_reloader"})


def instead_of(name: str) -> str:
    """What to use in the place of a name that Werkzeug has not any more; empty if unknown.

    Args:
        name: With its module, like ``"werkzeug.urls.url_quote"``.
    """
    while name:
        found = _MOVED.get(name)
        if found is not None:
            return f"Use '{found}'."
        name = name.rpartition(".")[0]
    return ""
