"""Seeds of three kinds of grain, measured: the same ones each time."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = ["length_mm", "width_mm", "mass_mg", "roundness"]
CLASSES = ["barley", "oat", "rye"]

_MEANS = np.array([[8.6, 3.4, 42.0, 0.62], [11.2, 2.8, 33.0, 0.41], [7.4, 2.5, 29.0, 0.55]])
_SPREADS = np.array([[0.6, 0.25, 4.0, 0.04], [0.9, 0.25, 4.5, 0.05], [0.6, 0.2, 3.5, 0.05]])


def seeds(count: int, seed: int) -> tuple[Any, Any]:
    """Measures of that many seeds, and the kind of each as a number.

    Args:
        count: How many.
        seed: Of the random numbers; the same one gives the same seeds of grain.
    """
    random = np.random.default_rng(seed)
    kinds = random.integers(0, len(CLASSES), count)
    # Big seeds are longer, wider and heavier at once.
    size = random.normal(0, 0.5, (count, 1)) * np.array([1, 1, 1, 0])
    measures = _MEANS[kinds] + _SPREADS[kinds] * (random.normal(size=(count, 4)) + size)
    return measures, kinds
