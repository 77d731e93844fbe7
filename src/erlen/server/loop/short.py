"""Functions that cannot block: told from their source, once, when plans are made.

A sync hook around an ``async def`` view runs in a thread, because it may wait for
something. Many hooks only keep a value in ``g`` or set a header; a thread for those
costs a hundred times what they do. This module says of a function that it does nothing
but: set and get names of ``g``; set headers, status and cookies of the response; read
the request line, headers, cookies and query; compute with constants; compare; return.
All else, such as calling a function that is not listed here, using an attribute of an
unknown object (which may have to be loaded from a database) or asking whether it is
true, makes a function one that may block.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing as t
from types import FunctionType, ModuleType

from ...globals import g, request
from ...http.request import Request
from ...http.response import Response
from ...namespace import _AppCtxGlobals

#: What an expression gives: a plain value, something that is only passed on, or one of
#: the objects whose attributes are known.
VALUE, OPAQUE, GLOBALS, REQUEST, RESPONSE, HEADERS, MAPPING = range(7)

#: Bytes of code above which nobody looks: it takes time to find the source.
_LONG = 600

_PLAIN = (str, bytes, int, float, bool, type(None))
_CALLABLE = {
    ("builtins", name) for name in ("abs", "bool", "float", "int", "len", "max", "min", "round")
} | {("builtins", "str"), ("builtins", "isinstance"), ("erlen.helpers", "abort")}
_CALLABLE |= {("time", name) for name in ("time", "monotonic", "perf_counter", "time_ns")}
_CALLABLE |= {("time", "perf_counter_ns"), ("time", "monotonic_ns")}

_REQUEST_VALUES = frozenset(
    "method path full_path endpoint blueprint host scheme url base_url url_root root_path"
    " remote_addr is_secure content_type content_length mimetype referrer origin".split()
)
_REQUEST_MAPPINGS = frozenset("headers args cookies".split())
_RESPONSE_VALUES = frozenset("status status_code mimetype content_type".split())
_METHODS = {
    GLOBALS: frozenset("get pop setdefault".split()),
    HEADERS: frozenset("get set add setdefault pop remove".split()),
    MAPPING: frozenset(["get"]),
    RESPONSE: frozenset("set_cookie delete_cookie".split()),
}
_GIVES = {GLOBALS: OPAQUE, HEADERS: VALUE, MAPPING: VALUE, RESPONSE: VALUE}


class _MayBlock(Exception):
    """The function does something that is not known not to block."""


def is_short(function: t.Any, app: t.Any, role: str) -> bool:
    """Whether a function does nothing that could block.

    Args:
        function: The function.
        app: The application; own classes of it may do anything.
        role: ``"after"`` for a function whose argument is the response.
    """
    if type(function) is not FunctionType or len(function.__code__.co_code) > _LONG:
        return False
    node = _parse(function)
    if node is None:
        return False
    try:
        _Reader(function, node, app, role).read()
    except _MayBlock:
        return False
    return True


def _parse(function: FunctionType) -> ast.FunctionDef | None:
    """The definition of a function, if it can be found."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    node = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(node, ast.FunctionDef) or node.name != function.__name__:
        return None
    # What stands in the file may have changed since it was imported.
    parts = [item for statement in node.body for item in ast.walk(statement)]
    names = {item.attr for item in parts if isinstance(item, ast.Attribute)}
    return node if names <= set(function.__code__.co_names) else None


class _Reader:
    """Reads one function.

    Args:
        function: The function.
        node: Its definition.
        app: The application.
        role: As for :func:`is_short`.
    """

    def __init__(
        self, function: FunctionType, node: ast.FunctionDef, app: t.Any, role: str
    ) -> None:
        self._node = node
        self._found = inspect.getclosurevars(function)
        self._stock_g = app.app_ctx_globals_class is _AppCtxGlobals
        self._stock_request = app.request_class is Request
        self._names: dict[str, int] = {}
        arguments = node.args
        for number, argument in enumerate([*arguments.posonlyargs, *arguments.args]):
            first = number == 0 and role == "after" and app.response_class is Response
            self._names[argument.arg] = RESPONSE if first else OPAQUE
        for other in [*arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
            if other is not None:
                self._names[other.arg] = OPAQUE

    def read(self) -> None:
        """Read all statements.

        Raises:
            _MayBlock: One of them may block.
        """
        self._block(self._node.body)

    # -- statements ----------------------------------------------------------------------

    def _block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Return):
            if node.value is not None:
                self.kind(node.value)
        elif isinstance(node, ast.Expr):
            self.kind(node.value)
        elif isinstance(node, ast.Assign):
            kind = self.kind(node.value)
            for target in node.targets:
                self._store(target, kind)
        elif isinstance(node, ast.AugAssign):
            self._plain(node.value)
            self.kind(_as_load(node.target))
            self._store(node.target, OPAQUE)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._store(node.target, self.kind(node.value))
        elif isinstance(node, ast.If):
            self._test(node.test)
            self._block(node.body)
            self._block(node.orelse)
        elif not isinstance(node, ast.Pass):
            raise _MayBlock

    def _store(self, target: ast.expr, kind: int) -> None:
        if isinstance(target, ast.Name):
            # In one branch this, in another that: then nothing is known.
            known = self._names.setdefault(target.id, kind)
            if known != kind:
                self._names[target.id] = OPAQUE
        elif isinstance(target, ast.Attribute):
            owner = self.kind(target.value)
            if owner == RESPONSE and target.attr in _RESPONSE_VALUES and kind == VALUE:
                return
            if owner != GLOBALS:
                raise _MayBlock
        elif isinstance(target, ast.Subscript):
            if self.kind(target.value) != HEADERS or kind != VALUE:
                raise _MayBlock
            self._plain(target.slice)
        else:
            raise _MayBlock

    # -- expressions -----------------------------------------------------------------------

    def kind(self, node: ast.expr) -> int:
        """What an expression gives.

        Args:
            node: The expression.

        Raises:
            _MayBlock: Working it out may block.
        """
        reader = getattr(self, f"_{type(node).__name__.lower()}", None)
        if reader is None:
            raise _MayBlock
        return t.cast(int, reader(node))

    def _plain(self, node: ast.expr) -> int:
        if self.kind(node) != VALUE:
            raise _MayBlock
        return VALUE

    def _test(self, node: ast.expr) -> None:
        # The truth of an unknown object may be a query.
        self._plain(node)

    def _constant(self, node: ast.Constant) -> int:
        return VALUE

    def _name(self, node: ast.Name) -> int:
        if node.id in self._names:
            return self._names[node.id]
        return self._kind_of(self._object(node))

    def _object(self, node: ast.expr) -> t.Any:
        """The object behind a name of the module or of a function around this one."""
        if isinstance(node, ast.Attribute):
            owner = self._object(node.value)
            return getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
        if not isinstance(node, ast.Name) or node.id in self._names:
            return None
        for names in (self._found.nonlocals, self._found.globals, self._found.builtins):
            if node.id in names:
                return names[node.id]
        return None

    def _kind_of(self, thing: t.Any) -> int:
        if thing is g and self._stock_g:
            return GLOBALS
        if thing is request and self._stock_request:
            return REQUEST
        return VALUE if type(thing) in _PLAIN else OPAQUE

    def _attribute(self, node: ast.Attribute) -> int:
        thing = self._object(node)
        if thing is not None:
            # Of a module.
            return self._kind_of(thing)
        owner = self.kind(node.value)
        if owner == GLOBALS:
            return OPAQUE
        if owner == REQUEST and node.attr in _REQUEST_VALUES:
            return VALUE
        if owner == REQUEST and node.attr in _REQUEST_MAPPINGS:
            return MAPPING
        if owner == RESPONSE and node.attr == "headers":
            return HEADERS
        if owner == RESPONSE and node.attr in _RESPONSE_VALUES:
            return VALUE
        raise _MayBlock

    def _subscript(self, node: ast.Subscript) -> int:
        if self.kind(node.value) not in (MAPPING, HEADERS):
            raise _MayBlock
        return self._plain(node.slice)

    def _call(self, node: ast.Call) -> int:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        function = self._object(node.func)
        if function is not None:
            name = getattr(function, "__module__", ""), getattr(function, "__name__", "")
            if name not in _CALLABLE:
                raise _MayBlock
            for argument in arguments:
                self._plain(argument)
            return VALUE
        if not isinstance(node.func, ast.Attribute):
            raise _MayBlock
        owner = self.kind(node.func.value)
        if node.func.attr not in _METHODS.get(owner, ()):
            raise _MayBlock
        for argument in arguments:
            if owner == GLOBALS:
                self.kind(argument)
            elif self._object(argument) not in (int, float, str):
                self._plain(argument)
        return _GIVES[owner]

    def _joinedstr(self, node: ast.JoinedStr) -> int:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self._plain(part.value)
                if part.format_spec is not None:
                    self._plain(part.format_spec)
        return VALUE

    def _binop(self, node: ast.BinOp) -> int:
        kinds = {self.kind(node.left), self.kind(node.right)}
        if VALUE not in kinds or not kinds <= {VALUE, OPAQUE}:
            raise _MayBlock
        return VALUE if kinds == {VALUE} else OPAQUE

    def _compare(self, node: ast.Compare) -> int:
        for operator, right in zip(node.ops, node.comparators, strict=True):
            kinds = [self.kind(node.left), self.kind(right)]
            if isinstance(operator, (ast.Is, ast.IsNot)):
                continue
            known = {VALUE, MAPPING} if isinstance(operator, (ast.In, ast.NotIn)) else {VALUE}
            if not set(kinds) <= known:
                raise _MayBlock
        return VALUE

    def _boolop(self, node: ast.BoolOp) -> int:
        for value in node.values:
            self._plain(value)
        return VALUE

    def _unaryop(self, node: ast.UnaryOp) -> int:
        return self._plain(node.operand)

    def _ifexp(self, node: ast.IfExp) -> int:
        self._test(node.test)
        kinds = {self.kind(node.body), self.kind(node.orelse)}
        return kinds.pop() if len(kinds) == 1 else OPAQUE

    def _tuple(self, node: ast.Tuple | ast.List) -> int:
        for item in node.elts:
            self.kind(item)
        return OPAQUE

    _list = _tuple

    def _dict(self, node: ast.Dict) -> int:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise _MayBlock
            self._plain(key)
            self.kind(value)
        return OPAQUE


def _as_load(target: ast.expr) -> ast.expr:
    """The expression that reads what an augmented assignment changes."""
    return ast.parse(ast.unparse(target), mode="eval").body
