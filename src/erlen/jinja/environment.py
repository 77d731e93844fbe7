"""Jinja's environment with the parts of this package put in."""

from __future__ import annotations

import typing as t

from jinja2 import Environment as StockEnvironment

from .bytecode import KeyedBytecodeCache
from .compiler import code_generator_class
from .context import Context, Template

if t.TYPE_CHECKING:
    from jinja2 import BytecodeCache


class FastEnvironment(StockEnvironment):
    """An environment whose templates render several times as fast, and as Jinja has it.

    A subclass may set any of the class attributes back to Jinja's own, or to
    others.
    """

    code_generator_class = code_generator_class
    context_class = Context
    template_class = Template

    _bytecode_cache: BytecodeCache | None = None

    @property
    def bytecode_cache(self) -> BytecodeCache | None:
        """The bytecode cache, seen through `KeyedBytecodeCache`; ``None`` if there is none."""
        return self._bytecode_cache

    @bytecode_cache.setter
    def bytecode_cache(self, cache: BytecodeCache | None) -> None:
        if cache is not None and not isinstance(cache, KeyedBytecodeCache):
            cache = KeyedBytecodeCache(cache)
        self._bytecode_cache = cache
