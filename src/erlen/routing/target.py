"""What a matched rule leads to, and how its arguments are made."""

from __future__ import annotations

import functools
import typing as t

from werkzeug.routing import BaseConverter, IntegerConverter, Rule
from werkzeug.routing.converters import NumberConverter

Values = t.Sequence[str]
Fill = t.Callable[[Values], dict[str, t.Any]]


class Target:
    """One rule under one method: what the plan layer keeps a plan for.

    Attributes:
        rule: the Werkzeug rule.
        endpoint: the rule's endpoint.
        method: the HTTP method; None stands for all that are not listed, which
            only a rule without methods has.
        args: the constant arguments (the rule's defaults), or None.
        fill: makes the arguments from the values found in the path.
    """

    __slots__ = ("args", "endpoint", "fill", "method", "rule")

    def __init__(self, rule: Rule, method: str | None) -> None:
        self.rule = rule
        self.endpoint: t.Any = rule.endpoint
        self.method = method
        self.args: dict[str, t.Any] | None = dict(rule.defaults) if rule.defaults else None
        self.fill: Fill = self._first_fill

    def _first_fill(self, values: Values) -> dict[str, t.Any]:
        self.fill = fill = make_fill(self.rule)
        return fill(values)

    def __repr__(self) -> str:
        return f"<Target {self.method} {self.rule.rule!r} -> {self.endpoint!r}>"


def make_fill(rule: Rule) -> Fill:
    """Make the function that turns a rule's raw values into its arguments.

    Args:
        rule: a bound rule.

    Returns:
        A function from the values, in the order of the rule, to a new dict.
        It raises ValueError (``ValidationError``) where a converter refuses.
    """
    converters = [(str(name), converter) for name, converter in rule._converters.items()]
    kinds = "".join(_kind(converter) for _, converter in converters)
    return _fill_factory(kinds, bool(rule.defaults))(
        [name for name, _ in converters],
        [converter.to_python for _, converter in converters],
        rule.defaults,
    )


def _kind(converter: BaseConverter) -> str:
    """Give "s" for a converter that keeps the text, "i" for a plain int, else "c"."""
    # An attribute on the instance or an overridden method takes the long way.
    if "to_python" in getattr(converter, "__dict__", ()):
        return "c"
    method = type(converter).to_python
    if method is BaseConverter.to_python:
        return "s"
    if method is IntegerConverter.to_python and _is_plain_int(converter):
        return "i"
    return "c"


def has_own_converters(rule: Rule) -> bool:
    """Whether a value of the rule is converted by code that isn't Werkzeug's.

    Args:
        rule: a bound rule.
    """
    return not all(_is_werkzeugs(converter) for converter in rule._converters.values())


def _is_werkzeugs(converter: t.Any) -> bool:
    if "to_python" in getattr(converter, "__dict__", ()):
        return False
    module = getattr(type(converter).to_python, "__module__", None)
    return module == BaseConverter.__module__ and (
        not isinstance(converter, NumberConverter) or converter.num_convert in (int, float)
    )


def _is_plain_int(converter: t.Any) -> bool:
    return (
        type(converter) is IntegerConverter
        and converter.num_convert is int
        and not converter.fixed_digits
        and converter.min is None
        and converter.max is None
    )


_FORMS = {"s": "n{0}: v[{0}]", "i": "n{0}: int(v[{0}])", "c": "n{0}: c{0}(v[{0}])"}


@functools.cache
def _fill_factory(kinds: str, has_defaults: bool) -> t.Callable[..., Fill]:
    """Compile the maker of argument makers for one sequence of converter kinds.

    Generated because a dict display with the conversions inside takes half the
    time of a loop. Only numbers are put into the source, and the shapes that an
    application uses are few, so the cache is small.
    """
    items = [_FORMS[kind].format(index) for index, kind in enumerate(kinds)]
    if has_defaults:
        items.append("**defaults")
    lines = ["def factory(names, converters, defaults):"]
    for index, kind in enumerate(kinds):
        lines.append(f"    n{index} = names[{index}]")
        if kind == "c":
            lines.append(f"    c{index} = converters[{index}]")
    lines.append(f"    return lambda v: {{{', '.join(items)}}}")
    namespace: dict[str, t.Any] = {}
    exec("\n".join(lines), namespace)
    return t.cast("t.Callable[..., Fill]", namespace["factory"])
