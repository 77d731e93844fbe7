"""What a request may ask for: each refusal says where and why."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge


def rows_of(body: Any, features: list[str], max_rows: int) -> Any:
    """The rows of a request as an array of doubles, one column per feature.

    Args:
        body: What the JSON of the request says.
        features: The model's.
        max_rows: How many there may be.

    Raises:
        BadRequest: They are no such rows.
        RequestEntityTooLarge: They are too many.
    """
    if not isinstance(body, dict):
        raise BadRequest('the body is an object with "inputs"')
    unknown = sorted(set(body) - {"inputs"})
    if unknown:
        raise BadRequest(f"unknown: {', '.join(map(repr, unknown[:5]))}; there is only 'inputs'")
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise BadRequest('"inputs" is a list of rows, one at least')
    if len(inputs) > max_rows:
        raise RequestEntityTooLarge(f"{len(inputs)} rows; {max_rows} are the most in one request")
    return np.array([row_of(row, features, f"inputs[{n}]") for n, row in enumerate(inputs)], float)


def row_of(row: Any, features: list[str], place: str) -> list[float]:
    """One row; ``place`` is its name in errors."""
    if not isinstance(row, list):
        raise BadRequest(f"{place} is not a list of numbers: {', '.join(features)}")
    if len(row) != len(features):
        expected = f"{len(features)}: {', '.join(features)}"
        raise BadRequest(f"{place} has {len(row)} numbers; the model takes {expected}")
    return [number_of(value, f"{place}[{n}] ({features[n]})") for n, value in enumerate(row)]


def number_of(value: Any, place: str) -> float:
    """One number that is finite; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadRequest(f"{place} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadRequest(f"{place} is not a finite number")
    return number
