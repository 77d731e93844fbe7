"""From a parsed file to what needs attention in it."""

from __future__ import annotations

import ast
import re
import typing as t

from . import known
from .extensions import EXTENSIONS, NOT_BY_IMPORT
from .finding import Finding
from .names import ROOTS, Scope, fill, scope_of
from .provided import has, is_module, object_has
from .werkzeugs import RELIABLE, instead_of

#: Errors that somebody expects who tries whether a name is there.
_EXPECTED = {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException"}
#: Functions whose text argument names something that is imported.
_IMPORTERS = {"patch", "import_module", "import_string", "__import__", "importorskip", "setattr"}
#: What versions are called that decide which names there are.
_is_question = re.compile(
    r"TYPE_CHECKING|hasattr|__version__|version(_info)?|PY[23]|.*(flask|werkzeug|python).*version.*",
    re.I,
).fullmatch
#: A file without any of these has nothing to find.
_WORDS = (*ROOTS, *EXTENSIONS)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def check(path: str, tree: ast.Module, text: str) -> list[Finding]:
    """Find what needs attention in a file.

    What is tried inside ``try``, asked for by ``hasattr``, or chosen by a version is left
    alone: whoever wrote it knows that it may not be there.

    Args:
        path: The file, for the findings.
        tree: What is in it.
        text: The same as text.
    """
    if not any(word in text for word in _WORDS):
        return []
    reader = Reader(path, text)
    reader.walk(tree)
    unique = dict.fromkeys(reader.findings)
    return sorted(unique, key=lambda found: (found.line, found.column, found.name))


class Reader:
    """Walks one file.

    Args:
        path: The file.
        text: What is in it.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.findings: list[Finding] = []
        self.asked_for: set[str] = set()

    def walk(self, tree: ast.Module) -> None:
        """Look at every node; with a stack, as expressions may be nested deeply."""
        module = Scope()
        fill(module, tree.body)
        self.asked_for = {name for node in ast.walk(tree) for name in _asked_for(node)}
        flags = {name for node in ast.walk(tree) for name in _flags(node)}
        stack: list[tuple[ast.AST, Scope]] = [(tree, module)]
        while stack:
            node, scope = stack.pop()
            self.look(node, scope)
            inner = scope_of(node, scope) if isinstance(node, _SCOPES) else scope
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.Try | ast.With | ast.If) and _is_guard(child, flags):
                    stack.extend((part, inner) for part in _unguarded(child))
                    continue
                # Decorators, defaults and bases belong to the scope outside.
                outside = inner is not scope and not _inside(node, child)
                stack.append((child, scope if outside else inner))

    def look(self, node: ast.AST, scope: Scope) -> None:
        """Check one node."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.module(node, alias.name)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0 and node.module:
                self.imported(node, node.module)
        elif isinstance(node, ast.Attribute):
            self.attribute(node, scope)
        elif isinstance(node, ast.Call):
            self.call(node, scope)
        elif isinstance(node, ast.Subscript):
            self.setting(node, scope)
        elif isinstance(node, ast.ClassDef):
            self.overrides(node, scope)

    def add(self, node: t.Any, kind: str, name: str, told: tuple[str, str]) -> None:
        """Note a finding at the place of a node."""
        why, fix = told
        line = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else ""
        # Python counts in bytes of UTF-8.
        before = line.encode()[: node.col_offset].decode(errors="replace")
        self.findings.append(Finding(self.path, node.lineno, len(before) + 1, kind, name, why, fix))

    # -- names of modules --------------------------------------------------------------

    def module(self, node: ast.AST, module: str) -> bool:
        """Check that a module is there; whether it is."""
        root = module.partition(".")[0]
        if root in EXTENSIONS and root not in NOT_BY_IMPORT:
            self.add(node, "extension", root, EXTENSIONS[root])
        if root not in ROOTS:
            return False
        owner, _, name = module.rpartition(".")
        # Of what is imported from a private module, each name is told.
        named = isinstance(node, ast.ImportFrom)
        if owner and not (is_module(module) and (named or _is_public(module))):
            self.name(node, owner, name)
        return is_module(module)

    def imported(self, node: ast.ImportFrom, module: str) -> None:
        """Check ``from module import ...``."""
        if self.module(node, module):
            for alias in node.names:
                if alias.name != "*":
                    self.name(alias, module, alias.name)

    def name(self, node: t.Any, module: str, name: str) -> None:
        """Check a name of a module."""
        whole = full = f"{module}.{name}"
        while not is_module(module):
            # Of a path that ends in nothing, the first part that is missing counts.
            module, _, name = module.rpartition(".")
            full = f"{module}.{name}"
        if not has(module, name):
            self.missing(node, full, whole)
        elif full in known.DIFFERENT:
            self.add(node, "different", full, known.DIFFERENT[full])
        elif full in known.DEPRECATED:
            self.add(node, "deprecated", full, known.DEPRECATED[full])
        elif full.startswith("werkzeug.") and not _is_public(full) and full not in RELIABLE:
            why = "Werkzeug keeps it for itself: any release may change it, and Erlen passes"
            fix = "Use a public name, or test it on Erlen with each release of Werkzeug."
            self.add(node, "private", full, (f"{why} much of Werkzeug by.", fix))

    def missing(self, node: t.Any, full: str, whole: str) -> None:
        """Note a name that is not there; ``whole`` is the path that led through it."""
        told = known.DEPRECATED.get(full)
        if told is not None:
            self.add(node, "deprecated", full, told)
            return
        told = known.FLASK.get(full.replace("erlen.", "flask.", 1))
        if told is not None:
            self.add(node, "removed", full, told)
        elif full.startswith("werkzeug."):
            fix = instead_of(whole) or "See the change log of Werkzeug."
            self.add(node, "removed", full, ("The Werkzeug that is installed has not got it.", fix))
        elif full in known.LACKING:
            why = "Flask keeps it for itself, and Erlen has no counterpart."
            self.add(node, "lacking", full, (why, "Use a public name."))
        else:
            who = (
                "Erlen has not got"
                if full.startswith("erlen.")
                else "Neither Flask 3.1 nor Erlen has"
            )
            self.add(node, "missing", full, (f"{who} this name.", "Look for it in the reference."))

    # -- attributes of objects ------------------------------------------------------------

    def attribute(self, node: ast.Attribute, scope: Scope) -> None:
        """Check ``owner.name``."""
        owner = scope.meaning(node.value)
        if owner is None or node.attr in self.asked_for:
            return
        if owner[0] == "@":
            self.of_object(node, owner[1:], node.attr)
        elif is_module(owner) and not isinstance(node.ctx, ast.Store):
            self.name(node, owner, node.attr)

    def of_object(self, node: t.Any, kind: str, name: str) -> None:
        """Check an attribute of an application, a request, a context, ..."""
        told = known.ATTRIBUTES.get(kind, {}).get(name)
        if told is not None and not object_has(kind, name):
            lacking = "Erlen" in told[0]
            self.add(node, "lacking" if lacking else "removed", f"{kind}.{name}", told)

    def overrides(self, node: ast.ClassDef, scope: Scope) -> None:
        """Check what a class of applications, requests, ... defines for nobody."""
        kinds = [scope.instance_of(base) for base in node.bases]
        kind = next((kind[1:] for kind in kinds if kind is not None), None)
        if kind is None:
            return
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                self.of_object(statement, kind, statement.name)
            elif isinstance(statement, ast.Assign):
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        self.of_object(statement, kind, target.id)

    # -- calls and settings -----------------------------------------------------------------

    def call(self, node: ast.Call, scope: Scope) -> None:
        """Check the arguments of a call."""
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else ""
        called = function.id if isinstance(function, ast.Name) else called
        if called in ("isinstance", "issubclass") and len(node.args) == 2:
            self.instance(node.args[1], scope)
        elif called in _IMPORTERS and node.args:
            self.text(node.args[0])
        meaning = scope.meaning(function) or ""
        for keyword in node.keywords:
            told = known.PARAMETERS.get(meaning.rpartition(".")[2], {}).get(keyword.arg or "")
            if told is not None and meaning.startswith(("flask.", "erlen.")):
                self.add(keyword, "removed", f"{meaning}({keyword.arg}=)", told)
        if isinstance(function, ast.Attribute) and scope.meaning(function.value) == "@config":
            for keyword in node.keywords:
                self.key(keyword, keyword.arg)

    def instance(self, node: ast.expr, scope: Scope) -> None:
        """Check the class in ``isinstance(context, ...)``."""
        listed = node.elts if isinstance(node, ast.Tuple) else [node]
        for one in listed:
            name = (scope.meaning(one) or "").rpartition(".")[2]
            told = known.DIFFERENT.get(f"isinstance {name}") if len(listed) == 1 else None
            if told is not None:
                self.add(one, "different", f"isinstance(..., {name})", told)

    def text(self, node: ast.expr) -> None:
        """Check a dotted path in a text, as ``mock.patch`` takes it."""
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            return
        parts = node.value.split(".")
        if parts[0] not in ROOTS or not all(part.isidentifier() for part in parts):
            return
        for number in range(1, len(parts)):
            module = ".".join(parts[:number])
            if not is_module(module):
                return
            if not is_module(f"{module}.{parts[number]}"):
                self.name(node, module, parts[number])
                return

    def setting(self, node: ast.Subscript, scope: Scope) -> None:
        """Check ``app.config["KEY"] = ...``."""
        if isinstance(node.ctx, ast.Store) and scope.meaning(node.value) == "@config":
            if isinstance(node.slice, ast.Constant):
                self.key(node, node.slice.value)

    def key(self, node: t.Any, key: object) -> None:
        """Check the name of a setting that is made."""
        told = known.SETTINGS.get(key) if isinstance(key, str) else None
        if told is not None:
            self.add(node, "removed", f"config[{key!r}]", told)


def _is_public(path: str) -> bool:
    parts = path.split(".")
    return not any(part[:1] == "_" and part[:2] != "__" for part in parts)


def _inside(node: ast.AST, child: ast.AST) -> bool:
    """Whether a part of a function or class is in its scope, not around it."""
    body = getattr(node, "body", None)
    if isinstance(body, list):
        return any(child is statement for statement in body)
    return child is body


def _asked_for(node: ast.AST) -> t.Iterator[str]:
    """Names in ``hasattr(x, "name")`` and ``getattr(x, "name", default)``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
        name = node.args[1]
        if node.func.id == "hasattr" or (node.func.id == "getattr" and len(node.args) > 2):
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def _flags(node: ast.AST) -> t.Iterator[str]:
    """Names of switches: what became of a guarded import, or of a look at a version."""
    if isinstance(node, ast.Try) and _is_guard(node, set()):
        inner = [part for handler in node.handlers for part in handler.body]
        for part in [*node.body, *inner, *node.orelse]:
            if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant):
                yield from (one.id for one in part.targets if isinstance(one, ast.Name))
    elif isinstance(node, ast.Assign) and _asks(node.value, set()):
        yield from (one.id for one in node.targets if isinstance(one, ast.Name))


def _is_guard(node: ast.Try | ast.With | ast.If, flags: set[str]) -> bool:
    if isinstance(node, ast.Try):
        return any(_expects(handler.type) for handler in node.handlers)
    if isinstance(node, ast.With):
        found = (item.context_expr for item in node.items)
        calls = [call for call in found if isinstance(call, ast.Call)]
        return any(
            "suppress" in ast.unparse(call.func) and any(map(_expects, call.args)) for call in calls
        )
    return _asks(node.test, flags)


def _asks(node: ast.expr, flags: set[str]) -> bool:
    """Whether an expression asks what there is: a version, ``hasattr``, or a switch."""
    for part in ast.walk(node):
        name = part.id if isinstance(part, ast.Name) else ""
        name = part.attr if isinstance(part, ast.Attribute) else name
        if name in flags or _is_question(name):
            return True
    return False


def _expects(node: ast.expr | None) -> bool:
    if node is None:
        return True
    listed = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(ast.unparse(one).rpartition(".")[2] in _EXPECTED for one in listed)


def _unguarded(node: ast.Try | ast.With | ast.If) -> list[ast.AST]:
    """The parts of a guard that run whatever the guard found."""
    if isinstance(node, ast.Try):
        return [*node.orelse, *node.finalbody]
    return [node.test] if isinstance(node, ast.If) else []
