"""Decorators without parentheses, as Flask 3.2 allows them."""

from __future__ import annotations

import click

from erlen import Blueprint, Erlen

app = Erlen(__name__)
bp = Blueprint("parts", __name__)


@app.template_filter
def half(value: int) -> float:
    return value / 2


@app.template_test
def even(value: int) -> bool:
    return value % 2 == 0


@app.template_global
def answer() -> int:
    return 42


@bp.app_template_filter
def double(value: int) -> int:
    return value * 2


@bp.app_template_filter("triple")
def thrice(value: int) -> int:
    return value * 3


@app.cli.command
def greet() -> None:
    click.echo(half(3) + double(answer()) + thrice(1) if even(2) else "")


@app.cli.command("named")
def other() -> None:
    greet.main([])
