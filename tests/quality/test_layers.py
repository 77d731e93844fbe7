"""Imports run downwards; a cycle never closes, not even through an import inside a function."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

# The layer of a module, or of everything in a package. A module that is not here has no place yet.
LAYERS = {
    0: "errors typing signals state paths watch lighter marks",
    1: "http json jinja config logging sessions session_cookie session_interface _signing",
    2: "registry routing",
    3: "routing.table routing.check respond steporder",
    4: "guarding ctx current beginning ending teardown namespace globals recover runner urls plan"
    " shapes debughelpers",
    5: "server",
    6: "sockets channels sse sessionstores ops serving app appbase steps blueprints registering"
    " template_parts scaffold helpers asyncstream latetext templating template_context views cli"
    " scaffolding"
    " testing wrappers",
    7: "flask_alias flask_names __main__ pytest_plugin tasks",
    8: "",
}

# Edges that go up, for the type checker only, each with its reason.
UPWARD_FOR_TYPES = {
    ("state", "ctx"): "the context variable says what it holds",
    ("globals", "app"): "current_app is typed as the application",
}


class Edge:
    """One import: from where, to where, and whether it only exists for the type checker."""

    def __init__(self, source: str, target: str, line: int, types_only: bool) -> None:
        self.source, self.target, self.line, self.types_only = source, target, line, types_only

    def __str__(self) -> str:
        return f"{self.source} (line {self.line}) imports {self.target}"


def modules_of(package: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[0].startswith("_flask_site"):
            continue
        if parts[-1] == "__init__":
            parts = parts[:-1]
        found[".".join(parts)] = path
    return found


def edges_of(package: Path) -> list[Edge]:
    modules = modules_of(package)
    return [edge for name, path in modules.items() for edge in edges_in(name, path, modules)]


def edges_in(name: str, path: Path, modules: dict[str, Path]) -> list[Edge]:
    found = []
    for node, types_only in imports_in(ast.parse(path.read_text()), False):
        for target in targets(node, name, path, modules):
            if target != name:
                found.append(Edge(name, target, node.lineno, types_only))
    return found


def imports_in(node: ast.AST, types_only: bool) -> list[tuple[ast.Import | ast.ImportFrom, bool]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(node, types_only)]
    found = []
    for child in ast.iter_child_nodes(node):
        below = types_only
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            below = types_only or child in node.body
        found += imports_in(child, below)
    return found


def targets(
    node: ast.Import | ast.ImportFrom, name: str, path: Path, modules: dict[str, Path]
) -> set[str]:
    if isinstance(node, ast.Import):
        full = [alias.name for alias in node.names if alias.name.partition(".")[0] == "erlen"]
        return {entry.removeprefix("erlen").lstrip(".") for entry in full}
    if node.level == 0:
        if (node.module or "").partition(".")[0] != "erlen":
            return set()
        base = (node.module or "").removeprefix("erlen").lstrip(".")
    else:
        parts = name.split(".") if name else []
        up = node.level - (1 if path.name == "__init__.py" else 0)
        parts = parts[: len(parts) - up] if up else parts
        base = ".".join([*parts, *(node.module.split(".") if node.module else [])])
    found = set()
    for alias in node.names:
        below = f"{base}.{alias.name}" if base else alias.name
        found.add(below if below in modules else base)
    return found


def layer_of(name: str) -> int | None:
    if name == "":
        return 7
    if name == "routing":
        return 3  # its face gives out the table, too
    table = {entry: layer for layer, names in LAYERS.items() for entry in names.split()}
    while name:
        if name in table:
            return table[name]
        name = name.rpartition(".")[0]
    return None


def cycles(edges: list[Edge]) -> list[list[str]]:
    """Groups of modules that import each other, by Tarjan's algorithm."""
    graph: dict[str, set[str]] = {}
    for edge in edges:
        graph.setdefault(edge.source, set()).add(edge.target)
        graph.setdefault(edge.target, set())
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_every_module_has_a_layer(package: Path) -> None:
    assert [name for name in modules_of(package) if layer_of(name) is None] == []


def test_imports_run_downwards(package: Path) -> None:
    wrong = []
    for edge in edges_of(package):
        source, target = layer_of(edge.source), layer_of(edge.target)
        if source is None or target is None or target <= source:
            continue
        if edge.types_only and (edge.source, edge.target) in UPWARD_FOR_TYPES:
            continue
        wrong.append(f"{edge} (layer {source} -> {target})")
    assert wrong == [], "\n".join(wrong)


def test_the_documentation_has_the_same_layers(package: Path, root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text()
    told = {}
    for layer, rooms in re.findall(r"^\| (\d) \| (.+?) \|", text, re.M):
        for room in re.findall(r"`([\w/]+?)(?:/|\.py)`", rooms):
            told[room.replace("/", ".")] = int(layer)
    assert told == {room: layer_of(room) for room in told} | {"routing": 2}
    tops = {name.partition(".")[0] for name in modules_of(package)}
    assert {name for name in tops if name.strip("_") == name and name} - set(told) == set()


def test_nothing_imports_in_a_circle(package: Path) -> None:
    assert cycles([edge for edge in edges_of(package) if not edge.types_only]) == []


def test_every_listed_upward_edge_is_needed(package: Path) -> None:
    there = {(edge.source, edge.target) for edge in edges_of(package) if edge.types_only}
    assert set(UPWARD_FOR_TYPES) - there == set()


@pytest.mark.parametrize(
    ("source", "line", "expected"),
    [
        ("app", "from .http.request import Request", {"http.request"}),
        ("app", "from .http import request", {"http.request"}),
        ("http.request", "from ..state import get_current", {"state"}),
        ("http.request", "from .. import state", {"state"}),
        ("cli.run", "import erlen.app", {"app"}),
        ("cli.run", "from erlen import app", {"app"}),
        ("app", "import json", set()),
        ("app", "from werkzeug.http import dump_header", set()),
    ],
)
def test_the_reader_of_imports(source: str, line: str, expected: set[str]) -> None:
    names = ["", "app", "http", "http.request", "state", "cli", "cli.run"]
    modules = {name: Path(f"{name}.py") for name in names}
    node = ast.parse(line).body[0]
    assert isinstance(node, ast.Import | ast.ImportFrom)
    assert targets(node, source, modules[source], modules) == expected


def test_the_search_for_cycles() -> None:
    edges = [Edge("a", "b", 1, False), Edge("b", "c", 1, False), Edge("c", "a", 1, False)]
    assert cycles(edges) == [["a", "b", "c"]]
    assert cycles(edges[:2]) == []
