"""The names that compiled templates import from here.

A compiled template may outlive the process that wrote it (bytecode caches,
``Environment.compile_templates``), so names are only ever added to this
module; what changes its meaning gets a new name.
"""

from __future__ import annotations

import typing as t

import markupsafe
from jinja2 import Environment
from jinja2.runtime import LoopContext
from jinja2.tests import TESTS
from markupsafe import Markup, escape

__all__ = [
    "Markup",
    "escape",
    "escape_text",
    "known_size",
    "lookup_type",
    "numbered",
    "stock_tests",
]

PROBE = "<a href=\"b\" title='c'>&"


def _replace_text(value: str) -> str:
    """Escape by five replacements: still far cheaper than making a ``Markup``."""
    return (
        value.replace("&", "&amp;")
        .replace(">", "&gt;")
        .replace("<", "&lt;")
        .replace("'", "&#39;")
        .replace('"', "&#34;")
    )


def _find_escape_text() -> t.Callable[[str], str]:
    """MarkupSafe's own C routine, if this MarkupSafe has it and it does what we think."""
    inner = getattr(markupsafe, "_escape_inner", None)
    try:
        if inner is not None and inner(PROBE) == str(escape(PROBE)):
            return t.cast("t.Callable[[str], str]", inner)
    except Exception:  # whatever a future private function does with a string
        pass
    return _replace_text if _replace_text(PROBE) == str(escape(PROBE)) else escape


#: Escapes a value that is exactly a ``str``; the result may be a plain ``str``.
escape_text = _find_escape_text()

_all_tests: dict[str, t.Any] = dict(TESTS)

#: Jinja's own tests by name, which the generated code may replace by operators.
stock_tests: dict[str, t.Callable[..., t.Any]] = {
    name: _all_tests[name]
    for name in ("odd", "even", "none", "defined", "undefined")
    if name in _all_tests
}

_getattr = Environment.getattr
_getitem = Environment.getitem


class _Nothing:
    """The type of no value at all."""


def lookup_type(environment: Environment) -> type:
    """Tell which type's items generated code may read without asking the environment.

    Args:
        environment: the one that the template runs in.

    Returns:
        ``dict`` where ``{{ a.b }}`` and ``{{ a['b'] }}`` have Jinja's own
        meaning, else a type that no value has, so that every look-up goes
        through ``Environment.getattr`` and ``Environment.getitem``.
    """
    kind = type(environment)
    if (
        kind.getattr is _getattr
        and kind.getitem is _getitem
        and "getattr" not in environment.__dict__
        and "getitem" not in environment.__dict__
    ):
        return dict
    return _Nothing


def known_size(iterable: t.Any) -> int | None:
    """Tell how long an iterable is if finding out changes nothing.

    Args:
        iterable: what a loop goes through.

    Returns:
        The length of a list or tuple, ``None`` for anything else: asking a
        generator whether there is more makes it run.
    """
    kind = type(iterable)
    return len(iterable) if kind is list or kind is tuple else None


def numbered(loop: LoopContext) -> t.Iterator[tuple[int, t.Any]]:
    """Go through a loop with its running number.

    Args:
        loop: Jinja's loop object.

    Returns:
        Pairs of the number, from 1, and the item.
    """
    for item, _ in loop:
        yield loop.index, item
