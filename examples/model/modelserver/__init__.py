"""A model server: a trained model behind HTTP, whose requests are predicted in batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from erlen import Erlen

from . import api, problems, service, training


def create_app(test_config: Mapping[str, Any] | None = None) -> Erlen:
    """Make the application; ``test_config`` replaces the environment."""
    app = Erlen(__name__, instance_relative_config=True)
    app.config.from_mapping(
        # Where models are kept. Default: the instance folder.
        MODEL_FOLDER=None,
        # A first start has no model yet: train the small one, which takes a second.
        TRAIN_IF_MISSING=True,
        # Rows that are predicted in one call, and that may wait.
        MAX_BATCH=64,
        MAX_QUEUE=512,
        # Seconds that a request waits for others to share the call with, and in all.
        BATCH_WAIT=0.004,
        TIME_LIMIT=2.0,
        # Rows of one request, bytes of its body.
        MAX_ROWS=64,
        MAX_CONTENT_LENGTH=256 * 1024,
        # Readiness fails if a call takes longer than this.
        STUCK_AFTER=10.0,
    )
    if test_config is None:
        app.config.from_prefixed_env("MODEL")
    else:
        app.config.from_mapping(test_config)
    if not app.config["MODEL_FOLDER"]:
        app.config["MODEL_FOLDER"] = app.instance_path
    # Figures of the model are floats; whatever they are, clients get JSON.
    app.json.not_finite = "null"  # type: ignore[attr-defined]
    service.init_app(app)
    problems.init_app(app)
    app.register_blueprint(api.bp)
    app.cli.add_command(training.train_command)
    return app
