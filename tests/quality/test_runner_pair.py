"""``run`` and ``arun`` are the same statements: without the awaits they are equal."""

from __future__ import annotations

import ast
from pathlib import Path


class WithoutAwaits(ast.NodeTransformer):
    """Turns asynchronous code into its synchronous twin."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        plain = ast.FunctionDef(**{name: getattr(node, name, None) for name in node._fields})
        return ast.copy_location(plain, node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        self.generic_visit(node)
        plain = ast.For(**{name: getattr(node, name, None) for name in node._fields})
        return ast.copy_location(plain, node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        self.generic_visit(node)
        plain = ast.With(**{name: getattr(node, name, None) for name in node._fields})
        return ast.copy_location(plain, node)


def body_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The statements without docstring; a name `arun...` reads `run...`."""
    plain = WithoutAwaits().visit(node)
    statements = plain.body[1:] if ast.get_docstring(plain) is not None else plain.body
    text = [ast.unparse(plain.args), *map(ast.unparse, statements)]
    return "\n".join(text).replace("arun", "run")


def pairs(tree: ast.Module) -> dict[str, tuple[ast.FunctionDef, ast.AsyncFunctionDef]]:
    plain = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    colour = {node.name: node for node in tree.body if isinstance(node, ast.AsyncFunctionDef)}
    return {name: (plain[name], colour["a" + name]) for name in plain if "a" + name in colour}


def test_the_pair_is_one(package: Path) -> None:
    found = pairs(ast.parse((package / "runner.py").read_text()))
    assert "run" in found
    for plain, colour in found.values():
        assert body_of(plain) == body_of(colour)


def test_nothing_async_stands_alone(package: Path) -> None:
    tree = ast.parse((package / "runner.py").read_text())
    alone = [n.name for n in tree.body if isinstance(n, ast.AsyncFunctionDef)]
    assert set(alone) == {colour.name for _, colour in pairs(tree).values()}


def test_the_comparison_sees_a_difference() -> None:
    code = "def run(a):\n    return f(a)\nasync def arun(a):\n    return await g(a)\n"
    plain, colour = pairs(ast.parse(code))["run"]
    assert body_of(plain) != body_of(colour)
