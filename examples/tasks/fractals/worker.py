"""What workers run: ``celery -A fractals.worker worker``."""

from __future__ import annotations

from . import create_app

# Nothing here is named `app`: the command would take it for the Celery application.
celery = create_app().extensions["celery"]
