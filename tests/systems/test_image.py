"""The image of a project, built and run without a container engine; left to `scripts/test --all`.

Buildah makes it in a chroot. What stands in for the base image, `python:3.13-slim`, is the same
distribution made by debootstrap, with its own Python and the wheels that the build asks for.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
import urllib.request
from pathlib import Path

import pytest

from erlen.scaffolding import Choices
from running import ROOT, free_port, running
from systems import checkers
from systems.scaffolds import make, run

pytestmark = [pytest.mark.image, pytest.mark.slow]

BASE = "localhost/base:test"
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}
PIP = "[global]\nno-index = true\nfind-links = /wheels\n"


def debian() -> Path:
    """A root file system with Python, made once and kept in `.cache/`."""
    root = ROOT / ".cache" / "debian-bookworm"
    if not root.exists():
        draft = root.with_name(f"{root.name}-{os.getpid()}")
        draft.parent.mkdir(exist_ok=True)
        packages = "--include=python3-minimal,python3-venv,ca-certificates"
        command = ["debootstrap", "--variant=minbase", packages, "bookworm", str(draft)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        if done.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            pytest.skip(f"debootstrap failed, perhaps without a network: {done.stdout[-300:]}")
        draft.rename(root)
    return root


class Buildah:
    """Buildah with storage of its own.

    Args:
        folder: For everything it keeps.
    """

    def __init__(self, folder: Path) -> None:
        self.policy = folder / "policy.json"
        self.policy.write_text(json.dumps(POLICY))
        storage = folder / "storage.conf"
        storage.write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n'
        )
        settings = {"CONTAINERS_STORAGE_CONF": str(storage), "BUILDAH_ISOLATION": "chroot"}
        self.env = {**os.environ, **settings}

    def __call__(self, *words: str | Path) -> str:
        """Run a command of Buildah; gives its output."""
        command = ["buildah", *map(str, words)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout.strip()

    def start(self, image: str) -> str:
        """Make a container of an image; gives its name."""
        policy = f"--signature-policy={self.policy}"
        return self("from", "--pull-never", policy, image)


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Buildah]:
    for program in ("buildah", "debootstrap"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            checkers.missing(program, f"on Debian: apt-get install {program}")
    if os.geteuid() != 0:
        pytest.skip("a chroot needs root")
    folder = tmp_path_factory.mktemp("buildah")
    yield Buildah(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("imaged"), Choices(), "shop")
    run(folder, "-m", "erlen", "deploy", "docker")
    (folder / ".env").write_text("SHOP_SECRET_KEY=must not be in the image\n")
    return folder


@pytest.fixture(scope="module")
def wheels(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the project asks for, for the distribution's Python."""
    folder = tmp_path_factory.mktemp("wheels")
    build = ["-m", "flit_core.wheel", "--outdir", str(folder)]
    subprocess.run([sys.executable, *build], cwd=ROOT, check=True, capture_output=True)
    options = f"--only-binary :all: --python-version 3.11 --quiet --dest {folder}"
    wanted = ["--find-links", str(folder), "-r", str(project / "requirements.txt")]
    command = [sys.executable, "-m", "pip", "download", *options.split(), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def image(buildah: Buildah, project: Path, wheels: Path, tmp_path_factory: t.Any) -> str:
    config = tmp_path_factory.mktemp("pip") / "pip.conf"
    config.write_text(PIP)
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, debian(), "/")
    buildah("add", "--quiet", container, wheels, "/wheels")
    buildah("add", "--quiet", container, config, "/etc/pip.conf")
    buildah("commit", "--quiet", f"--signature-policy={buildah.policy}", "--rm", container, BASE)
    options = ["--format", "docker", "--pull-never", f"--signature-policy={buildah.policy}"]
    name = "localhost/shop:test"
    buildah("bud", *options, "--build-arg", f"BASE={BASE}", "--tag", name, project)
    return name


@pytest.fixture(scope="module")
def container(buildah: Buildah, image: str) -> str:
    return buildah.start(image)


def config_of(buildah: Buildah, image: str) -> dict[str, t.Any]:
    found = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
    assert isinstance(found, dict)
    return found


def test_it_is_served_as_nobody_in_particular(
    buildah: Buildah, image: str, container: str, tmp_path: Path
) -> None:
    config, port = config_of(buildah, image), free_port()
    assert config["User"] == "10001:10001"
    command = [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in config["Cmd"]]
    env = ["--env", "SHOP_SECRET_KEY=of this test"]
    start = ["buildah", "run", *env, container, "--", *command]
    check = [word.replace(":8000", f":{port}") for word in config["Healthcheck"]["Test"][1:]]
    with running(start, port, tmp_path, **buildah.env) as server:
        address = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(address, timeout=20) as response:
            assert "Shop" in response.read().decode() and response.headers["X-Request-ID"]
        for path in ("/health", "/ready"):
            assert urllib.request.urlopen(address + path, timeout=20).status == 200
        buildah("run", container, "--", *check)
        assert users_of(port) == {10001}
        # Its log is structured.
        lines = [line for line in server.text.splitlines() if line.startswith("{")]
        assert any(json.loads(line).get("path") == "/" for line in lines), server.text
    with pytest.raises(AssertionError, match="refused"):
        buildah("run", container, "--", *check)


def users_of(port: int) -> set[int]:
    """Who the processes are that have a port of ours on their command line, Buildah's left out."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if f"127.0.0.1:{port}".encode() in words and b"buildah" not in words:
                status = (folder / "status").read_text()
                found.add(int(status.partition("\nUid:\t")[2].split()[0]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_without_its_key_it_does_not_start(buildah: Buildah, image: str, container: str) -> None:
    with pytest.raises(AssertionError, match="in the variable SHOP_SECRET_KEY"):
        buildah("run", container, "--", *config_of(buildah, image)["Cmd"])


def test_what_is_in_it(buildah: Buildah, container: str) -> None:
    root = Path(buildah("mount", container))
    try:
        names = {path.name for path in (root / "app").iterdir()}
        assert names == {"shop", "wsgi.py", "pyproject.toml", "requirements.txt", "README.md"}
        assert not list(root.glob("venv/lib/python3*/site-packages/pip"))
        assert (root / "app" / "wsgi.py").stat().st_uid == 0
        # What the project adds to the base, in MB.
        added = sum(path.stat().st_size for path in root.glob("venv/**/*") if path.is_file())
        assert added / 1e6 < 40
    finally:
        buildah("umount", container)


def test_it_cannot_write_what_it_is(buildah: Buildah, container: str) -> None:
    with pytest.raises(AssertionError, match="Permission denied"):
        buildah("run", container, "--", "touch", "/app/wsgi.py")
