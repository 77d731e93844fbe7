"""A dashboard: plots drawn by the server, plots that move, and data of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from erlen import Erlen, Response

from . import downloads, live, pages, plots, problems, uploads


def create_app(test_config: Mapping[str, Any] | None = None) -> Erlen:
    """Make the application; ``test_config`` replaces the environment."""
    app = Erlen(__name__, instance_relative_config=True)
    app.config.from_mapping(
        # Where uploads are kept, and how many. Default: the instance folder.
        UPLOAD_FOLDER=None,
        KEPT_UPLOADS=200,
        # Limits of one upload: its bytes (and a little for the form around it), its rows.
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        MAX_ROWS=50_000,
        # memory:// is one process; with redis://localhost:6379/0 there may be many.
        CHANNELS_URL="memory://",
        KEPT_READINGS=600,
        # Seconds between the readings of a pretended counter; 0 turns it off.
        DEMO_SECONDS=0.5,
        # What a real counter has to present; None lets nobody send readings.
        READINGS_TOKEN=None,
    )
    if test_config is None:
        app.config.from_prefixed_env("DASHBOARD")
    else:
        app.config.from_mapping(test_config)
    if not app.config["UPLOAD_FOLDER"]:
        app.config["UPLOAD_FOLDER"] = app.instance_path
    app.json.not_finite = "null"  # type: ignore[attr-defined]
    app.after_request(harden)
    problems.init_app(app)
    live.init_app(app)
    for part in (pages, plots, downloads, uploads, live):
        app.register_blueprint(part.bp)
    return app


def harden(response: Response) -> Response:
    """Let pages load nothing from elsewhere, and nobody frame them."""
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    # Addresses of uploaded data are known to their owners only.
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
