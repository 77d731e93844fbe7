"""What every response and every redirect must keep to, and the secret key."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from erlen import Erlen, Response

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def init_app(app: Erlen) -> None:
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def local_path(target: str | None, otherwise: str) -> str:
    """Return ``target`` if a browser stays on this site when sent there."""
    # Browsers read a backslash as a slash and drop tabs and line ends, so "/\t/evil" is "//evil".
    if target is None or "\\" in target or not target.isprintable():
        return otherwise
    return target if target.startswith("/") and not target.startswith("//") else otherwise


def stored_secret_key(folder: Path) -> str:
    """Return the key kept in ``folder``, made at the first start."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "secret_key"
    if not path.exists():
        # Linking a finished file means that workers starting together agree on one key.
        with tempfile.NamedTemporaryFile("w", dir=folder) as draft, suppress(FileExistsError):
            draft.write(secrets.token_hex())
            draft.flush()
            os.link(draft.name, path)
    return path.read_text()
