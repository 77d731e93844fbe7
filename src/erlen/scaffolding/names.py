"""The name of a project, in each form that somebody asks for."""

from __future__ import annotations

import keyword
import re
import sys
import typing as t

#: A label of DNS has 63 characters; ours is followed by up to twelve (``-autoscaler``).
LONGEST = 50

# Would hide what the project itself, or what stands around it, imports.
TAKEN = frozenset(
    "alembic celery click conftest deploy erlen flask granian gunicorn jinja2 kubernetes migrations"
    " pip pytest redis setup site_packages sqlalchemy test tests venv werkzeug wsgi".split()
)


class ScaffoldError(Exception):
    """What hinders files from being made; the text says how to go on."""


class Names(t.NamedTuple):
    """The forms of a project's name."""

    #: As given: the folder and the distribution, ``my-shop``.
    project: str
    #: The Python package, ``my_shop``.
    package: str
    #: For images, hosts and Kubernetes, ``my-shop``.
    slug: str
    #: Of environment variables, ``MY_SHOP``.
    prefix: str
    #: For people, ``My shop``.
    title: str


def check_name(name: str) -> Names:
    """Make the forms of a name.

    Args:
        name: ASCII letters, digits, ``-`` and ``_``; a letter first, no separator
            last, at most :data:`LONGEST` characters.

    Raises:
        ScaffoldError: It can't name a package.
    """
    if not name:
        raise ScaffoldError("A project needs a name, as in: erlen new shop")
    if "/" in name or "\\" in name or name in (".", ".."):
        raise ScaffoldError(
            f"{name!r} is a path. Give the name alone, and the folder it goes into with '--in'."
        )
    if not re.fullmatch(r"[A-Za-z](?:[A-Za-z0-9]|[-_](?=[A-Za-z0-9]))*", name):
        raise ScaffoldError(
            f"{name!r} can't name a project: use letters from a to z, digits, and single '-' or"
            " '_' between them; begin with a letter."
        )
    if len(name) > LONGEST:
        raise ScaffoldError(
            f"The name has {len(name)} characters; hosts and clusters allow {LONGEST}."
        )
    package = name.replace("-", "_").lower()
    if keyword.iskeyword(package):
        raise ScaffoldError(f"{package!r} is a word of Python; it can't name a package.")
    if package in sys.stdlib_module_names or package in TAKEN:
        raise ScaffoldError(
            f"A package {package!r} would hide the one of that name that Python or this project"
            f" imports. Choose another name, such as '{name}-site'."
        )
    words = package.replace("_", " ")
    slug = package.replace("_", "-")
    return Names(name, package, slug, package.upper(), words[0].upper() + words[1:])
