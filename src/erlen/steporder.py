"""One endpoint's plan: which steps there are, and in which order they come."""

from __future__ import annotations

import typing as t

from .state import get_current

if t.TYPE_CHECKING:
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import Rule


#: Methods of the application that are steps of a plan; an override takes the step.
SLOTS = (
    "full_dispatch_request preprocess_request dispatch_request make_response finalize_request"
    " process_response handle_exception handle_user_exception handle_http_exception"
    " trap_http_exception raise_routing_exception make_default_options_response"
    " do_teardown_request do_teardown_appcontext create_url_adapter request_context ensure_sync"
    " async_to_sync should_ignore_error"
).split()

Step = t.Callable[..., t.Any]


class Plan:
    """What one endpoint's requests do, in order. Frozen once made."""

    __slots__ = (
        "rule",
        "endpoint",
        "scopes",
        "processors",
        "before",
        "view",
        "recover",
        "light",
        "finalize",
        "respond",
        "after",
        "close",
        "teardown",
        "quick_request",
        "constants",
        "miss",
    )

    rule: Rule | None
    endpoint: str | None
    #: Names of the endpoint's blueprints, the innermost first.
    scopes: tuple[str, ...]
    processors: tuple[Step, ...]
    before: tuple[Step, ...]
    view: Step
    recover: Step
    #: Whether what the view returns may go out without a response object.
    light: bool
    finalize: Step | None
    respond: Step
    after: tuple[Step, ...]
    close: Step
    #: Whether anything runs when the request has ended.
    teardown: bool
    #: Whether the request object is one of ours for a rule, and needs no more than that.
    quick_request: bool
    constants: dict[str, t.Any] | None
    #: For a plan without a rule: makes the routing error.
    miss: t.Callable[[], HTTPException]


def scopes_of(endpoint: str | None) -> tuple[str, ...]:
    """The blueprint names that an endpoint belongs to, the innermost first.

    ``"a.b.index"`` gives ``("a.b", "a")``.
    """
    if endpoint is None or "." not in endpoint:
        return ()
    name = endpoint.rpartition(".")[0]
    names = [name]
    while "." in name:
        name = name.rpartition(".")[0]
        names.append(name)
    return tuple(names)


def overridden(app: t.Any) -> frozenset[str]:
    """Which of :data:`SLOTS` the application's class or the instance replaces."""
    cls, own, stock = type(app), vars(app), app._stock
    return frozenset(name for name in SLOTS if name in own or getattr(cls, name) is not stock[name])


def in_order(
    table: t.Any, names: t.Iterable[str | None], backwards: bool = False
) -> t.Iterator[Step]:
    """The functions declared under ``names``, scope by scope.

    Args:
        table: A hook table.
        names: Scope names, None for the application.
        backwards: Whether the last declared of a scope comes first.
    """
    for name in names:
        functions = table.get(name)
        if functions:
            yield from reversed(functions) if backwards else functions


def _of_nothing(processor: Step) -> Step:
    """A URL processor as it is called for a request that matched no rule."""
    return lambda endpoint, values: processor(None, None)


def _late(app: t.Any, rule: Rule | None, view: Step) -> Step:
    """A view that is what the request says when its turn comes.

    A before hook may assign ``request.view_args``, ``url_rule`` or
    ``routing_exception``; only plans with hooks look.
    """
    matched = rule is not None

    def call(**arguments: t.Any) -> t.Any:
        request = get_current()._request
        if request is not None:
            if request.url_rule is not rule or (request.routing_exception is None) is not matched:
                return app.dispatch_request()
            if request.view_args is not None:
                arguments = request.view_args
        return view(**arguments)

    return call
