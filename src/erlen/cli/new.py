"""``erlen new``: a project that runs at once."""

from __future__ import annotations

import typing as t

import click


@click.command("new", short_help="Make a project.")
@click.argument("name")
@click.option(
    "--in",
    "where",
    type=click.Path(exists=True, file_okay=False),
    default=".",
    help="The folder it goes into. Default: the current one.",
)
@click.option(
    "--database",
    type=click.Choice(["none", "sqlite", "postgresql"]),
    default="none",
    show_default=True,
    help="With models and migrations.",
)
@click.option(
    "--sessions",
    type=click.Choice(["cookie", "redis"]),
    default="cookie",
    show_default=True,
    help="Where sessions are kept.",
)
@click.option("--login", is_flag=True, help="With users who log in; needs a database.")
@click.option("--tasks", is_flag=True, help="With background tasks, by Celery on Redis.")
@click.option("--pages/--api", "pages", default=True, help="Pages, or JSON. Default: pages.")
def new_command(name: str, where: str, pages: bool, **choices: t.Any) -> None:
    """Make a project NAME, in a folder of that name.

    It has a factory, settings for each environment, a blueprint, tests, health
    and readiness, request ids and structured logs, and runs at once. Nothing
    that is there is overwritten.
    """
    from pathlib import Path

    from ..scaffolding import Choices, ScaffoldError, check_name, project_files, write_new

    folder = Path(where) / name
    try:
        chosen = Choices(kind="pages" if pages else "api", **choices).check()
        texts = project_files(check_name(name), chosen)
        write_new(folder, texts)
    except ScaffoldError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{folder}: {len(texts)} files. Next:\n")
    for line in _next_steps(folder, chosen):
        click.echo(f"    {line}")
    click.echo("\nWhat is where: README.md. Files for production: erlen deploy")


def _next_steps(folder: t.Any, choices: t.Any) -> t.Iterator[str]:
    yield f"cd {folder}"
    if (choices.database, choices.sessions, choices.login, choices.tasks) != (
        "none",
        "cookie",
        False,
        False,
    ):
        yield "pip install -r requirements.txt"
    if choices.database == "postgresql":
        yield f"createdb {folder.name.replace('-', '_').lower()}"
    if choices.database != "none":
        yield "erlen db upgrade"
    if choices.login:
        yield "erlen add-user YOUR-NAME"
    yield "erlen --debug run"
