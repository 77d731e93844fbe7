"""The data: bicycles per day at the bridges of a town, or what somebody uploaded."""

from __future__ import annotations

import os
import re
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from werkzeug.exceptions import NotFound

from erlen import current_app

SAMPLE = "bridges"
FIRST, LAST = "2023-01-01", "2025-12-31"
# Bicycles on a usual day, growth per year, how much less on Sundays, opening day.
_BRIDGES = {
    "Old Bridge": (3100, 0.01, 0.25, FIRST),
    "Mill Weir": (1250, 0.05, -0.20, FIRST),
    "Station Arch": (4200, 0.07, 0.45, FIRST),
    "Harbour Link": (1900, 0.12, 0.10, "2023-09-01"),
    "Ferry Steps": (620, -0.04, -0.55, FIRST),
}
_key = re.compile(r"[0-9a-f]{32}", re.ASCII).fullmatch


@lru_cache(maxsize=1)
def sample() -> Any:
    """The example: columns ``day``, ``place`` and ``count``; the same ones each time."""
    random = np.random.default_rng(2026)
    days = pd.date_range(FIRST, LAST)
    year = (days - days[0]).days.to_numpy() / 365.25
    season = 0.55 * np.cos(2 * np.pi * (year - 0.54))
    # Good and bad weather lasts for days, and is the same for all bridges.
    weather = np.zeros(len(days))
    for n in range(1, len(days)):
        weather[n] = 0.7 * weather[n - 1] + random.normal(0, 0.16)
    parts = []
    for place, (usual, growth, sunday, opening) in _BRIDGES.items():
        weekly = np.where(days.day_of_week >= 5, -sunday * (0.6 + 0.4 * (days.day_of_week == 6)), 0)
        log = np.log(usual) + growth * year + season + weather + weekly
        counts = random.poisson(np.exp(log + random.normal(0, 0.05, len(days))))
        part = pd.DataFrame({"day": days, "place": place, "count": counts})
        parts.append(part[part["day"] >= opening])
    return pd.concat(parts, ignore_index=True)


def dataset(key: str) -> Any:
    """The data of a name; nobody may change it, as all requests share it.

    Raises:
        NotFound: There is none.
    """
    if key == SAMPLE:
        return sample()
    path = path_of(key)
    if not path.is_file():
        raise NotFound("This data is no longer here. Uploads are kept for a while only.")
    return _uploaded(path)


def path_of(key: str) -> Path:
    """The file of an upload, whether it is there or not; an odd name is a 404."""
    if _key(key) is None:
        raise NotFound(f"There is no data of the name {key[:40]!r}.")
    return Path(current_app.config["UPLOAD_FOLDER"]) / "uploads" / f"{key}.csv"


@lru_cache(maxsize=16)
def _uploaded(path: Path) -> Any:
    # What is in such a file has been checked when it came, and never changes.
    return pd.read_csv(
        path, parse_dates=["day"], dtype={"place": str, "count": "int64"}, keep_default_na=False
    )


def keep(frame: Any) -> str:
    """Store what somebody uploaded; gives the name that only they are told."""
    key = secrets.token_hex(16)
    path = path_of(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Nobody reads half a file.
    unfinished = path.with_suffix(".part")
    frame.to_csv(unfinished, index=False, date_format="%Y-%m-%d")
    os.replace(unfinished, path)
    by_age = sorted(path.parent.glob("*.csv"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in by_age[current_app.config["KEPT_UPLOADS"] :]:
        old.unlink(missing_ok=True)
    return key
