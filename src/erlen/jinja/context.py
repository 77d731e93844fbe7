"""A template context with values that are made when a template names them."""

from __future__ import annotations

import typing as t
from collections import ChainMap
from types import BuiltinFunctionType, FunctionType, MethodType

from jinja2 import Template as StockTemplate
from jinja2 import pass_context
from jinja2.runtime import Context as StockContext
from jinja2.utils import internalcode, missing

if t.TYPE_CHECKING:
    from collections.abc import Callable

#: The attribute by which `jinja2.pass_context` and its like mark a function.
_MARK = "jinja_pass_arg"
_MARK_KNOWN = hasattr(pass_context(lambda context: None), _MARK)

#: Calling these is calling them: no ``__call__`` of theirs can be marked.
_FUNCTIONS = frozenset({FunctionType, BuiltinFunctionType, MethodType} if _MARK_KNOWN else ())


class Deferred:
    """A context variable that is computed when a template first asks for it.

    Put it into the variables of a render whose environment uses `Context`.

    Args:
        compute: called without arguments, at most once for each render.
    """

    __slots__ = ("compute",)

    def __init__(self, compute: Callable[[], t.Any]) -> None:
        self.compute = compute


class Context(StockContext):
    """Jinja's context, which settles `Deferred` values before anybody sees them."""

    def resolve_or_missing(self, key: str) -> t.Any:
        """Look up a variable; ``missing`` if there is none.

        Args:
            key: the variable's name.
        """
        if key in self.vars:
            return self.vars[key]
        value = self.parent.get(key, missing)
        if type(value) is Deferred:
            # Whoever shares this mapping (an included template) shares the value.
            value = self.parent[key] = value.compute()
        return value

    @internalcode
    def call(self, obj: Callable[..., t.Any], /, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Call something from a template, as Jinja does.

        Args:
            obj: what to call; it gets the context or the environment as well
                if it is marked so.
            args: its positional arguments.
            kwargs: its keyword arguments, and the variables of loops and
                blocks, which only the context is told.
        """
        if type(obj) not in _FUNCTIONS or hasattr(obj, _MARK):
            return super().call(obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        try:
            return obj(*args, **kwargs)
        except StopIteration:
            return self.environment.undefined(
                "value was undefined because a callable raised a StopIteration exception"
            )

    def get_all(self) -> dict[str, t.Any]:
        """Return all variables, as Jinja does, with nothing deferred any more."""
        parent = self.parent
        for key, value in parent.items():
            if type(value) is Deferred:
                parent[key] = value.compute()
        return super().get_all()


class Template(StockTemplate):
    """Jinja's template with a cheaper start of a render."""

    def new_context(
        self,
        vars: dict[str, t.Any] | None = None,
        shared: bool = False,
        locals: t.Mapping[str, t.Any] | None = None,
    ) -> StockContext:
        """Make the context of a render.

        Copying two dictionaries costs a tenth of walking the chain of mappings
        that Jinja keeps globals in.

        Args:
            vars: the variables of the render.
            shared: whether ``vars`` has the globals already and is not copied.
            locals: local variables of the template that includes this one.
        """
        chain = self.globals
        if shared or locals or type(chain) is not ChainMap or len(chain.maps) != 2:
            return super().new_context(vars, shared, locals)
        own, common = chain.maps
        merged = {**common, **own}
        environment = self.environment
        return environment.context_class(
            environment, dict(merged, **(vars or {})), self.name, self.blocks, globals=merged
        )
