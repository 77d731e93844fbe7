"""Every fuzz target holds on its seeds, and on what fuzzing has found."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in FUZZ.glob("fuzz_*.py"))
INPUTS = sorted(path.relative_to(FUZZ / "corpus") for path in FUZZ.glob("corpus/*/*"))


@pytest.fixture(scope="module")
def targets() -> Any:
    """The modules by their name; they import their harness as scripts do."""
    sys.path.insert(0, str(FUZZ))
    try:
        yield {name: load(name) for name in TARGETS}
    finally:
        sys.path.remove(str(FUZZ))
        sys.modules.pop("_harness", None)


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", FUZZ / f"fuzz_{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_target_has_seeds() -> None:
    assert TARGETS == "cookie form host multipart path query range session".split()
    assert {path.parts[0] for path in INPUTS} == set(TARGETS)


@pytest.mark.parametrize("path", INPUTS, ids=str)
def test_replay(targets: Any, path: Path) -> None:
    targets[path.parts[0]].TestOneInput((FUZZ / "corpus" / path).read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_and_short_inputs(targets: Any, name: str) -> None:
    targets[name].TestOneInput(b"")
    for byte in range(256):
        targets[name].TestOneInput(bytes([byte]))
