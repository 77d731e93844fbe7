"""What ``erlen deploy`` writes: an image, where it runs, and what checks it."""

from __future__ import annotations

import re
import tomllib
import typing as t
from pathlib import Path

from .choices import Choices
from .names import Names, ScaffoldError
from .rendering import render

#: What runs in the image beside the application, unless its requirements have it already.
SERVERS = {"gunicorn": "27.0.1", "uvicorn-worker": "0.4.0"}

#: What the pipelines install.
CHECKERS = {"pip_audit": "2.10.1", "cyclonedx": "7.5.0"}

#: Kind to its files, and each file's template.
KINDS: dict[str, dict[str, str]] = {
    "docker": {"Dockerfile": "deploy/Dockerfile", ".dockerignore": "deploy/dockerignore"},
    "compose": {"compose.yaml": "deploy/compose.yaml"},
    "kubernetes": {
        f"kubernetes/{name}.yaml": f"deploy/kubernetes/{name}.yaml"
        for name in (
            "deployment service ingress autoscaler disruption-budget secret migrate worker"
            " kustomization"
        ).split()
    },
    "gitlab": {".gitlab-ci.yml": "deploy/gitlab-ci.yml"},
    "github": {
        ".github/workflows/ci.yml": "deploy/workflow.yml",
        ".github/dependabot.yml": "deploy/dependabot.yml",
    },
    "jenkins": {"Jenkinsfile": "deploy/Jenkinsfile"},
    "snyk": {".snyk": "deploy/snyk"},
    "nginx": {"deploy/nginx.conf": "deploy/nginx.conf"},
}

#: What is to be edited before a file is used; the others can be used as they are.
EDITS = {
    "compose.yaml": "write its passwords and keys to .env",
    "kubernetes/deployment.yaml": "the image; the proxies; cpu and memory as you measure them",
    "kubernetes/ingress.yaml": "the host, the ingress class, who makes the certificate",
    "kubernetes/autoscaler.yaml": "how many replicas there may be",
    "kubernetes/secret.yaml": "a pattern only: make the real one with kubectl",
    "kubernetes/migrate.yaml": "the image; apply it before each release",
    "kubernetes/worker.yaml": "the image; cpu and memory as you measure them",
    "kubernetes/kustomization.yaml": "the image's tag",
    ".gitlab-ci.yml": "the variable SNYK_TOKEN, or remove the job",
    ".github/workflows/ci.yml": "the secret SNYK_TOKEN, or remove the step",
    "Jenkinsfile": "the label of the agents, and the test services",
    "deploy/nginx.conf": "the certificate's files; the largest body",
}


class Target(t.NamedTuple):
    """What is deployed, and where to."""

    names: Names
    choices: Choices
    #: As Gunicorn finds it, ``wsgi:app``.
    application: str
    #: Whether it is served by ASGI.
    asgi: bool = False
    #: The image's name and tag.
    image: str = ""
    #: The name of the site.
    host: str = "example.org"
    #: Where it listens in the container.
    port: int = 8000
    #: Path that says that the process is alive.
    health: str = "/health"
    #: Path that says that requests are wanted.
    readiness: str = "/ready"


def deployment_files(target: Target, folder: Path, kinds: t.Collection[str] = ()) -> dict[str, str]:
    """Make the files that bring a project into production.

    Args:
        target: What is deployed, and where to.
        folder: Of the project; read for its requirements.
        kinds: Of :data:`KINDS`. Default: all.

    Returns:
        File, relative to the folder, to text.

    Raises:
        ScaffoldError: The project doesn't say what it needs.
    """
    templates: dict[str, str] = {}
    for kind, files in KINDS.items():
        if not kinds or kind in kinds:
            templates |= files
    if not target.choices.tasks:
        templates.pop("kubernetes/worker.yaml", None)
    if target.choices.database == "none":
        templates.pop("kubernetes/migrate.yaml", None)
    return render(templates, _values(target, folder))


def _values(target: Target, folder: Path) -> dict[str, t.Any]:
    install, needs, has_test_extra = _requirements(folder)
    options = ["--threads", "8"]
    if target.asgi:
        options = ["--worker-class", "uvicorn_worker.UvicornWorker"]
    names = ["gunicorn", "uvicorn-worker"] if target.asgi else ["gunicorn"]
    image = target.image or f"registry.example.org/{target.names.slug}:1.0.0"
    image_name, _, image_tag = image.rpartition(":")
    requirements = {"hashes": "--require-hashes -r requirements.txt", "project": "."}.get(
        install, "-r requirements.txt"
    )
    return {
        **target._asdict(),
        "image": image,
        "image_name": image_name,
        "image_tag": image_tag,
        "install": install,
        "servers": [f"{name}=={SERVERS[name]}" for name in names if name not in needs],
        "worker": ", ".join(f'"{option}"' for option in options),
        "depends": _depends(target.choices),
        "manifest": "pyproject.toml" if install == "project" else "requirements.txt",
        "run_install": requirements,
        "test_extra": "'.[test]'" if has_test_extra else "pytest",
        "snyk_file": "" if install == "project" else "--file=requirements.txt ",
        "versions": CHECKERS,
    }


def _depends(choices: Choices) -> list[tuple[str, str]]:
    found = []
    if choices.database != "none":
        found.append(("migrate", "service_completed_successfully"))
    if choices.redis:
        found.append(("redis", "service_healthy"))
    return found


def project_name(folder: Path) -> str:
    """The name that a project gives itself, or that of its folder.

    Args:
        folder: Of the project.
    """
    name = _project_table(folder / "pyproject.toml").get("name")
    return name if isinstance(name, str) else folder.resolve().name


def _requirements(folder: Path) -> tuple[str, set[str], bool]:
    """How the project is installed, what it asks for, and whether it has an extra ``test``."""
    project = _project_table(folder / "pyproject.toml")
    extra = "test" in project.get("optional-dependencies", {})
    path = folder / "requirements.txt"
    if path.is_file():
        text = path.read_text("utf-8")
        how = "hashes" if "--hash=" in text else "requirements"
        return how, _names_in(text.splitlines()), extra
    if "name" in project:
        return "project", _names_in(project.get("dependencies", [])), extra
    raise ScaffoldError(
        f"{folder} has neither a requirements.txt nor a pyproject.toml with a [project] table, so"
        " nothing says what the image needs. Write it down, for example with:"
        " pip freeze > requirements.txt"
    )


def _project_table(path: Path) -> dict[str, t.Any]:
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScaffoldError(f"{path} can't be read: {error}") from None
    return table if isinstance(table, dict) else {}


def _names_in(lines: t.Iterable[str]) -> set[str]:
    """The packages that requirements name, as PyPI spells them."""
    found = (re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line) for line in lines)
    return {re.sub(r"[-_.]+", "-", match[1]).lower() for match in found if match}
