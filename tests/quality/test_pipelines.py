"""The repository's own pipelines are valid, and do no more than call `scripts/test`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from systems import checkers

FILES = {
    ".gitlab-ci.yml": "gitlab-ci",
    ".github/workflows/ci.yml": "github-workflows",
    ".github/dependabot.yml": "dependabot",
}


@pytest.mark.parametrize("name", FILES)
def test_schema(root: Path, name: str) -> None:
    checkers.passes(*checkers.schema(FILES[name], root / name))


def test_one_command(root: Path) -> None:
    github = yaml.safe_load((root / ".github/workflows/ci.yml").read_text())
    steps = github["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["scripts/test"]
    gitlab = yaml.safe_load((root / ".gitlab-ci.yml").read_text())
    assert gitlab["test"]["script"] == ["scripts/test"]


def test_what_dependabot_looks_after_is_there(root: Path) -> None:
    for update in yaml.safe_load((root / ".github/dependabot.yml").read_text())["updates"]:
        for place in update.get("directories") or [update["directory"]]:
            assert (root / place.lstrip("/")).is_dir(), place
