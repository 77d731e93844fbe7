"""Which ``for`` loops need no ``LoopContext``, and their nodes rewritten.

A loop that asks its ``loop`` variable for nothing but the position is counted
by ``enumerate``; one that asks for the length or the end as well, if what it
goes through turns out to be a list or a tuple.  Only the syntax tree changes
here (in a copy, since a tree may be compiled twice); the stock compiler then
sees a loop without ``loop``.
"""

from __future__ import annotations

import typing as t

from jinja2 import nodes

if t.TYPE_CHECKING:
    from collections.abc import Callable

#: What a counted loop can answer, as Python over the running number ``n`` from 1.
_COUNTED = {"index": "{n}", "index0": "({n} - 1)", "first": "({n} == 1)"}

#: What it can answer if it knows the ``size``; else the ``loop`` object does.
_SIZED = {
    "last": "{n} == {size}",
    "length": "{size}",
    "revindex": "{size} - {n} + 1",
    "revindex0": "{size} - {n}",
}

#: These may hand all local names, and so ``loop``, to other code.
_SHARING = (nodes.Include, nodes.Import, nodes.FromImport)
_DERIVING = (nodes.OverlayScope, nodes.DerivedContextReference)

#: These may change the list that the loop goes through.
_CALLING = (nodes.Call, nodes.CallBlock, *_SHARING)


class Counter(t.NamedTuple):
    """The names of a counted loop's variables."""

    number: str
    size: str
    loop: str
    sized: bool
    identifier: Callable[[], str]


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


def lower_for(node: nodes.For, identifier: Callable[[], str]) -> nodes.For | None:
    """Rewrite a loop whose ``loop`` variable is only asked for the position.

    Args:
        node: the loop; it is left as it is.
        identifier: makes a name that nothing else in the template uses.

    Returns:
        A new node whose iterable is a `MarkSafe` node with a `Counter` in
        ``counter``, or ``None`` if the loop has to stay.
    """
    if node.recursive or node.test is not None:
        return None
    if not any(_mentions_loop(child) for child in node.body):
        return None
    if not all(_is_counted(child, False) for child in node.body):
        return None
    sized = any(_asks_size(child) for child in node.body)
    if sized and any(_calls(child) for child in node.body):
        return None
    counter = Counter(identifier(), identifier(), identifier(), sized, identifier)
    body = [_count(child, counter) for child in node.body]
    if any(_mentions_loop(child) for child in body):
        # A nested loop keeps its ``loop``, for which the compiler would give us one too.
        return None
    # Any node with one expression would do: the names in it must be found.
    source = nodes.MarkSafe(node.iter, lineno=node.iter.lineno)
    source.counter = counter  # type: ignore[attr-defined]
    number = internal_name(counter.number, node.lineno)
    lowered = _copy(node)
    lowered.target = nodes.Tuple([number, node.target], "store", lineno=node.lineno)
    lowered.iter = source
    lowered.body = body
    return lowered


def _is_loop(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "loop"


def _mentions_loop(node: nodes.Node) -> bool:
    return _is_loop(node) or any(_mentions_loop(child) for child in node.iter_child_nodes())


def _asks_size(node: nodes.Node) -> bool:
    # A nested loop may be meant as well; then this one is merely counted for nothing.
    if isinstance(node, nodes.Getattr) and node.attr in _SIZED and _is_loop(node.node):
        return True
    return any(_asks_size(child) for child in node.iter_child_nodes())


def _calls(node: nodes.Node) -> bool:
    if isinstance(node, _CALLING) and not _is_cycle(node):
        return True
    return any(_calls(child) for child in node.iter_child_nodes())


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
    return (
        isinstance(node, nodes.Getattr)
        and (node.attr in _COUNTED or node.attr in _SIZED)
        and _is_loop(node.node)
    )


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


def _count(node: nodes.Node, counter: Counter) -> nodes.Node:
    """A copy of ``node`` that reads the running number instead of ``loop``."""
    if isinstance(node, (nodes.Block, nodes.Macro)):
        return node
    if _is_position(node):
        return _position(t.cast(nodes.Getattr, node), counter)
    if _is_cycle(node):
        return _cycle(t.cast(nodes.Call, node), counter)
    copy = _copy(node)
    # The body of a nested loop has a ``loop`` of its own.
    kept = ("body", "test") if isinstance(node, nodes.For) else ()
    for field in node.fields:
        if field not in kept:
            setattr(copy, field, _count_field(getattr(node, field, None), counter))
    if isinstance(copy, nodes.For):
        return lower_for(copy, counter.identifier) or copy
    return copy


def _count_field(value: t.Any, counter: Counter) -> t.Any:
    if isinstance(value, nodes.Node):
        return _count(value, counter)
    if isinstance(value, list):
        return [_count_field(item, counter) for item in value]
    return value


def _position(node: nodes.Getattr, counter: Counter) -> nodes.Node:
    text = _COUNTED.get(node.attr)
    if text is None:
        text = (
            f"({_SIZED[node.attr]} if {{size}} is not None"
            f" else environment.getattr({{loop}}, {node.attr!r}))"
        )
    names = {"n": counter.number, "size": counter.size, "loop": counter.loop}
    position = internal_name(text.format(**names), node.lineno)
    position.is_number = node.attr in _COUNTED  # type: ignore[attr-defined]
    return position


def _cycle(node: nodes.Call, counter: Counter) -> nodes.Node:
    choices = [t.cast(nodes.Expr, _count(arg, counter)) for arg in node.args]
    place = internal_name(f"({counter.number} - 1) % {len(choices)}", node.lineno)
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
