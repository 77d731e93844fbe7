"""Models on disk: a description, the hash of the weights, the weights."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

#: The kinds of models, each a module that is imported when it is needed.
KINDS = {"softmax": ".softmax", "network": ".network"}
DESCRIPTION = "model.json"


class BadModel(Exception):
    """What is saved is not what can be served; the text says why."""


class Saved(NamedTuple):
    """A model from disk.

    Attributes:
        model: Has ``predict``.
        about: Its description: name, version, hash, features, classes, accuracy.
    """

    model: Any
    about: dict[str, Any]


def module_of(kind: str) -> Any:
    """The module of a kind of model."""
    if kind not in KINDS:
        raise BadModel(f"there is no kind of model {kind!r}; there are {', '.join(KINDS)}")
    return import_module(KINDS[kind], __package__)


def save(folder: Path, model: Any, kind: str, about: dict[str, Any]) -> dict[str, Any]:
    """Save a model in the place of the one before; gives its whole description.

    The weights have a name of their own, and the description is replaced at once: a server
    that loads meanwhile finds one model or the other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    suffix = module_of(kind).SUFFIX
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        weights = Path(temporary) / f"weights{suffix}"
        model.save(weights)
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        name = f"weights-{digest[:16]}{suffix}"
        about = {**about, "kind": kind, "weights": name, "sha256": digest}
        os.replace(weights, folder / name)
        description = Path(temporary) / DESCRIPTION
        description.write_text(json.dumps(about, indent=2) + "\n")
        os.replace(description, folder / DESCRIPTION)
    return about


def load(folder: Path) -> Saved:
    """Load the model that was saved last.

    Raises:
        FileNotFoundError: None was.
        BadModel: It isn't what was saved, or nothing that this server knows.
    """
    text = (folder / DESCRIPTION).read_text()
    try:
        about = json.loads(text)
        kind, name, digest = about["kind"], about["weights"], about["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadModel(f"{folder / DESCRIPTION} is no description of a model: {error}") from None
    path = folder / Path(name).name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise BadModel(f"{path} is not the file whose hash is in {DESCRIPTION}: train again")
    return Saved(module_of(kind).load(path), about)
