"""``erlen routes``: the rules of an application, and what is wrong with them."""

from __future__ import annotations

import typing as t

import click

from ..globals import current_app
from .info import with_appcontext

if t.TYPE_CHECKING:
    from werkzeug.routing import Map, Rule

SORTS = ("endpoint", "methods", "domain", "rule", "match")
AUTOMATIC_METHODS = frozenset(("HEAD", "OPTIONS"))


@click.command("routes", short_help="List the routes.")
@click.option(
    "--sort",
    "-s",
    type=click.Choice(SORTS),
    default="endpoint",
    help="The order; 'match' is the one in which requests are matched.",
)
@click.option("--all-methods", is_flag=True, help="List HEAD and OPTIONS too.")
@click.option(
    "--check",
    is_flag=True,
    help="List rules that are duplicate, shadowed or unreachable instead, and fail"
    " if there are any.",
)
@with_appcontext
def routes_command(sort: str, all_methods: bool, check: bool = False) -> None:
    """List the rules with their endpoints and methods."""
    if check:
        _check(current_app.url_map, current_app.rule_sources)
        return

    rules = list(current_app.url_map.iter_rules())

    if not rules:
        click.echo("No routes were registered.")
        return

    for line in _table(_columns(rules, sort, all_methods)):
        click.echo(line)


def _columns(rules: list[Rule], sort: str, all_methods: bool) -> dict[str, list[str]]:
    """The cells by heading, sorted."""
    hidden = frozenset() if all_methods else AUTOMATIC_METHODS
    by_host = current_app.url_map.host_matching
    domains = [(rule.host if by_host else rule.subdomain) or "" for rule in rules]
    columns = {
        "endpoint": [str(rule.endpoint) for rule in rules],
        "methods": [_methods(rule, hidden) for rule in rules],
    }

    if any(domains):
        columns["domain"] = domains

    columns["rule"] = [rule.rule for rule in rules]

    # A column that is not shown, and 'match', leave the rules as they are.
    if sort in columns:
        key = columns[sort]
        order = sorted(range(len(rules)), key=key.__getitem__)
        columns = {name: [cells[i] for i in order] for name, cells in columns.items()}

    headings = {"domain": "Host" if by_host else "Subdomain"}
    return {headings.get(name, name.title()): cells for name, cells in columns.items()}


def _methods(rule: Rule, hidden: frozenset[str]) -> str:
    if rule.websocket:
        return "websocket"
    return ", ".join(sorted((rule.methods or set()) - hidden))


def _table(columns: dict[str, list[str]]) -> t.Iterator[str]:
    widths = [max(map(len, [name, *cells])) for name, cells in columns.items()]
    rows = [tuple(columns), tuple("-" * width for width in widths)]

    for row in [*rows, *zip(*columns.values(), strict=True)]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _check(url_map: Map, sources: t.Mapping[int, str]) -> None:
    """Print the conflicts among the rules; end with code 1 if there are any."""
    from ..routing.check import find_conflicts

    conflicts = find_conflicts(url_map, sources)

    for conflict in conflicts:
        click.echo(str(conflict))

    if conflicts:
        raise click.exceptions.Exit(1)

    click.echo("No conflicts were found.")
