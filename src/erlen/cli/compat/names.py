"""What the names of a Python file stand for, as far as can be told without running it."""

from __future__ import annotations

import ast
import typing as t

from .provided import is_module

#: Roots of dotted names that are followed.
ROOTS = ("flask", "erlen", "werkzeug")

#: Dotted names that stand for an object of a kind; see ``provided.samples``.
_OBJECTS = {
    "current_app": "@app",
    "globals.current_app": "@app",
    "request": "@request",
    "globals.request": "@request",
    "globals.app_ctx": "@context",
    "globals.request_ctx": "@context",
}

#: Classes: what calling one gives, and what ``self`` is in a class that derives from it.
_CLASSES = {
    "Flask": "@app",
    "Erlen": "@app",
    "app.Flask": "@app",
    "app.Erlen": "@app",
    "sansio.app.App": "@app",
    "Blueprint": "@blueprint",
    "blueprints.Blueprint": "@blueprint",
    "Request": "@request",
    "wrappers.Request": "@request",
    "Response": "@response",
    "wrappers.Response": "@response",
    "ctx.AppContext": "@context",
    "ctx.RequestContext": "@context",
}

#: What methods of objects give.
_RETURNED = {
    ("@app", "app_context"): "@context",
    ("@app", "request_context"): "@context",
    ("@app", "test_request_context"): "@context",
    ("@app", "make_response"): "@response",
    ("@app", "_get_current_object"): "@app",
    ("@request", "_get_current_object"): "@request",
    ("@context", "_get_current_object"): "@context",
}

#: Attributes of objects that are objects of a kind themselves.
_PARTS = {
    ("@app", "config"): "@config",
    ("@context", "app"): "@app",
    ("@context", "request"): "@request",
}

_FUNCTIONS = {"make_response": "@response", "jsonify": "@response", "redirect": "@response"}

#: What an application is called where nothing else tells.
_APP_NAMES = {"app", "flask_app", "current_app"}

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Scope:
    """The names of a module, class or function; those that are not here are looked up outside.

    Args:
        outer: The scope around it, None for a module.
        is_class: Whether functions below it don't see its names.
    """

    def __init__(self, outer: Scope | None = None, is_class: bool = False) -> None:
        self.outer = outer
        self.is_class = is_class
        self.names: dict[str, str | None] = {}
        self.uses_flask: bool = outer is not None and outer.uses_flask

    def bind(self, name: str, meaning: str | None) -> None:
        """Give a name its meaning; the first one that tells something stays."""
        if self.names.get(name) is None:
            self.names[name] = meaning

    def outer_kind(self, name: str) -> str | None:
        """What the instances of a class of this name are, which stands around this scope."""
        found = self.outer.find(name) if self.outer is not None else None
        return found[len("class ") :] if found is not None and found.startswith("class ") else None

    def find(self, name: str) -> str | None:
        """What a name stands for: a dotted path, an object like ``"@app"``, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not scope.is_class):
                return scope.names[name]
            scope = scope.outer
        return "@app" if self.uses_flask and name in _APP_NAMES else None

    def meaning(self, node: ast.expr | None) -> str | None:
        """What an expression stands for, likewise."""
        if isinstance(node, ast.Name):
            return self.find(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._result(node)
        if isinstance(node, ast.Await | ast.NamedExpr):
            return self.meaning(node.value)
        return None

    def _attribute(self, node: ast.Attribute) -> str | None:
        owner = self.meaning(node.value)
        if owner is None:
            # 'self.app', as extensions keep it.
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            return "@app" if own and self.uses_flask and node.attr == "app" else None
        if owner[0] == "@":
            return _PARTS.get((owner, node.attr))
        return canonical(f"{owner}.{node.attr}")

    def _result(self, node: ast.Call) -> str | None:
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = self.meaning(function.value)
            if owner is not None and owner[0] == "@":
                return _RETURNED.get((owner, function.attr))
        called = self.meaning(function)
        if called is None or called[0] == "@":
            return None
        if called.startswith("class "):
            return called[len("class ") :]
        root, _, below = called.partition(".")
        if root not in ("flask", "erlen"):
            return None
        return _CLASSES.get(below) or _FUNCTIONS.get(below)

    def instance_of(self, node: ast.expr | None) -> str | None:
        """What an object is whose class, or annotation, is this expression."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.rpartition(".")[2]
            return _CLASSES.get(name) if self.uses_flask and name.isidentifier() else None
        found = self.meaning(node)
        if found is None or found[0] == "@":
            return None
        if found.startswith("class "):
            return found[len("class ") :]
        root, _, below = found.partition(".")
        return _CLASSES.get(below) if root in ("flask", "erlen") else None


def canonical(path: str) -> str | None:
    """A dotted path as it is looked up: objects by their kind; None if nothing is known."""
    root, _, below = path.partition(".")
    if root in ("flask", "erlen") and below in _OBJECTS:
        return _OBJECTS[below]
    if is_module(path) or (root in ROOTS and is_module(path.rpartition(".")[0])):
        return path
    return None


def fill(scope: Scope, body: t.Sequence[ast.stmt]) -> None:
    """Enter the names that the statements of a scope bind, those in its functions left out."""
    stack: list[ast.AST] = list(reversed(body))
    imported: list[ast.AST] = []
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            _bind_import(scope, node)
        elif not isinstance(node, ast.Lambda):
            imported.append(node)
        if isinstance(node, _SCOPES):
            continue
        stack.extend(reversed(list(ast.iter_child_nodes(node))))
    # Imports first: what is assigned may be made from them.
    for node in imported:
        _bind(scope, node)


def _bind_import(scope: Scope, node: ast.Import | ast.ImportFrom) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            root = alias.name.partition(".")[0]
            followed = root in ROOTS
            scope.uses_flask |= root in ("flask", "erlen")
            path = alias.name if alias.asname else root
            scope.bind(alias.asname or root, path if followed else None)
        return
    module = node.module or ""
    followed = node.level == 0 and module.partition(".")[0] in ROOTS
    scope.uses_flask |= followed and module.partition(".")[0] in ("flask", "erlen")
    for alias in node.names:
        meaning = canonical(f"{module}.{alias.name}") if followed else None
        scope.bind(alias.asname or alias.name, meaning)


def _bind(scope: Scope, node: ast.AST) -> None:
    if isinstance(node, ast.Assign):
        meaning = scope.meaning(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                scope.bind(target.id, meaning)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        scope.bind(node.target.id, scope.meaning(node.value) or scope.instance_of(node.annotation))
    elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
        scope.bind(node.optional_vars.id, scope.meaning(node.context_expr))
    elif isinstance(node, ast.ClassDef):
        kinds = [scope.instance_of(base) for base in node.bases]
        kind = next((kind for kind in kinds if kind is not None), None)
        scope.bind(node.name, f"class {kind}" if kind else None)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        scope.bind(node.name, None)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        scope.names.setdefault(node.id, None)
    elif isinstance(node, ast.ExceptHandler) and node.name:
        scope.names.setdefault(node.name, None)


def scope_of(node: ast.AST, outer: Scope) -> Scope:
    """The scope that a class, function or lambda opens.

    Args:
        node: The class, function or lambda.
        outer: The scope in which it stands.
    """
    scope = Scope(outer, isinstance(node, ast.ClassDef))
    if isinstance(node, ast.ClassDef):
        scope.names["self"] = scope.outer_kind(node.name)
    elif isinstance(node, Function):
        _bind_parameters(scope, node, outer)
    body = getattr(node, "body", ())
    if isinstance(body, list):
        fill(scope, body)
    return scope


def _bind_parameters(scope: Scope, node: Function, outer: Scope) -> None:
    arguments = node.args
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for number, argument in enumerate(listed):
        meaning = outer.instance_of(argument.annotation)
        if number == 0 and outer.is_class and argument.arg == "self":
            meaning = outer.names.get("self")
        if meaning is None and argument.annotation is None and argument.arg in _APP_NAMES:
            meaning = "@app" if outer.uses_flask else None
        scope.names[argument.arg] = meaning
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            scope.names[extra.arg] = None
