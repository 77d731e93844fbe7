"""Workers of Celery for tests."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from running import ROOT, Running

_numbers = itertools.count()


@contextlib.contextmanager
def celery_worker(app: str, folder: Path, *options: str, **env: str) -> t.Iterator[Running]:
    """Run a worker, which runs one task at a time, until the end of the block.

    Args:
        app: Import path of the Celery application.
        folder: For its output.
        *options: More for its command line.
        **env: More for its environment.
    """
    pytest.importorskip("celery", reason="Celery is missing: pip install 'erlen[tasks]'")
    log = folder / f"worker-{next(_numbers)}.log"
    paths = [str(ROOT / "src"), str(ROOT / "tests"), env.pop("PYTHONPATH", "")]
    words = f"-m celery -A {app} worker -P solo -l INFO --without-gossip --without-mingle"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words.split(), *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **env},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    worker = Running(process, 0, log)
    try:
        worker.wait_for_text(" ready.", 30)
        yield worker
    finally:
        worker.stop()
