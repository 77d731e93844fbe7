"""WSGI environs for requests that no server received."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

import werkzeug.test

if t.TYPE_CHECKING:
    from ..app import Erlen


class EnvironBuilder(werkzeug.test.EnvironBuilder):
    """Werkzeug's builder, with the application's settings as defaults.

    As Flask 3.1.

    Args:
        app: The application.
        path: The path, relative to ``base_url``; or a whole URL, whose
            scheme and host then count. Default: ``/``.
        base_url: Where the application is. Default: made of
            ``PREFERRED_URL_SCHEME``, ``SERVER_NAME`` and ``APPLICATION_ROOT``.
        subdomain: Put before ``SERVER_NAME``. Default: none.
        url_scheme: Instead of ``PREFERRED_URL_SCHEME``.
        *args: For Werkzeug's builder.
        **kwargs: For Werkzeug's builder.

    Raises:
        AssertionError: ``base_url`` together with one of its parts.
    """

    def __init__(
        self,
        app: Erlen,
        path: str = "/",
        base_url: str | None = None,
        subdomain: str | None = None,
        url_scheme: str | None = None,
        *args: t.Any,
        **kwargs: t.Any,
    ) -> None:
        if base_url is None:
            path, base_url = _from_settings(app.config, path, subdomain, url_scheme)
        elif subdomain or url_scheme:
            raise AssertionError('Cannot pass "subdomain" or "url_scheme" with "base_url".')

        # Before the call: it serialises `json` with the application's provider.
        self.app = app
        super().__init__(path, base_url, *args, **kwargs)

    def json_dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
        """Serialise as the application does.

        Args:
            obj: What to serialise.
            **kwargs: For ``app.json.dumps``.

        Returns:
            The JSON text.
        """
        return self.app.json.dumps(obj, **kwargs)


def _from_settings(
    config: t.Mapping[str, t.Any],
    path: str,
    subdomain: str | None,
    url_scheme: str | None,
) -> tuple[str, str]:
    """The path within the application, and where the application is."""
    url = urlsplit(path)
    host = config.get("SERVER_NAME") or "localhost"

    if subdomain:
        host = f"{subdomain}.{host}"

    if url_scheme is None:
        url_scheme = config["PREFERRED_URL_SCHEME"]

    root = config["APPLICATION_ROOT"].lstrip("/")
    inner = f"{url.path}?{url.query}" if url.query else url.path
    return inner, f"{url.scheme or url_scheme}://{url.netloc or host}/{root}"
