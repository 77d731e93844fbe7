"""``erlen --app fractals up``: a worker and the pages, for trying it out."""

from __future__ import annotations

import subprocess
import sys
import time

import click

from erlen import current_app

WORKER = "celery -A fractals.worker worker -P solo -l WARNING --without-gossip --without-mingle"


@click.command("up")
@click.option("--port", default=5000, show_default=True, help="Where the pages are.")
def up(port: int) -> None:
    """Start a worker and the development server, until Ctrl-C."""
    pages = f"erlen --app {current_app.name} run --port {port}"
    processes = [
        subprocess.Popen([sys.executable, "-m", *line.split()]) for line in (WORKER, pages)
    ]
    try:
        while all(process.poll() is None for process in processes):
            time.sleep(0.2)
    except KeyboardInterrupt:
        # They have got it as well.
        pass
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
