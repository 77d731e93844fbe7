"""A code generator for Jinja that writes the common cases in line.

The syntax, the scoping and the statements stay Jinja's: this class changes
how an expression is written, never what it means.  `supported` tells whether
the installed Jinja has the inner methods that are overridden here; where it
has not, `code_generator_class` is Jinja's own.
"""

from __future__ import annotations

import typing as t

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator as StockCodeGenerator
from markupsafe import escape

from .loops import lower_for
from .runtime import __all__ as exported
from .runtime import lookup_type, stock_tests

if t.TYPE_CHECKING:
    from jinja2.compiler import Frame

#: Goes into the keys of bytecode caches: raise it when the generated code changes.
REVISION = 1

#: The methods of Jinja's generator that are overridden or called, and their parameters.
_RELIED_ON = {
    "visit_Template": ("self", "node", "frame"),
    "visit_For": ("self", "node", "frame"),
    "visit_Getattr": ("self", "node", "frame"),
    "visit_Getitem": ("self", "node", "frame"),
    "visit_Test": ("self", "node", "frame"),
    "visit_InternalName": ("self", "node", "frame"),
    "visit_MarkSafe": ("self", "node", "frame"),
    "visit_Output": ("self", "node", "frame"),
    "_output_child_pre": ("self", "node", "frame", "finalize"),
    "_output_child_post": ("self", "node", "frame", "finalize"),
    "pull_dependencies": ("self", "nodes"),
    "write_commons": ("self",),
    "write": ("self", "x"),
    "writeline": ("self", "x", "node", "extra"),
    "temporary_identifier": ("self",),
}

_OPERATORS = {
    "odd": "{} % 2 == 1",
    "even": "{} % 2 == 0",
    "none": "{} is None",
    "defined": "not isinstance({}, Undefined)",
    "undefined": "isinstance({}, Undefined)",
}

_LEAVES = (nodes.Name, nodes.InternalName)
_CHAINED = (nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Call)
_IMPORTS = ", ".join(exported)
_concat = Environment.concat


def _parameters(function: t.Any) -> tuple[str, ...]:
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    return () if code is None else code.co_varnames[: code.co_argcount]


def supported(generator: type = StockCodeGenerator) -> bool:
    """Tell whether a Jinja code generator has what this one builds on.

    Args:
        generator: Jinja's class.
    """
    return all(
        _parameters(getattr(generator, name, None))[: len(expected)] == expected
        for name, expected in _RELIED_ON.items()
    )


def is_plain(environment: Environment) -> bool:
    """Tell whether templates of an environment may be compiled in the fast way.

    Asynchronous and sandboxed environments, and those that replace how
    attributes, items or the output are handled, keep Jinja's code.

    Args:
        environment: the one that the template is compiled for.
    """
    return (
        not environment.is_async
        and not environment.sandboxed
        and environment.concat == _concat
        and lookup_type(environment) is dict
    )


class FastCodeGenerator(StockCodeGenerator):
    """Jinja's code generator with look-ups, escaping, tests and counting in line."""

    def __init__(self, environment: Environment, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(environment, *args, **kwargs)
        self._plain = is_plain(environment)
        self._output_kinds: list[str] = []

    # -- What a module and a function begin with

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        if self._plain:
            self.writeline(f"from erlen.jinja.runtime import {_IMPORTS}")
        super().visit_Template(node, frame)

    def write_commons(self) -> None:
        """Write the look-ups that every function of a template starts with."""
        super().write_commons()
        if self._plain:
            # Asked when the template runs, as Jinja does: methods may be replaced late.
            self.writeline("plain = lookup_type(environment)")

    def pull_dependencies(self, nodes: t.Iterable[nodes.Node]) -> None:
        """Write the look-ups of the filters and tests in some nodes.

        Args:
            nodes: The body of a function.
        """
        body = list(nodes)
        super().pull_dependencies(body)
        if self._plain:
            for name in sorted(_tests_in(body)):
                self.writeline(
                    f"is_{name} = environment.tests.get({name!r}) is stock_tests[{name!r}]"
                )

    # -- Expressions

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        # A name that every dict has as an attribute never means the item.
        if not self._plain or hasattr(dict, node.attr) or not isinstance(node.node, _CHAINED):
            super().visit_Getattr(node, frame)
        else:
            self._write_lookup("getattr", node.node, repr(node.attr), frame)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        arg = node.arg
        if (
            not self._plain
            or not isinstance(arg, nodes.Const)
            or type(arg.value) is not str
            or not isinstance(node.node, _CHAINED)
        ):
            super().visit_Getitem(node, frame)
        else:
            self._write_lookup("getitem", node.node, repr(arg.value), frame)

    def _write_lookup(self, method: str, owner: nodes.Expr, key: str, frame: Frame) -> None:
        """Write ``owner.key``: an item of a plain dict, or else the environment's answer."""
        if isinstance(owner, nodes.Name):
            # A missing name is no dict, so only the slow branch has to ask for it.
            ref = frame.symbols.ref(owner.name)
            self.write(f"({ref}[{key}] if type({ref}) is plain and {key} in {ref}")
            self.write(f" else environment.{method}(")
            self.visit(owner, frame)
        else:
            self.write("(o[" + key + "] if type(o := ")
            self.visit(owner, frame)
            self.write(f") is plain and {key} in o else environment.{method}(o")
        self.write(f", {key}))")

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:
        operator = self._operator_of(node)
        if operator is None:
            super().visit_Test(node, frame)
            return
        before, after = operator.split("{}")
        self.write("(" + before)
        self.visit(node.node, frame)
        self.write(f"{after} if is_{node.name} else ")
        super().visit_Test(node, frame)
        self.write(")")

    def _operator_of(self, node: nodes.Test) -> str | None:
        """The operator that a test stands for, if it is cheap to write its operand twice."""
        if not self._plain or not isinstance(node.node, _LEAVES):
            return None
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            return None
        stock = stock_tests.get(node.name)
        if stock is None or self.environment.tests.get(node.name) is not stock:
            return None
        return _OPERATORS[node.name]

    # -- Counted loops

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        lowered = lower_for(node, self.temporary_identifier) if self._plain else None
        super().visit_For(node if lowered is None else lowered, frame)

    def visit_MarkSafe(self, node: nodes.MarkSafe, frame: Frame) -> None:
        counter = getattr(node, "counter", None)
        if counter is None:
            super().visit_MarkSafe(node, frame)
            return
        if not counter.sized:
            self.write("enumerate(")
            self.visit(node.expr, frame)
            self.write(", 1)")
            return
        size, loop = counter.size, counter.loop
        self.write(f"enumerate({loop}, 1) if ({size} := known_size({loop} := ")
        self.visit(node.expr, frame)
        self.write(f")) is not None else numbered({loop} := LoopContext({loop}, undefined))")

    # -- Output

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: t.Any) -> None:
        kind = self._output_kind(node, frame, finalize)
        # Kept, since visiting the node may fold it into a simpler one.
        self._output_kinds.append(kind)
        if kind == "stock":
            super()._output_child_pre(node, frame, finalize)
        elif kind == "any":
            self.write("(escape_text(v) if (k := type(v := ")
        elif kind == "number":
            self.write("str(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: t.Any) -> None:
        kind = self._output_kinds.pop()
        if kind == "stock":
            super()._output_child_post(node, frame, finalize)
        elif kind == "any":
            self.write(")) is str else str(v) if k is int or k is float")
            self.write(" else v if k is Markup else escape(v))")
        elif kind == "number":
            self.write(")")

    def _output_kind(self, node: nodes.Expr, frame: Frame, finalize: t.Any) -> str:
        """How a value is made ready: ``stock``, ``any`` value, ``number``, or ``safe`` as it is."""
        autoescape = frame.eval_ctx.autoescape and not frame.eval_ctx.volatile
        if not self._plain or not autoescape or finalize.src is not None:
            return "stock"
        if getattr(node, "is_number", False):
            return "number"
        if isinstance(node, nodes.CondExpr) and _is_safe(node.expr1) and _is_safe(node.expr2):
            return "safe"
        return "any"


def _is_safe(node: nodes.Node | None) -> bool:
    """Whether this is a constant text that escaping leaves as it is."""
    return (
        isinstance(node, nodes.Const)
        and type(node.value) is str
        and str(escape(node.value)) == node.value
    )


def _tests_in(body: t.Iterable[nodes.Node]) -> set[str]:
    """The names of the tests in a function's statements that have an operator."""
    return {test.name for node in body for test in node.find_all(nodes.Test)} & set(stock_tests)


#: The generator to use with the installed Jinja.
code_generator_class: type[StockCodeGenerator] = (
    FastCodeGenerator if supported() else StockCodeGenerator
)
