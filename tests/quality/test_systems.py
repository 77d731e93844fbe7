"""docs/systems.md keeps its promises: each row names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

#: What users were promised: an area, and words that its row has to have.
PROMISED = {
    "WSGI servers": "Gunicorn uWSGI Waitress mod_wsgi gevent gthread",
    "Proxies, TLS": "Nginx HAProxy TLS HTTP/2",
    "Sessions": "Redis Memcached SQLAlchemy files",
    "Databases": "PostgreSQL psycopg SQLAlchemy Flask-SQLAlchemy Peewee",
    "Migrations": "Alembic Flask-Migrate",
    "Forms, REST, login": "WTForms Flask-WTF Flask-RESTful Flask-Login",
    "Caching": "Flask-Caching Redis Memcached",
    "Tasks": "Celery Redis RabbitMQ",
    "Identity": "OpenID OAuth Authlib Auth0",
    "Testing": "pytest unittest Selenium Playwright Chromium",
    "Data and ML": "NumPy pandas Matplotlib SciPy TensorFlow",
    "Webhooks": "Stripe Twilio",
    "Containers, clusters": "Docker Compose Kubernetes Buildah",
    "CI systems": "Jenkins GitLab GitHub Dependabot Snyk",
}


class Row(NamedTuple):
    """A row of the table."""

    area: str
    systems: str
    how: str
    tests: str


def rows_of(text: str) -> list[Row]:
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and not line.startswith(("| Area", "| ---")):
            assert len(cells) == 4, line
            rows.append(Row(*cells))
    return rows


@pytest.fixture(scope="module")
def rows(root: Path) -> list[Row]:
    return rows_of((root / "docs" / "systems.md").read_text())


def count_tests(path: Path) -> int:
    """How many test functions a file has, or all test files of a folder."""
    if path.is_dir():
        return sum(map(count_tests, path.rglob("test_*.py")))
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(tree) if isinstance(node, functions)]
    return sum(node.name.startswith("test") for node in found)


def test_every_area_is_there(rows: list[Row]) -> None:
    lacking = []
    for area, words in PROMISED.items():
        text = " ".join(f"{r.systems} {r.how}" for r in rows if r.area.startswith(area)).lower()
        lacking += [f"{area}: {word}" for word in words.split() if word.lower() not in text]
    assert lacking == []


def test_every_row_names_tests(rows: list[Row], root: Path) -> None:
    wrong = []
    for row in rows:
        names = re.findall(r"`([^`]+)`", row.tests)
        if not names:
            wrong.append(f"{row.area}: no tests")
        for name in names:
            if not (root / name).exists() or not count_tests(root / name):
                wrong.append(f"{row.area}: {name}")
    assert wrong == []


def test_every_row_has_a_page(rows: list[Row], root: Path) -> None:
    wrong = []
    for row in rows:
        pages = re.findall(r"\]\(([^)#]+)", row.how)
        if not pages:
            wrong.append(f"{row.area}: no page")
        wrong += [page for page in pages if not (root / "docs" / page).is_file()]
    assert wrong == []


def test_every_test_of_a_system_is_in_a_row(rows: list[Row], root: Path) -> None:
    named = " ".join(row.tests for row in rows)
    files = sorted((root / "tests" / "systems").glob("test_*.py"))
    assert [path.name for path in files if path.name not in named] == []


def test_the_reader(tmp_path: Path) -> None:
    text = "| Area | Systems |\n| --- | --- |\n| A, b | C | [d](e.md) | `f.py` |\n"
    assert rows_of(text) == [Row("A, b", "C", "[d](e.md)", "`f.py`")]
    (tmp_path / "test_x.py").write_text("class TestX:\n    async def test_y(self): ...\n")
    assert count_tests(tmp_path) == 1
