"""The servers: what starts each, the way its own documentation does."""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import os
import shutil
import sys
import typing as t
from pathlib import Path

import pytest

from running import ROOT, Running, free_port, running

_GUNICORN = "{bin}/gunicorn -b 127.0.0.1:{port} --no-control-socket "

#: Name: protocol, packages, command line.
SERVERS: dict[str, tuple[str, str, str]] = {
    "gunicorn-sync": ("wsgi", "gunicorn", _GUNICORN + "{app}"),
    "gunicorn-gthread": ("wsgi", "gunicorn", _GUNICORN + "--threads 8 {app}"),
    "gunicorn-gevent": ("wsgi", "gunicorn gevent", _GUNICORN + "-k gevent {app}"),
    "uwsgi": (
        "wsgi",
        "pyuwsgi",
        "{bin}/uwsgi --http-socket 127.0.0.1:{port} --master --die-on-term --need-app"
        " --threads 8 --enable-threads --lazy-apps --module {app}",
    ),
    "waitress": ("wsgi", "waitress", "{bin}/waitress-serve --listen 127.0.0.1:{port} {app}"),
    "granian-wsgi": (
        "wsgi",
        "granian",
        "{bin}/granian --interface wsgi --port {port} --blocking-threads 8 {app}",
    ),
    "mod_wsgi": ("wsgi", "", ""),
    "uvicorn": ("asgi", "uvicorn", "{bin}/uvicorn --port {port} {app}"),
    "hypercorn": (
        "asgi",
        "hypercorn",
        "{bin}/hypercorn -b 127.0.0.1:{port} --graceful-timeout 1 {app}",
    ),
    "granian": ("asgi", "granian", "{bin}/granian --interface asgi --port {port} {app}"),
    "erlen-serve": ("asgi", "granian", "{bin}/python -m erlen --app {app} serve --port {port}"),
    "gunicorn-asgi": ("asgi", "gunicorn", _GUNICORN + "-k asgi {app}"),
    "gunicorn-uvicorn": (
        "asgi",
        "gunicorn uvicorn_worker",
        _GUNICORN + "-k uvicorn_worker.UvicornWorker {app}",
    ),
}


@contextlib.contextmanager
def serving(
    name: str, app: str, folder: Path, options: str = "", **env: str
) -> t.Iterator[Running]:
    """Run an application on one of :data:`SERVERS`; skips the test where it is missing.

    Args:
        name: The server.
        app: Import path of the application, ``module:name``.
        folder: For its output.
        options: More for its command line, before the application.
        env: More for its environment.
    """
    protocol, packages, line = SERVERS[name]
    for package in packages.split():
        if importlib.util.find_spec(package) is None and shutil.which(_bin(package)) is None:
            install = package.replace("_", "-")
            pytest.skip(f"{name}: {package} is missing: pip install {install}")
    port = free_port()
    command: list[str]
    if name == "mod_wsgi":
        command = apache(app, port, folder)
    else:
        line = line.replace("{app}", f"{options} {{app}}".strip())
        command = line.format(bin=Path(sys.executable).parent, port=port, app=app).split()
    with running(command, port, folder, **env) as server:
        server.name, server.protocol = name, protocol  # type: ignore[attr-defined]
        yield server


def _bin(package: str) -> str:
    return str(Path(sys.executable).parent / package.removeprefix("py"))


MODULE = Path("/usr/lib/apache2/modules/mod_wsgi.so")
_INSTALL = "apt-get install apache2 libapache2-mod-wsgi-py3"
_HTTPD = """\
ServerRoot "{run}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{run}/httpd.pid"
DefaultRuntimeDir "{run}"
Mutex file:{run} default
ErrorLog "{log}"
LogLevel warn
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule wsgi_module {module}
User {user}
Group {group}
WSGISocketPrefix {run}/wsgi
WSGIDaemonProcess app python-path={run}/packages processes=1 threads=8 lang=C.UTF-8 locale=C.UTF-8
WSGIScriptAlias / {run}/app.wsgi process-group=app application-group=%{{GLOBAL}}
WSGIPassAuthorization On
WSGIChunkedRequest On
<Directory "{run}">
  Require all granted
</Directory>
"""
_NEEDED = "blinker click itsdangerous jinja2 markupsafe msgspec werkzeug"


def apache(app: str, port: int, folder: Path) -> list[str]:
    """Lay out an Apache with mod_wsgi; gives its command line.

    Debian's module has Debian's Python in it. The application and what it needs are
    copied to where the user that Apache becomes can read it.
    """
    import grp
    import pwd
    import subprocess

    if not MODULE.exists():
        pytest.skip(f"mod_wsgi is missing: {_INSTALL}")
    version = "import sys; print(*sys.version_info[:2], sep='.')"
    system = subprocess.run(["/usr/bin/python3", "-c", version], capture_output=True, text=True)
    if system.stdout.strip() != "{}.{}".format(*sys.version_info):
        pytest.skip(f"mod_wsgi: it has Python {system.stdout.strip()} in it, this is another one")
    user = "www-data" if os.geteuid() == 0 else getpass.getuser()
    run = Path(tempfile_for_others())
    packages = run / "packages"
    leave = shutil.ignore_patterns("__pycache__")
    for name in _NEEDED.split():
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, packages / name, ignore=leave)
    shutil.copytree(ROOT / "src" / "erlen", packages / "erlen", ignore=leave)
    shutil.copytree(ROOT / "tests" / "servers", packages / "servers", ignore=leave)
    module, _, attribute = app.partition(":")
    (run / "app.wsgi").write_text(f"from {module} import {attribute} as application\n")
    group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    log = folder / f"apache2-{port}.log"
    text = _HTTPD.format(run=run, port=port, log=log, module=MODULE, user=user, group=group)
    (run / "httpd.conf").write_text(text)
    return ["/usr/sbin/apache2", "-f", str(run / "httpd.conf"), "-DFOREGROUND"]


def tempfile_for_others() -> str:
    """A folder that other users can read."""
    import atexit
    import tempfile

    folder = tempfile.mkdtemp(prefix="erlen-apache-")
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, True)
    return folder
