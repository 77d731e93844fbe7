"""A HAProxy of their own for tests, with the configuration that the documentation shows."""

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


def program() -> str:
    """Where HAProxy is, which Debian keeps off the PATH; skips the test if it is missing."""
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("HAProxy is missing; on Debian: apt-get install haproxy")
    return found


@contextlib.contextmanager
def haproxy(
    workers: tuple[str, str],
    certificate: Issued,
    folder: Path,
    *,
    plain_port: int | None = None,
    **changes: tuple[str, str],
) -> t.Iterator[Running]:
    """Run HAProxy in front of two workers until the end of the block.

    Args:
        workers: The workers, as it names them: ``127.0.0.1:8001``.
        certificate: The certificate, for port :attr:`Running.port`.
        folder: For its files.
        plain_port: Where it takes plain HTTP. Default: a free port.
        changes: More to be changed in the page's configuration: what, for what.
    """
    command = program()
    port, plain_port = free_port(), plain_port or free_port()
    text = changed(
        files_of("howto/servers/haproxy.md")["/etc/haproxy/haproxy.cfg"],
        plain=("bind :80\n", f"bind 127.0.0.1:{plain_port}\n"),
        tls=("bind :443 ", f"bind 127.0.0.1:{port} "),
        certificate=("/etc/haproxy/certs/notes.pem", str(certificate.both)),
        one=("127.0.0.1:8001", workers[0]),
        two=("127.0.0.1:8002", workers[1]),
        # A tenth of the page's, as tests are impatient.
        interval=("inter 1s", "inter 100ms"),
        **changes,
    )
    (folder / "haproxy.cfg").write_text(text)
    # A master in the foreground, which ends with its workers.
    line = [command, "-W", "-db", "-f", str(folder / "haproxy.cfg")]
    with running(line, port, folder) as server:
        server.plain_port = plain_port  # type: ignore[attr-defined]
        yield server
