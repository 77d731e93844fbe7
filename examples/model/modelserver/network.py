"""A small neural network with Keras; needs ``pip install tensorflow-cpu``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Its greeting and the notice of each processor feature.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

SUFFIX = ".keras"


class Network:
    """A trained network.

    Args:
        model: Keras's.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        # One graph for any number of rows: eager calls cost ten times as much.
        spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
        self._graph = tf.function(lambda x: model(x, training=False), input_signature=[spec])
        # The first call is slow: it should be no client's.
        self.predict(np.zeros((1, model.input_shape[1])))

    def predict(self, rows: Any) -> Any:
        """Probabilities of the classes: an array with a column for each."""
        return self._graph(tf.constant(rows, tf.float32)).numpy()

    def save(self, path: Path) -> None:
        """Write it to a file."""
        self.model.save(path)


def train(rows: Any, kinds: Any, classes: int) -> Network:
    """Train a network.

    Args:
        rows: Measures.
        kinds: The class of each row, from 0 on.
        classes: How many there are.
    """
    keras.utils.set_random_seed(7)
    scaling = keras.layers.Normalization()
    scaling.adapt(rows.astype("float32"))
    model = keras.Sequential(
        [
            keras.Input((rows.shape[1],)),
            scaling,
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(rows.astype("float32"), kinds, epochs=12, batch_size=64, verbose=0)
    return Network(model)


def load(path: Path) -> Network:
    """Read a network from a file; code in the file is refused."""
    return Network(keras.saving.load_model(path, compile=False, safe_mode=True))
