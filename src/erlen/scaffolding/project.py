"""What ``erlen new`` writes: a project that runs at once."""

from __future__ import annotations

import typing as t
from importlib import import_module, metadata

from .choices import Choices
from .names import Names
from .rendering import render

#: What everything needs, and the files it is made of, relative to ``files/project``.
_ALWAYS = (
    "pyproject.toml requirements.txt README.md wsgi.py package/__init__.py package/config.py"
    " package/errors.py package/operations.py tests/conftest.py tests/test_operations.py"
)
_PAGES = (
    "package/pages.py package/templates/base.html package/templates/error.html"
    " package/templates/index.html package/static/icon.svg package/static/style.css"
    " tests/test_pages.py"
)
_API = "package/api.py tests/test_api.py"
_DATABASE = (
    "package/database.py package/models.py migrations/alembic.ini migrations/env.py"
    " migrations/script.py.mako migrations/versions/0001_first.py tests/test_database.py"
)
_LOGIN = "package/login.py tests/test_login.py"
_TASKS = "package/jobs.py package/tasks.py package/worker.py tests/test_jobs.py"
_SESSIONS = "tests/test_sessions.py"

#: Lowest versions of what a project asks for.
_LOWEST = {
    "gunicorn": "25",
    "flask-sqlalchemy": "3.1",
    "flask-migrate": "4.1",
    "flask-wtf": "1.2.2",
    "flask-login": "0.6.3",
    "psycopg": "3.2",
    "celery": "5.5",
}


class Requirement(t.NamedTuple):
    """A package that a project asks for."""

    name: str
    #: ``[binary]``, or nothing.
    extras: str
    #: The lowest version.
    lowest: str

    @property
    def pin(self) -> str:
        """The installed version, exactly; the lowest where none is installed."""
        if self.name == "erlen":
            return f"=={self.lowest}"
        try:
            return f"=={metadata.version(self.name)}"
        except metadata.PackageNotFoundError:
            return f">={self.lowest}"


def project_files(names: Names, choices: Choices) -> dict[str, str]:
    """Make the files of a new project.

    Args:
        names: Its name.
        choices: What it has.

    Returns:
        File, relative to the project's folder, to text.
    """
    templates = {".gitignore": "project/gitignore"}
    for name in _names(choices):
        templates[name.replace("package/", f"{names.package}/")] = f"project/{name}"
    return render(templates, _values(names, choices))


def _names(choices: Choices) -> list[str]:
    found = [_ALWAYS, _PAGES if choices.kind == "pages" else _API]
    if choices.database != "none":
        found.append(_DATABASE)
    if choices.login:
        found.append(_LOGIN)
        if choices.kind == "pages":
            found.append("package/templates/login/log_in.html")
    if choices.tasks:
        found.append(_TASKS)
    if choices.sessions == "redis":
        found.append(_SESSIONS)
    return " ".join(found).split()


def _values(names: Names, choices: Choices) -> dict[str, t.Any]:
    parts = ["operations", "errors"]
    if choices.database != "none":
        parts.insert(0, "database")
    if choices.login:
        parts.append("login")
    if choices.tasks:
        parts += ["tasks", "jobs"]
    parts.append("pages" if choices.kind == "pages" else "api")
    required = ["SECRET_KEY"]
    if choices.database != "none":
        required.append("SQLALCHEMY_DATABASE_URI")
    if choices.sessions == "redis":
        required.append("SESSION_STORE")
    if choices.tasks:
        required += ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"]
    return {
        "names": names,
        "choices": choices,
        "parts": parts,
        "imports": sorted(["config", *parts]),
        "required": required,
        "requirements": list(_requirements(choices)),
    }


def _requirements(choices: Choices) -> t.Iterator[Requirement]:
    """The packages of a project."""
    parts = ["redis"] * choices.redis + ["tasks"] * choices.tasks
    wanted = {"erlen": f"[{','.join(parts)}]" if parts else "", "gunicorn": ""}
    if choices.database != "none":
        wanted |= {"flask-sqlalchemy": "", "flask-migrate": ""}
        if choices.kind == "pages":
            wanted["flask-wtf"] = ""
    if choices.database == "postgresql":
        wanted["psycopg"] = "[binary]"
    if choices.login:
        wanted["flask-login"] = ""
    if choices.tasks:
        wanted["celery"] = ""
    lowest = {**_LOWEST, "erlen": import_module("erlen").__version__}
    for name, extras in wanted.items():
        yield Requirement(name, extras, lowest[name])
