"""`erlen --app sso demo`: the application together with a provider to try it with."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import click
from werkzeug.serving import run_simple

from erlen import Erlen

REPOSITORY = Path(__file__).resolve().parents[3]
PROVIDER = REPOSITORY / "tests" / "services" / "oidc"
AUDIENCE = "https://api.example.test"
INSTEAD = """
Use a provider of your own instead: register http://localhost:5000/callback and
http://localhost:5000/signed-out there, and set what it gives you:

    export SSO_ISSUER=https://... SSO_CLIENT_ID=... SSO_CLIENT_SECRET=...
    python -m erlen --app sso run"""


def install() -> Path:
    """Install the provider where it is not; gives the folder it runs in."""
    if not PROVIDER.exists():
        raise click.ClickException(f"the demo provider is not here: {PROVIDER}\n{INSTEAD}")
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise click.ClickException(
                f"the demo provider needs {program} (Node.js 20 up).\n{INSTEAD}"
            )
    command = ["node", str(PROVIDER / "install.mjs"), str(REPOSITORY / ".cache")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise click.ClickException(f"the demo provider could not be installed.\n{INSTEAD}")
    return Path(done.stdout.strip())


def start(folder: Path, port: int, site: str, auth0: bool) -> subprocess.Popen[bytes]:
    """Start the provider, and wait until it listens."""
    settings = {
        "port": port,
        "audience": AUDIENCE,
        "auth0": auth0,
        "redirect_uris": [f"{site}/callback"],
        "post_logout_redirect_uris": [f"{site}/signed-out"],
    }
    command = ["node", str(folder / "provider.mjs"), json.dumps(settings)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for _ in range(200):
        if process.poll() is not None:
            raise click.ClickException(f"the demo provider does not start; is port {port} taken?")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            time.sleep(0.05)
    process.terminate()
    raise click.ClickException("the demo provider does not start")


def settings_for(port: int, auth0: bool) -> dict[str, object]:
    """The application's settings for this provider."""
    origin = f"http://127.0.0.1:{port}"
    return {
        "ISSUER": f"{origin}/" if auth0 else origin,
        "CLIENT_ID": "app",
        "CLIENT_SECRET": "only-for-the-loopback",
        "SCOPE": "openid profile email read:profile",
        "AUDIENCE": AUDIENCE,
        "AUDIENCE_PARAMETER": "audience" if auth0 else "resource",
        "LOGOUT_URL": f"{origin}/v2/logout" if auth0 else None,
    }


@click.command("demo")
@click.option("--port", default=5000, show_default=True, help="Port of the application.")
@click.option("--provider-port", default=5001, show_default=True, help="Port of the provider.")
@click.option("--auth0", is_flag=True, help="Use Auth0's form of addresses and settings.")
def demo(port: int, provider_port: int, auth0: bool) -> None:
    """Run the application with a provider on this machine, to try it."""
    from . import create_app

    folder = install()
    # Another host name than the provider's: cookies don't ask for ports.
    site = f"http://localhost:{port}"
    process = start(folder, provider_port, site, auth0)
    try:
        app = create_app(demo_settings=settings_for(provider_port, auth0))
        click.echo(f"Open {site} and sign in with any name.")
        run_simple("localhost", port, app, threaded=True)
    finally:
        process.terminate()
        process.wait(10)


def init_app(app: Erlen) -> None:
    app.cli.add_command(demo)
