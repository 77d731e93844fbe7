"""``erlen deploy``: files that bring a project into production."""

from __future__ import annotations

import typing as t

import click

from .info import ScriptInfo, pass_script_info

if t.TYPE_CHECKING:
    from ..scaffolding import Target

KINDS = "docker compose kubernetes gitlab github jenkins snyk nginx".split()

#: What became of a file, in words.
_SAID = {
    "written": "written",
    "replaced": "replaced",
    "same": "is there already",
    "kept": "left as it is; --force replaces it",
}


@click.command("deploy", short_help="Write files for containers, clusters and pipelines.")
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS), metavar="[KIND]...")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--name", help="Of the project. Default: in pyproject.toml, or the folder's.")
@click.option("--image", default="", help="The image, with its tag.")
@click.option("--host", default="example.org", show_default=True, help="Name of the site.")
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    default=8000,
    show_default=True,
    help="Where the container listens.",
)
@pass_script_info
def deploy_command(
    info: ScriptInfo,
    /,
    kinds: tuple[str, ...],
    force: bool,
    **options: t.Any,
) -> None:
    """Write the files that bring the application into production.

    Run it in the project's folder. KIND is any of docker, compose, kubernetes,
    gitlab, github, jenkins, snyk and nginx; without one all are written. A
    file that is there stays as it is, unless --force is given.
    """
    from pathlib import Path

    from ..scaffolding import ScaffoldError, deployment_files, write_over

    folder = Path()
    try:
        target = _target(info, folder, options)
        texts = deployment_files(target, folder, kinds)
        done = write_over(folder, texts, force)
    except ScaffoldError as error:
        raise click.ClickException(str(error)) from None
    _report(done)
    _warn(info.load_app(), target)


def _target(info: ScriptInfo, folder: t.Any, options: dict[str, t.Any]) -> Target:
    from ..scaffolding import Choices, Target, check_name
    from ..scaffolding.choices import read_choices
    from ..scaffolding.deployment import project_name
    from ..server.needs import wants_asgi

    app = info.load_app()
    name = options.pop("name") or project_name(folder)
    image = options["image"]
    if image and ":" not in image.rpartition("/")[2]:
        options["image"] = f"{image}:latest"
    paths: dict[str, t.Any] = {
        "health": app.config.get("HEALTH_PATH") or "/health",
        "readiness": app.config.get("READINESS_PATH") or _readiness_rule(app) or "/ready",
    }
    return Target(
        check_name(name),
        read_choices(folder) or Choices(),
        served_name(info.app_import_path, app),
        wants_asgi(app) is not None,
        **paths,
        **options,
    )


def served_name(path: str | None, app: t.Any) -> str:
    """How Gunicorn finds an application, as ``module:name`` or ``module:factory()``.

    Args:
        path: As ``--app`` has it; None where ``wsgi.py`` or ``app.py`` was found.
        app: The application, which has been loaded.
    """
    import sys

    from .info import DEFAULT_PATHS

    if path is None:
        names = [name.removesuffix(".py") for name in DEFAULT_PATHS]
        path = next((name for name in names if name in sys.modules), names[0])
    module_name, _, name = path.partition(":")
    module_name = module_name.strip().removesuffix(".py").replace("/", ".")
    if name:
        value = getattr(sys.modules.get(module_name), name, None)
        # An application can be called, too, but Gunicorn must not.
        factory = value is not app and callable(value)
        return f"{module_name}:{name}{'()' if factory else ''}"
    module = sys.modules.get(module_name)
    found = [key for key, value in vars(module).items() if value is app] if module else []
    for name in ("app", "application", *found):
        if name in found:
            return f"{module_name}:{name}"
    for name in ("create_app", "make_app"):
        if callable(getattr(module, name, None)):
            return f"{module_name}:{name}()"
    return f"{module_name}:app"


def _readiness_rule(app: t.Any) -> str | None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "readiness":
            return str(rule.rule)
    return None


def _report(done: dict[str, str]) -> None:
    from ..scaffolding.deployment import EDITS

    width = max(map(len, done))
    for name, what in done.items():
        click.echo(f"{name:{width}}  {_SAID[what]}")
    edits = {name: EDITS[name] for name, what in done.items() if name in EDITS and what != "kept"}
    if edits:
        click.echo("\nTo edit before they are used:")
        for name, what in edits.items():
            click.echo(f"{name:{width}}  {what}")


def _warn(app: t.Any, target: Target) -> None:
    """Say which paths the probes ask for and the application lacks."""
    rules = {str(rule.rule) for rule in app.url_map.iter_rules()}
    rules |= {app.config.get(key) for key in ("HEALTH_PATH", "READINESS_PATH")}
    missing = [path for path in (target.health, target.readiness) if path not in rules]
    if missing:
        click.secho(
            f"\nThe application has no {' and no '.join(missing)}, which the probes ask for. Set"
            " HEALTH_PATH and READINESS_PATH, and call erlen.ops.Ops(app).",
            fg="yellow",
            err=True,
        )
    if target.choices.database == "sqlite":
        click.secho(
            "\nSQLite is a file on one machine. For several, as a cluster has, use PostgreSQL.",
            fg="yellow",
            err=True,
        )
