"""A certified OpenID provider for tests: the npm package `oidc-provider`, run by node.

What is installed is pinned by ``oidc/package-lock.json``, and kept in ``.cache/``.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import signal
import subprocess
import typing as t
from pathlib import Path

import pytest

from running import ROOT, Running, free_port, running

HERE = Path(__file__).parent / "oidc"
CLIENT = ("app", "only-for-the-loopback")


@functools.cache
def installed() -> Path:
    """The folder that the provider runs in, installed at first use; skips the test if it can't."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing; scripts/test brings it along")
    command = ["node", str(HERE / "install.mjs"), str(ROOT / ".cache")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"the OpenID provider can't be installed: {done.stderr.strip()[-500:]}")
    return Path(done.stdout.strip())


class Provider:
    """A provider that runs.

    Args:
        server: Its process.
        auth0: Whether it looks like Auth0's.
    """

    def __init__(self, server: Running, auth0: bool) -> None:
        self.server = server
        self.origin = f"http://127.0.0.1:{server.port}"
        self.issuer = self.origin + ("/" if auth0 else "")

    def rotate_key(self) -> None:
        """Publish a new key, which signs from now on; the one before stays published."""
        times = self.server.text.count("signing with") + 1
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for_text("signing with", times=times)


@contextlib.contextmanager
def oidc_provider(
    folder: Path, site: str, *, auth0: bool = False, port: int | None = None, **settings: t.Any
) -> t.Iterator[Provider]:
    """Run a provider with one client until the end of the block.

    Args:
        folder: For its output.
        site: Where the client is served, such as ``http://localhost:5000``. Its addresses are
            ``/callback`` and ``/signed-out``.
        auth0: Use Auth0's form of the issuer (a slash at its end) and of the addresses.
        port: Where it listens. Default: a free port.
        settings: More of what ``provider.mjs`` names.
    """
    port = port or free_port()
    values = {
        "port": port,
        "auth0": auth0,
        "redirect_uris": [f"{site}/callback"],
        "post_logout_redirect_uris": [f"{site}/signed-out"],
        **settings,
    }
    command = ["node", str(installed() / "provider.mjs"), json.dumps(values)]
    with running(command, port, folder) as server:
        yield Provider(server, auth0)
