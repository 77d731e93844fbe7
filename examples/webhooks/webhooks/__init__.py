"""Webhooks: takes in what Stripe and Twilio report, each report once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from werkzeug.exceptions import HTTPException

from erlen import Erlen

from . import payments, samples, texts
from .store import Replayed, Store


def create_app(test_config: Mapping[str, Any] | None = None) -> Erlen:
    """Make the application; ``test_config`` replaces the environment.

    Raises:
        RuntimeError: A secret is missing.
    """
    app = Erlen(__name__, instance_relative_config=True)
    app.config.from_mapping(
        DATABASE=str(Path(app.instance_path) / "webhooks.sqlite"),
        MAX_CONTENT_LENGTH=256 * 1024,
        STRIPE_SECRET=None,
        STRIPE_TOLERANCE=300,
        TWILIO_TOKEN=None,
    )
    if test_config is None:
        app.config.from_prefixed_env("WEBHOOKS")
    else:
        app.config.from_mapping(test_config)
    for name in ("STRIPE_SECRET", "TWILIO_TOKEN"):
        if not app.config[name]:
            raise RuntimeError(f"{name} is missing: set WEBHOOKS_{name} in the environment.")
        # All digits would have been read as a number.
        app.config[name] = str(app.config[name])
    app.extensions["store"] = Store(Path(app.config["DATABASE"]))
    app.register_blueprint(payments.bp)
    app.register_blueprint(texts.bp)
    samples.add_command(app)

    @app.errorhandler(Replayed)
    def replayed(error: Replayed) -> Any:
        return {"error": "This very message has been received before."}, 409

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Any:
        response = error.get_response()
        body = app.json.response({"error": error.description})
        body.status_code = error.code or 500
        body.headers.extend(
            (name, value)
            for name, value in response.headers
            if name not in ("Content-Type", "Content-Length")
        )
        return body

    @app.get("/")
    def index() -> dict[str, int]:
        """How much was received."""
        store: Store = app.extensions["store"]
        return store.count()

    app.add_readiness("/ready", app.extensions["store"].count)
    return app
