"""Fractals: pictures that take seconds to draw, drawn by a task queue."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

from erlen import Erlen, Response
from erlen.ops import Ops
from erlen.tasks import celery_app

from . import commands, pages


def create_app(test_config: Mapping[str, Any] | None = None) -> Erlen:
    """Make the application; ``test_config`` replaces the environment."""
    app = Erlen(__name__, instance_path=os.environ.get("FRACTALS_INSTANCE"))
    app.config.from_mapping(
        # Folders serve as a queue on one machine. Elsewhere: redis://... or amqp://...
        BROKER_URL="filesystem://",
        RESULTS_URL="",
        PICTURES_PER_VISITOR=12,
        REQUEST_ID_HEADER="X-Request-ID",
        SECRET_KEY="",
        SESSION_COOKIE_NAME="fractals_session",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    if test_config is None:
        app.config.from_prefixed_env("FRACTALS")
    else:
        app.config.from_mapping(test_config)
    # A key of the moment forgets everybody's pictures with a restart; set FRACTALS_SECRET_KEY.
    app.secret_key = app.secret_key or secrets.token_hex()
    Ops(app)
    celery_app(app, **queue_settings(app))
    app.after_request(harden)
    app.register_blueprint(pages.bp)
    app.cli.add_command(commands.up)
    return app


def queue_settings(app: Erlen) -> dict[str, Any]:
    """Celery's settings: where tasks wait, and where their results are kept."""
    settings: dict[str, Any] = {
        "broker_url": app.config["BROKER_URL"],
        "result_backend": app.config["RESULTS_URL"] or app.config["BROKER_URL"],
        "result_expires": 24 * 3600,
        "broker_connection_retry_on_startup": True,
        # One worker has one task: what waits is free for the others.
        "worker_prefetch_multiplier": 1,
    }
    folders = {name: os.path.join(app.instance_path, name) for name in ("queue", "results")}
    if app.config["BROKER_URL"].startswith("filesystem:"):
        os.makedirs(folders["queue"], exist_ok=True)
        settings["broker_transport_options"] = {
            "data_folder_in": folders["queue"],
            "data_folder_out": folders["queue"],
            "control_folder": os.path.join(app.instance_path, "control"),
            "polling_interval": 0.2,
        }
        settings["worker_enable_remote_control"] = False
    if settings["result_backend"].startswith("filesystem:"):
        os.makedirs(folders["results"], exist_ok=True)
        settings["result_backend"] = f"file://{folders['results']}"
    return settings


def harden(response: Response) -> Response:
    """Let pages load nothing from elsewhere, and nobody frame them."""
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response
