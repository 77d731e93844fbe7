"""Programs that were written for Flask, started as processes of their own.

On Erlen they are started through ``python -m erlen.flask_alias`` and by nothing else: what the
test process has set up for its own children is taken out of their environment.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

ON_ERLEN = os.environ["CONFORMANCE_ON"] == "erlen"
START = 120  # seconds: a big application on a machine that does other things, too


def command(*words):
    """A command line: ``-m MODULE ...``, ``FILE.py ...`` or the name of a program and its words."""
    if ON_ERLEN:
        return [sys.executable, "-m", "erlen.flask_alias", *words]
    if words[0] == "-m" or words[0].endswith(".py"):
        return [sys.executable, *words]
    found = shutil.which(words[0])
    assert found is not None, f"no program {words[0]}"
    return [found, *words[1:]]


def command_line(*words, own=True):
    """The command line of the application's framework: ``flask ...`` or ``erlen --as-flask ...``.

    With ``own`` False, Flask's name for it on both.
    """
    if ON_ERLEN and own:
        return [sys.executable, "-m", "erlen", "--as-flask", *words]
    return command("flask", *words) if ON_ERLEN else [sys.executable, "-m", "flask", *words]


def environment(**more):
    """This process's environment without the alias, and with ``more``."""
    env = {key: value for key, value in os.environ.items() if key != "ERLEN_AS_FLASK"}
    paths = env.get("PYTHONPATH", "").split(os.pathsep)
    env["PYTHONPATH"] = os.pathsep.join(p for p in paths if "_flask_site" not in p)
    return env | more


def run(line, cwd, text=None, **more):
    """Run a command line to its end, with ``text`` to read; gives what `subprocess.run` gives."""
    return subprocess.run(
        line,
        cwd=cwd,
        env=environment(**more),
        input=text or "",
        capture_output=True,
        text=True,
        timeout=START,
    )


def free_port():
    """A port of the loopback interface that nobody listens on.

    Below those that the system gives to outgoing connections: a big application takes its time
    to start, and another run may have taken one of those by then.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


@contextmanager
def serve(*words, port, folder, cwd=None, ready="/", **more):
    """Run a server in a process group of its own; gives its address once it answers.

    Args:
        words: As for `command`.
        port: Where it was told to listen.
        folder: Where its output goes, into ``server.log``.
        cwd: Where it runs; by default in ``folder``.
        ready: The path that is asked for until it is answered, with any status.
        more: For its environment.
    """
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(*words),
            cwd=cwd or folder,
            env=environment(**more),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(f"http://127.0.0.1:{port}{ready}", process, log)
        yield f"http://127.0.0.1:{port}"
        assert process.poll() is None, f"the server stopped:\n{log.read_text()[-5000:]}"
    finally:
        _stop(process)


def _wait(url, process, log):
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=10).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text()[-5000:]}")


def _stop(process):
    for wanted, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 15)):
        # The group, also when its leader has gone: workers may outlive it.
        try:
            os.killpg(process.pid, wanted)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
