"""``erlen compat``: what a project uses that needs attention before it runs on Erlen."""

from __future__ import annotations

import typing as t

import click

if t.TYPE_CHECKING:
    from .finding import Finding


@click.command("compat", short_help="Find what a project uses that Erlen has not.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    help="How the findings are printed.",
)
def compat_command(paths: tuple[str, ...], form: str) -> None:
    """Read files and folders, and list what needs attention on Erlen.

    Nothing of the project is imported or run. Python files are read for names of Flask and
    Werkzeug that are not there, or are there in another way; requirements and pyproject.toml
    for extensions that cannot work. The exit status is 0 if there is nothing, 1 if there is
    something, 2 if the command was used wrongly.
    """
    from .report import as_json, as_text

    findings, count = examine(paths)
    click.echo(as_json(findings, count) if form == "json" else as_text(findings, count))
    if findings:
        raise click.exceptions.Exit(1)


def examine(paths: t.Iterable[str]) -> tuple[list[Finding], int]:
    """Read a project.

    Args:
        paths: Its files and folders.

    Returns:
        What needs attention, by file and line, and how many files were read.
    """
    from .checks import check
    from .dependencies import check_requirements
    from .sources import read_all

    findings: list[Finding] = []
    count = 0
    for source in read_all(paths):
        count += 1
        if source.trouble is not None:
            findings.append(source.trouble)
        elif source.tree is not None:
            findings += check(source.path, source.tree, source.text)
        else:
            findings += check_requirements(source.path, source.text)
    return findings, count
