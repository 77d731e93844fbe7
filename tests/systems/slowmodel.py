"""The model server with a model that takes its time: ``SLOW_SECONDS`` for each call."""

from __future__ import annotations

import os
import time
import typing as t

from modelserver import create_app as create  # type: ignore[import-not-found]
from modelserver import store


def create_app() -> t.Any:
    """Make the application."""
    at_once = store.load

    def load(folder: t.Any) -> t.Any:
        saved = at_once(folder)
        predict = saved.model.predict

        def slowly(rows: t.Any) -> t.Any:
            time.sleep(float(os.environ["SLOW_SECONDS"]))
            return predict(rows)

        saved.model.predict = slowly
        return saved

    store.load = load
    return create()
