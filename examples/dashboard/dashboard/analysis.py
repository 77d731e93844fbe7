"""What is computed: pandas sums up, SciPy fits the year's curve with its confidence band."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from .filters import STEPS, Selection

YEAR = 365.25
#: Below half a year, summer and growth can't be told apart.
FEWEST_WEEKS = 26


def per_step(selection: Selection) -> Any:
    """Mean count per day: a row per step of time, a column per place.

    Means, not sums: the first and the last week are rarely whole.
    """
    step = pd.Grouper(key="day", freq=STEPS[selection.step], closed="left", label="left")
    means = selection.rows().groupby([step, "place"], observed=True)["count"].mean()
    found = means.unstack("place").reindex(columns=list(selection.places))
    # The first week begins before the first day.
    found.index = found.index.where(found.index >= str(selection.first), str(selection.first))
    return found


def per_weekday(selection: Selection) -> Any:
    """Mean count: a row per place, a column per day of the week, Monday is 0."""
    rows = selection.rows()
    table = rows.pivot_table("count", "place", rows["day"].dt.day_of_week, aggfunc="mean")
    return table.reindex(index=list(selection.places), columns=range(7))


def summary(selection: Selection) -> Any:
    """A row per place: total, mean, best day and the change against the year before."""
    rows = selection.rows()
    groups = rows.groupby("place")["count"]
    best = rows.loc[groups.idxmax()].set_index("place")
    last = rows["day"].max()
    recent = rows[rows["day"] > last - pd.Timedelta(days=365)]
    before = rows[rows["day"].between(last - pd.Timedelta(days=729), last - pd.Timedelta(days=365))]
    # Only where both years are (almost) whole.
    means = [
        part.groupby("place")["count"].mean().where(part.groupby("place").size() > 350)
        for part in (recent, before)
    ]
    table = pd.DataFrame(
        {
            "total": groups.sum(),
            "mean": groups.mean(),
            "best": best["count"],
            "best_day": best["day"],
            "change": means[0] / means[1] - 1,
        }
    )
    return table.reindex(list(selection.places)).rename_axis("place").dropna(subset=["total"])


class Season(NamedTuple):
    """The curve of the year, fitted to the means of the weeks.

    Attributes:
        weeks: The middle days of the weeks.
        means: Count per day in each week.
        fit: The curve there.
        low: The lower end of the 95 % confidence band of the curve.
        high: Its upper end.
        growth: Relative change per year, with the ends of its 95 % confidence interval.
        peak: Month and day of the highest point of the curve, like "16 July".
    """

    weeks: Any
    means: Any
    fit: Any
    low: Any
    high: Any
    growth: tuple[float, float, float]
    peak: str


def curve(years: Any, level: float, growth: float, cosine: float, sine: float) -> Any:
    """Counts after some years: a steady growth times a wave of one year."""
    wave = cosine * np.cos(2 * np.pi * years) + sine * np.sin(2 * np.pi * years)
    return np.exp(level + growth * years + wave)


def season(selection: Selection) -> Season | None:
    """Fit the curve of the year; None if there is too little for it.

    Least squares of the logarithm of the curve (`scipy.optimize.curve_fit`); the band is by the
    delta method: the variance of the curve at a point is J C J', with C the covariance of the
    parameters and J the curve's slope in each of them.
    """
    daily = selection.rows().groupby("day")["count"].sum()
    # Places that open later are no growth: mean per place that was counted.
    daily = daily / selection.rows().groupby("day")["place"].nunique()
    weeks = daily.resample("W-MON", closed="left", label="left").agg(["mean", "count"])
    weeks = weeks[(weeks["count"] >= 4) & (weeks["mean"] > 0)]
    if len(weeks) < FEWEST_WEEKS:
        return None
    middles = weeks.index + pd.Timedelta(days=3)
    begin = pd.Timestamp(year=middles[0].year, month=1, day=1)
    years = (middles - begin).days.to_numpy() / YEAR
    means = weeks["mean"].to_numpy()
    start = (np.log(means).mean(), 0.0, 0.0, 0.0)

    def log_curve(t: Any, *parameters: float) -> Any:
        return np.log(curve(t, *parameters))

    found, covariance = optimize.curve_fit(log_curve, years, np.log(means), start)
    slopes = np.column_stack(
        [np.ones_like(years), years, np.cos(2 * np.pi * years), np.sin(2 * np.pi * years)]
    )
    error = np.sqrt(np.einsum("ij,jk,ik->i", slopes, covariance, slopes))
    quantile = stats.t.ppf(0.975, len(years) - len(found))
    log_fit = log_curve(years, *found)
    spread = quantile * np.sqrt(covariance[1, 1])
    low, middle, high = np.expm1([found[1] - spread, found[1], found[1] + spread])
    peak = begin + pd.Timedelta(days=float(np.arctan2(found[3], found[2]) / (2 * np.pi) % 1 * YEAR))
    return Season(
        middles,
        means,
        np.exp(log_fit),
        np.exp(log_fit - quantile * error),
        np.exp(log_fit + quantile * error),
        (float(middle), float(low), float(high)),
        f"{peak.day} {peak.month_name()}",
    )
