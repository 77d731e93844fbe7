"""What clients ask: predictions, and which model gives them."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import ServiceUnavailable

from erlen import Blueprint, current_app, request

from .checking import rows_of
from .service import service

bp = Blueprint("api", __name__)


@bp.get("/health")
async def health() -> Any:
    """The process lives, whether the model is loaded or not."""
    return {"status": "alive"}


@bp.get("/v1/model")
async def about() -> Any:
    """The model, and how well its calls are shared."""
    model = about_model()
    batcher = service().batcher
    assert batcher is not None
    return {
        "model": model,
        "batching": {
            "calls": batcher.calls,
            "rows": batcher.rows,
            "waiting": batcher.waiting,
            "busy_for": batcher.busy_for,
        },
    }


@bp.post("/v1/predict")
async def predict() -> Any:
    """The kinds of some seeds, with the probability of each kind."""
    model = about_model()
    rows = rows_of(request.get_json(), model["features"], current_app.config["MAX_ROWS"])
    results = await service().predict(rows)
    classes = model["classes"]
    return {
        "model": {key: model[key] for key in ("name", "version", "sha256")},
        "predictions": [
            {
                "label": classes[int(row.argmax())],
                "probabilities": dict(zip(classes, row, strict=True)),
            }
            for row in results
        ],
    }


def about_model() -> dict[str, Any]:
    """The description of the model.

    Raises:
        ServiceUnavailable: It isn't loaded yet.
    """
    found = service().about
    if found is None:
        raise ServiceUnavailable("the model is being loaded", retry_after=1)
    return found
