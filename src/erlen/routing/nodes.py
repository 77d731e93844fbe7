"""The states of a compiled table, made from the states of Werkzeug's matcher.

Werkzeug has already parsed, merged and ordered the rules; its state machine is
read, not rebuilt, so the order in which rules are tried is its own.
"""

from __future__ import annotations

import typing as t

from werkzeug.routing import Map, Rule

from .segments import OTHER, PATH, Groups, kind_of, make_suffix_test, make_test
from .target import Target, has_own_converters

#: Methods that a rule without methods gets a target of its own for.
STANDARD_METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
)

#: Kinds of node, beside the kinds of part in ``segments``.
LEAF = 0
MIXED = 5

TargetFactory = t.Callable[[Rule, "str | None"], Target]


class Step:
    """One dynamic transition: a test of the next part, or of all that is left."""

    __slots__ = ("content", "final", "node", "suffixed", "test")

    def __init__(self, content: str, final: bool, suffixed: bool, node: Node) -> None:
        self.content = content
        self.final = final
        self.suffixed = suffixed
        self.node = node
        self.test: t.Callable[[str], t.Any] = self._first_test

    def _first_test(self, text: str) -> t.Any:
        # Compiled on first use: an application with many rules starts faster.
        make = make_suffix_test if self.suffixed else make_test
        self.test = test = make(self.content)
        return test(text)

    def match(self, text: str) -> tuple[Groups, bool] | None:
        """Give the values in *text* and whether an optional end slash was taken."""
        found = self.test(text)
        if found is None or self.suffixed:
            return t.cast("tuple[Groups, bool] | None", found)
        return found, False


class Node:
    """One state of the matcher.

    Attributes:
        static: the next part, as it is written, to the node it leads to.
        kind: LEAF without dynamic steps; with one the kind of its part; OTHER with
            several; but MIXED where one of them, not of kind PATH, takes all the
            parts that are left.
        only: the node after the first dynamic step.
        steps: the dynamic transitions in the order they are tried.
        depth: how many parts lead here.
        forked: whether the way here left something untried, so that the search
            may not end when it goes no further from here.
        rules: the rules that end here, in the order they are tried.
        slashed: the rules that end one slash further.
        targets: method to target, for the plain (not websocket) answers that
            need no redirect and no further thought.
        other: the target for methods not in ``targets``.
    """

    __slots__ = (
        "depth",
        "forked",
        "kind",
        "only",
        "other",
        "rules",
        "slashed",
        "static",
        "steps",
        "targets",
    )

    def __init__(self, depth: int, forked: bool = False) -> None:
        self.depth = depth
        self.forked = forked
        self.static: dict[str, Node] = {}
        self.kind = LEAF
        self.only: Node = self
        self.steps: tuple[Step, ...] = ()
        self.rules: t.Sequence[Rule] = ()
        self.slashed: t.Sequence[Rule] = ()
        self.targets: dict[str, Target] = {}
        self.other: Target | None = None


class Compiler:
    """Makes nodes and targets from a map; kept only while a table is compiled.

    Args:
        url_map: an updated Werkzeug map.
        make_target: makes the target of a rule and a method.
    """

    def __init__(self, url_map: Map, make_target: TargetFactory) -> None:
        self.url_map = url_map
        self.targets: dict[tuple[int, str | None], Target] = {}
        self._make_target = make_target
        self._simple: dict[int, bool] = {}

    def node(self, state: t.Any, depth: int = 0, forked: bool = False) -> Node:
        """Compile a state of Werkzeug's matcher and all that follow it."""
        # A rule that is not strict about slashes also answers with one too
        # many, after everything else.
        lenient = any(not rule.strict_slashes for rule in state.rules)
        node = Node(depth, forked or lenient)
        fork = node.forked or bool(state.dynamic)
        for part, following in state.static.items():
            node.static[part] = self.node(following, depth + 1, fork)
        last = len(state.dynamic) - 1
        steps = []
        for index, (part, following) in enumerate(state.dynamic):
            after = self.node(following, depth + 1, node.forked or index < last)
            steps.append(Step(part.content, part.final, part.suffixed, after))
        if steps:
            _set_steps(node, steps)
        node.rules = state.rules
        if "" in state.static:
            node.slashed = state.static[""].rules
        if node.rules or node.slashed:
            self._set_targets(node)
        return node

    def _set_targets(self, node: Node) -> None:
        methods: set[str] = set()
        for rule in (*node.rules, *node.slashed):
            methods.update(STANDARD_METHODS if rule.methods is None else rule.methods)
        for method in methods:
            target = self._answer(node, method)
            if target is not None:
                node.targets[method] = target
        node.other = self._answer(node, None)

    def _answer(self, node: Node, method: str | None) -> Target | None:
        rule = _first_rule(node.rules, method)
        if rule is None:
            rule = _first_rule(node.slashed, method)
            if rule is None or rule.strict_slashes:
                return None
        return self.target(rule, method) if self.is_simple(rule) else None

    def target(self, rule: Rule, method: str | None) -> Target:
        """Give the one target of a rule and a method."""
        if rule.methods is None and method not in STANDARD_METHODS:
            method = None
        key = (id(rule), method)
        target = self.targets.get(key)
        if target is None:
            target = self.targets[key] = self._make_target(rule, method)
        return target

    def is_simple(self, rule: Rule) -> bool:
        """Say whether a match of the rule is an answer, outside of any context.

        It is none where it may be a redirect, or where a converter of the application's
        own may ask for the current request.
        """
        simple = self._simple.get(id(rule))
        if simple is None:
            unsure = may_redirect(self.url_map, rule) or has_own_converters(rule)
            simple = self._simple[id(rule)] = not unsure
        return simple


def may_redirect(url_map: Map, rule: Rule) -> bool:
    """Say whether a match of the rule can lead to a redirect.

    Args:
        url_map: the updated map the rule is bound to.
        rule: a rule of the map.
    """
    if rule.redirect_to is not None:
        return True
    if not url_map.redirect_defaults:
        return False
    if rule.alias:
        return True
    for other in url_map._rules_by_endpoint.get(rule.endpoint, ()):
        if other is rule:
            return False
        if other.provides_defaults_for(rule):
            return True
    return False


def _set_steps(node: Node, steps: list[Step]) -> None:
    node.steps = tuple(steps)
    node.only = steps[0].node
    kind = kind_of(steps[0].content) if len(steps) == 1 else OTHER
    # Among the kinds only PATH takes all the parts that are left.
    plain = all(step.final == (kind == PATH) for step in steps)
    node.kind = kind if plain else MIXED


def _first_rule(rules: t.Sequence[Rule], method: str | None) -> Rule | None:
    for rule in rules:
        if not rule.websocket and (rule.methods is None or method in rule.methods):
            return rule
    return None
