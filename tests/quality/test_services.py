"""`scripts/services` says what is missing, and lists what it installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def services(root: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(root / "scripts" / "services"), *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=20)


def test_list(root: Path) -> None:
    listed = services(root, "--list", PATH=os.environ["PATH"]).stdout.split()
    wanted = (
        "postgresql nginx-light haproxy redis-server memcached rabbitmq-server apache2 chromium"
    )
    assert set(wanted.split()) <= set(listed)


def test_what_tests_ask_for_is_listed(root: Path) -> None:
    """Who skips a test names packages that the script would have installed."""
    listed = set(services(root, "--list", PATH=os.environ["PATH"]).stdout.split())
    asked = set()
    for path in [*(root / "tests" / "services").glob("*.py"), root / "tests/systems/test_image.py"]:
        for line in path.read_text().splitlines():
            text = line.partition("apt-get install ")[2].partition('"')[0].partition("'")[0]
            asked |= {word for word in text.split() if word.replace("-", "").isalnum()}
    assert asked - listed == set()


def test_what_is_missing_is_told(root: Path, tmp_path: Path) -> None:
    # A machine with nothing but what the script itself needs.
    for name in ("sh", "cat"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = services(root, "--check", PATH=str(tmp_path))
    assert done.returncode == 1 and done.stdout == ""
    assert "apt-get install --no-install-recommends" in done.stderr
    assert "redis-server" in done.stderr and "Redis" in done.stderr


def test_wrong_use(root: Path) -> None:
    done = services(root, "--chekc", PATH=os.environ["PATH"])
    assert done.returncode == 2 and "--check" in done.stdout


@pytest.mark.parametrize("mode", [[], ["--check"]])
def test_nothing_is_said_where_all_is_there(root: Path, tmp_path: Path, mode: list[str]) -> None:
    if services(root, "--check", PATH=os.environ["PATH"]).returncode:
        pytest.skip("something is missing here: scripts/services installs it")
    done = services(root, *mode, PATH=os.environ["PATH"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
