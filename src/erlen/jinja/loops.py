"""Which ``for`` loops need no ``LoopContext``, and their nodes rewritten.

A loop that asks its ``loop`` variable for nothing but the position is counted
by ``enumerate``.  Only the syntax tree changes here (in a copy, since a tree
may be compiled twice); the stock compiler then sees a loop without ``loop``.
"""

from __future__ import annotations

import typing as t

from jinja2 import nodes

#: What a counted loop can answer, as Python over the running number from 1.
_COUNTED = {"index": "{n}", "index0": "({n} - 1)", "first": "({n} == 1)"}

#: These may hand all local names, and so ``loop``, to other code.
_SHARING = (nodes.Include, nodes.Import, nodes.FromImport)
_DERIVING = (nodes.OverlayScope, nodes.DerivedContextReference)


def internal_name(name: str, lineno: int) -> nodes.InternalName:
    """Make the node that stands for a piece of Python of the compiler's own.

    Args:
        name: the Python text.
        lineno: the template's line that it belongs to.
    """
    # The class refuses to be called; the parser makes them in this way.
    node = object.__new__(nodes.InternalName)
    nodes.Node.__init__(node, name, lineno=lineno)
    return node


def lower_for(node: nodes.For, identifier: t.Callable[[], str]) -> nodes.For | None:
    """Rewrite a loop whose ``loop`` variable is only asked for the position.

    Args:
        node: the loop; it is left as it is.
        identifier: makes a name that nothing else in the template uses.

    Returns:
        A new node whose iterable is an `InternalName` with the original
        expression in ``counted``, or ``None`` if the loop has to stay.
    """
    if node.recursive or node.test is not None:
        return None
    if not any(_mentions_loop(child) for child in node.body):
        return None
    if not all(_is_counted(child, False) for child in node.body):
        return None
    name = identifier()
    number = internal_name(name, node.lineno)
    source = internal_name("enumerate", node.iter.lineno)
    source.counted = node.iter  # type: ignore[attr-defined]
    lowered = _copy(node)
    lowered.target = nodes.Tuple([number, node.target], "store", lineno=node.lineno)
    lowered.iter = source
    lowered.body = [_count(child, name) for child in node.body]
    return lowered


def _is_loop(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "loop"


def _mentions_loop(node: nodes.Node) -> bool:
    return _is_loop(node) or any(_mentions_loop(child) for child in node.iter_child_nodes())


def _is_counted(node: nodes.Node, inner: bool) -> bool:
    """Whether ``node`` can do without the loop variable of the loop around it.

    ``inner`` tells that ``loop`` means another, nested loop here.
    """
    if _is_loop(node):
        return inner
    if isinstance(node, nodes.Block):
        return not node.scoped
    if isinstance(node, _DERIVING):
        return False
    if isinstance(node, _SHARING) and node.with_context:
        return False
    if isinstance(node, (nodes.Macro, nodes.CallBlock)) and not inner and _mentions_loop(node):
        # The function may be called when the loop has moved on.
        return False
    if isinstance(node, nodes.For):
        return _is_counted_nested(node, inner)
    if not inner and (_is_position(node) or _is_cycle(node)):
        return all(_is_counted(arg, False) for arg in getattr(node, "args", ()))
    return all(_is_counted(child, inner) for child in node.iter_child_nodes())


def _is_counted_nested(node: nodes.For, inner: bool) -> bool:
    if node.test is not None and (_mentions_loop(node.test) or not _is_counted(node.test, inner)):
        return False
    outside = [node.target, node.iter, *node.else_]
    return all(_is_counted(child, inner) for child in outside) and all(
        _is_counted(child, True) for child in node.body
    )


def _is_position(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Getattr) and node.attr in _COUNTED and _is_loop(node.node)


def _is_cycle(node: nodes.Node) -> bool:
    """Whether this is ``loop.cycle(...)`` with plain positional arguments."""
    return (
        isinstance(node, nodes.Call)
        and bool(node.args)
        and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        and isinstance(node.node, nodes.Getattr)
        and node.node.attr == "cycle"
        and _is_loop(node.node.node)
    )


def _count(node: nodes.Node, name: str) -> nodes.Node:
    """A copy of ``node`` that reads the running number instead of ``loop``."""
    if isinstance(node, (nodes.Block, nodes.Macro)):
        return node
    if _is_position(node):
        text = _COUNTED[node.attr]  # type: ignore[attr-defined]
        return internal_name(text.format(n=name), node.lineno)
    if _is_cycle(node):
        return _cycle(t.cast(nodes.Call, node), name)
    copy = _copy(node)
    # The body of a nested loop has a ``loop`` of its own.
    kept = ("body", "test") if isinstance(node, nodes.For) else ()
    for field in node.fields:
        if field not in kept:
            setattr(copy, field, _count_field(getattr(node, field, None), name))
    return copy


def _count_field(value: t.Any, name: str) -> t.Any:
    if isinstance(value, nodes.Node):
        return _count(value, name)
    if isinstance(value, list):
        return [_count_field(item, name) for item in value]
    return value


def _cycle(node: nodes.Call, name: str) -> nodes.Node:
    choices = [t.cast(nodes.Expr, _count(arg, name)) for arg in node.args]
    place = internal_name(f"({name} - 1) % {len(choices)}", node.lineno)
    row = nodes.Tuple(choices, "load", lineno=node.lineno)
    picked = nodes.Getitem(row, place, "load", lineno=node.lineno)
    for made in (row, picked):
        made.environment = node.environment
    return picked


NodeT = t.TypeVar("NodeT", bound=nodes.Node)


def _copy(node: NodeT) -> NodeT:
    # Not copy.copy or deepcopy: a node knows its environment, which is shared.
    copy = object.__new__(type(node))
    copy.__dict__.update(node.__dict__)
    return copy
