"""A RabbitMQ of its own for tests, with an Erlang port mapper of its own."""

from __future__ import annotations

import contextlib
import shutil
import typing as t
from pathlib import Path

import pytest

from running import Running, free_port, running

INSTALL = "RabbitMQ is missing; on Debian: apt-get install rabbitmq-server"
#: Debian's command on the PATH is a wrapper that becomes another user; this one is behind it.
PLACES = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/local/sbin/rabbitmq-server")


def rabbitmq_command() -> str:
    """Where the server is; skips the test if there is none."""
    found = next((place for place in PLACES if Path(place).exists()), None)
    if found is None or shutil.which("epmd") is None:
        pytest.skip(INSTALL)
    return found


@contextlib.contextmanager
def rabbitmq_server(folder: Path, port: int | None = None) -> t.Iterator[Running]:
    """Run RabbitMQ until the end of the block; its user is ``guest`` with password ``guest``.

    Args:
        folder: For its data and its output.
        port: Where it listens. Default: a free port.
    """
    command = rabbitmq_command()
    port = port or free_port()
    mapper_port = free_port()
    env = _environment(folder, port, mapper_port)
    # Erlang's nodes find each other by this daemon. Started by hand, it ends with the test.
    mapper = ["epmd", "-port", str(mapper_port), "-address", "127.0.0.1"]
    with running(mapper, mapper_port, folder, **env):
        with running([command], port, folder, **env) as server:
            yield server


def address(server: Running) -> str:
    """The URL of a server."""
    return f"amqp://guest:guest@127.0.0.1:{server.port}//"


def _environment(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.local = 127.0.0.1:{port}\n"
        "vm_memory_high_watermark.absolute = 512MB\n"
        "disk_free_limit.absolute = 1MB\n"
    )
    (folder / "enabled_plugins").write_text("[].\n")
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text("FORTESTS")
        cookie.chmod(0o400)
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
