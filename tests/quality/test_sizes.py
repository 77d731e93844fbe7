"""Nothing grows beyond what can be read in one sitting, and everything public says what it does."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 40

# Reasoned exceptions: name -> (lines allowed, why).
LONGER_MODULES: dict[str, tuple[int, str]] = {}
LONGER_FUNCTIONS: dict[str, tuple[int, str]] = {
    "server/wsgi.py:wsgi_app": (70, "the way of a usual request in one frame: a call costs 50 ns"),
    "server/asgi.py:asgi_app": (112, "the same for ASGI: a coroutine costs 100 ns"),
    "routing/table.py:find": (50, "the loop over a path's parts, likewise"),
    "http/setcookie.py:cookie_text": (50, "eleven parameters, listed twice"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(package: Path) -> Iterator[tuple[str, ast.Module, int]]:
    for path in sorted(package.rglob("*.py")):
        text = path.read_text()
        yield path.relative_to(package).as_posix(), ast.parse(text), text.count("\n")


def functions(package: Path) -> Iterator[tuple[str, int]]:
    """Every function with the number of its lines, the docstring left out."""
    for name, tree, _ in sources(package):
        for node in ast.walk(tree):
            if isinstance(node, Function):
                first = node.body[0]
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if ast.get_docstring(node) is not None:
                    length -= (first.end_lineno or first.lineno) - first.lineno + 1
                yield f"{name}:{node.name}", length


def test_modules_are_short(package: Path) -> None:
    lines = {name: lines for name, _, lines in sources(package)}
    allowed = {name: LONGER_MODULES.get(name, (MODULE_LINES, ""))[0] for name in lines}
    assert {name: n for name, n in lines.items() if n > allowed[name]} == {}


def test_functions_are_short(package: Path) -> None:
    long = {}
    for name, length in functions(package):
        if length > LONGER_FUNCTIONS.get(name, (FUNCTION_LINES, ""))[0]:
            long[name] = length
    assert long == {}


def test_most_functions_are_very_short(package: Path) -> None:
    lengths = sorted(length for _, length in functions(package))
    assert statistics.median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.9)] <= 25


def test_exceptions_are_needed(package: Path) -> None:
    lines = {name: lines for name, _, lines in sources(package)}
    lengths = dict(functions(package))
    assert [name for name in LONGER_MODULES if lines.get(name, 0) <= MODULE_LINES] == []
    assert [name for name in LONGER_FUNCTIONS if lengths.get(name, 0) <= FUNCTION_LINES] == []


def test_every_public_thing_has_a_docstring(package: Path) -> None:
    missing = []
    for name, tree, _ in sources(package):
        if any(part.startswith("_") and part != "__init__.py" for part in name.split("/")):
            continue
        if ast.get_docstring(tree) is None:
            missing.append(name)
        missing += [f"{name}:{inner}" for inner in undocumented(tree, "", promised_in(tree))]
    assert missing == [], "\n".join(missing)


def promised_in(tree: ast.Module) -> dict[str, set[str]]:
    """For each class of a module, the methods that a base beside it documents already."""
    told: dict[str, set[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            above = set().union(*(told.get(ast.unparse(base), set()) for base in node.bases))
            methods = [inner for inner in node.body if isinstance(inner, Function)]
            told[node.name] = above | {m.name for m in methods if ast.get_docstring(m) is not None}
    return told


def undocumented(
    scope: ast.Module | ast.ClassDef, prefix: str, promised: dict[str, set[str]]
) -> Iterator[str]:
    above: set[str] = set()
    if isinstance(scope, ast.ClassDef):
        above = set().union(*(promised.get(ast.unparse(base), set()) for base in scope.bases))
    for node in scope.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        # A visitor's methods are named after the node they take, and say no more.
        told = node.name.startswith("visit_") or node.name in above or is_excused(node)
        if ast.get_docstring(node) is None and not told:
            yield prefix + node.name
        if isinstance(node, ast.ClassDef) and not is_protocol(node):
            yield from undocumented(node, f"{prefix}{node.name}.", promised)


def is_excused(node: Function | ast.ClassDef) -> bool:
    """An overload, or the setter of a property: its text is that of the getter."""
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    return any(mark.endswith(("overload", ".setter", ".deleter")) for mark in marks)


def is_protocol(node: ast.ClassDef) -> bool:
    """A protocol says what somebody else documents."""
    return any(ast.unparse(base).endswith("Protocol") for base in node.bases)
