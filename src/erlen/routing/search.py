"""The full search through a table's nodes, with everything met on the way.

It tries the same transitions in the same order as Werkzeug's matcher: the
written part first, then the dynamic ones by weight, then a slash too many.
"""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Rule, WebsocketMismatch

if t.TYPE_CHECKING:
    from .nodes import Node

Hit = tuple[Rule, list[str]]


class NeedsSlash(Exception):
    """The path matches a rule only with a slash at its end."""


class Search:
    """One search for one request.

    Args:
        method: the HTTP method in upper case.
        websocket: whether the request is a websocket handshake.

    Attributes:
        allowed: methods of the rules that match the path, but not the method.
        mismatch: whether a rule matches all but the protocol.
    """

    __slots__ = ("allowed", "method", "mismatch", "websocket")

    def __init__(self, method: str, websocket: bool) -> None:
        self.method = method
        self.websocket = websocket
        self.allowed: set[str] = set()
        self.mismatch = False

    @property
    def clean(self) -> bool:
        """Whether nothing at all was found for the path."""
        return not (self.allowed or self.mismatch)

    def error(self) -> Exception:
        """Give the HTTP error for a search that found no rule."""
        if self.allowed:
            return MethodNotAllowed(valid_methods=list(self.allowed))
        if self.mismatch:
            return WebsocketMismatch()
        return NotFound()

    def run(self, node: Node, parts: list[str], index: int, values: list[str]) -> Hit | None:
        """Search from a node on.

        Args:
            node: where to begin.
            parts: the domain and the parts of the path between slashes.
            index: the first part that is not yet matched.
            values: what the converters so far have matched.

        Returns:
            The rule and all values, or None.

        Raises:
            NeedsSlash: see there.
        """
        if index == len(parts):
            return self._end(node, values)
        part = parts[index]
        following = node.static.get(part)
        if following is not None:
            hit = self.run(following, parts, index + 1, values)
            if hit is not None:
                return hit
        if node.steps:
            hit = self._dynamic(node, parts, index, values)
            if hit is not None:
                return hit
        if part == "" and index == len(parts) - 1:
            rule = self._accept([rule for rule in node.rules if not rule.strict_slashes])
            if rule is not None:
                return rule, values
        return None

    def _dynamic(self, node: Node, parts: list[str], index: int, values: list[str]) -> Hit | None:
        rest: str | None = None
        for step in node.steps:
            if step.final:
                if rest is None:
                    rest = "/".join(parts[index:])
                found = step.match(rest)
            else:
                found = step.match(parts[index])
            if found is None:
                continue
            groups, slash = found
            together = [*values, *groups]
            if slash:
                hit = self.run(step.node, [""], 0, together)
            elif step.final:
                hit = self._end(step.node, together)
            else:
                hit = self.run(step.node, parts, index + 1, together)
            if hit is not None:
                return hit
        return None

    def _end(self, node: Node, values: list[str]) -> Hit | None:
        rule = self._accept(node.rules)
        if rule is not None:
            return rule, values
        for rule in node.slashed:
            if rule.websocket == self.websocket and (
                rule.methods is None or self.method in rule.methods
            ):
                if rule.strict_slashes:
                    raise NeedsSlash
                return rule, values
        return None

    def _accept(self, rules: t.Iterable[Rule]) -> Rule | None:
        for rule in rules:
            if rule.methods is not None and self.method not in rule.methods:
                self.allowed.update(rule.methods)
            elif rule.websocket != self.websocket:
                self.mismatch = True
            else:
                return rule
        return None
