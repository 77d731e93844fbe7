"""Multinomial logistic regression: NumPy predicts, SciPy fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

SUFFIX = ".npz"
PENALTY = 1e-3


class Softmax:
    """A trained regression.

    Args:
        weights: One row per feature and one for the constant, a column per class.
        mean: Of each feature in training.
        scale: Its standard deviation.
    """

    def __init__(self, weights: Any, mean: Any, scale: Any) -> None:
        self.weights, self.mean, self.scale = weights, mean, scale

    def predict(self, rows: Any) -> Any:
        """Probabilities of the classes: an array with a column for each."""
        return softmax(with_constant((rows - self.mean) / self.scale) @ self.weights, axis=1)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        with path.open("wb") as file:
            np.savez(file, weights=self.weights, mean=self.mean, scale=self.scale)


def with_constant(rows: Any) -> Any:
    """Rows with a column of ones behind."""
    return np.column_stack([rows, np.ones(len(rows))])


def train(rows: Any, kinds: Any, classes: int) -> Softmax:
    """Fit a regression.

    Args:
        rows: Measures.
        kinds: The class of each row, from 0 on.
        classes: How many there are.
    """
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    inputs = with_constant((rows - mean) / scale)
    targets = np.eye(classes)[kinds]

    def loss(flat: Any) -> tuple[float, Any]:
        weights = flat.reshape(inputs.shape[1], classes)
        scores = inputs @ weights
        value = -(targets * log_softmax(scores, axis=1)).sum() / len(rows)
        slope = inputs.T @ (softmax(scores, axis=1) - targets) / len(rows)
        return value + PENALTY * (weights**2).sum(), (slope + 2 * PENALTY * weights).ravel()

    start = np.zeros(inputs.shape[1] * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    if not found.success:
        raise RuntimeError(f"the fit did not converge: {found.message}")
    return Softmax(found.x.reshape(-1, classes), mean, scale)


def load(path: Path) -> Softmax:
    """Read a regression from a file; nothing in the file is executed."""
    with np.load(path, allow_pickle=False) as arrays:
        return Softmax(arrays["weights"], arrays["mean"], arrays["scale"])
