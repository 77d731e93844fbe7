"""``train``: make a model, measure it, save it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from erlen import current_app
from erlen.cli import with_appcontext

from . import store
from .data import CLASSES, FEATURES, seeds

#: What a kind of model needs beside NumPy.
PACKAGES = {"softmax": "scipy", "network": "tensorflow-cpu"}


def train(folder: Path, kind: str = "softmax", version: str = "1") -> dict[str, Any]:
    """Train a model and save it; gives its description.

    Args:
        folder: Where.
        kind: One of ``store.KINDS``.
        version: What to call it.
    """
    module = store.module_of(kind)
    model = module.train(*seeds(1500, seed=1), len(CLASSES))
    rows, kinds = seeds(1000, seed=2)
    accuracy = float((model.predict(rows).argmax(axis=1) == kinds).mean())
    about = {"name": "grain", "version": version, "features": FEATURES, "classes": CLASSES}
    return store.save(folder, model, kind, {**about, "accuracy": accuracy})


@click.command("train")
@click.option("--kind", type=click.Choice(sorted(store.KINDS)), default="softmax")
@click.option("--version", default="1", help="What to call it.")
@with_appcontext
def train_command(kind: str, version: str) -> None:
    """Train a model on the seeds, and save it."""
    try:
        about = train(Path(current_app.config["MODEL_FOLDER"]), kind, version)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{kind} needs {error.name}, which is not installed: pip install {PACKAGES[kind]}"
        ) from None
    click.echo(
        f"{about['name']} {version}: {about['accuracy']:.1%} right, sha256 {about['sha256']}"
    )
