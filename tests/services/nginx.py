"""An nginx of their own for tests, with the configuration that the documentation shows."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t
from pathlib import Path

import pytest

from running import Running, free_port, running
from services.certificates import Issued
from services.pages import changed, files_of

_FRAME = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/notes.conf;
}}
"""


def program() -> str:
    """Where nginx is, which Debian keeps off the PATH; skips the test if it is missing."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("nginx is missing; on Debian: apt-get install nginx-light")
    return found


@contextlib.contextmanager
def nginx(
    upstream: str,
    certificate: Issued,
    folder: Path,
    *,
    plain_port: int | None = None,
    **changes: tuple[str, str],
) -> t.Iterator[Running]:
    """Run nginx in front of a server until the end of the block.

    Args:
        upstream: The server, as nginx names it: ``127.0.0.1:8000`` or ``unix:/path``.
        certificate: The certificate, for port :attr:`Running.port`.
        folder: For its files.
        plain_port: Where it takes plain HTTP. Default: a free port.
        changes: More to be changed in the page's configuration: what, for what.
    """
    command = program()
    port, plain_port = free_port(), plain_port or free_port()
    pages = files_of("howto/servers/nginx.md")
    # Workers become "nobody", who could not write to a folder of root's.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_FRAME.format(folder=folder, user=user))
    (folder / "notes_proxy.conf").write_text(pages["/etc/nginx/notes_proxy.conf"])
    site = changed(
        pages["/etc/nginx/conf.d/notes.conf"],
        upstream=("server 127.0.0.1:8000;", f"server {upstream};"),
        tls=("listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;"),
        plain=("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        chain=("/etc/ssl/notes/chain.pem", str(certificate.chain)),
        key=("/etc/ssl/notes/key.pem", str(certificate.key)),
        include=("/etc/nginx/notes_proxy.conf", f"{folder}/notes_proxy.conf"),
        **changes,
    )
    (folder / "notes.conf").write_text(site)
    line = [command, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with running(line, port, folder) as server:
        server.plain_port = plain_port  # type: ignore[attr-defined]
        yield server
