"""The page with the filters, the figures and the plots."""

from __future__ import annotations

from typing import Any

from erlen import Blueprint, render_template

from .analysis import season, summary
from .datasets import SAMPLE, dataset
from .filters import STEPS, places_of, selection

bp = Blueprint("pages", __name__)


@bp.app_template_filter("change")
def change(share: float) -> str:
    """A relative change for people: 0.025 is "+2.5 %", with a minus that is one."""
    return f"{share:+.1%}".replace("-", "\u2212").replace("%", "\u00a0%")


@bp.get("/")
def index() -> Any:
    """What the query selects."""
    chosen = selection()
    frame = dataset(chosen.data)
    table = summary(chosen)
    return render_template(
        "index.html",
        chosen=chosen,
        own=chosen.data != SAMPLE,
        places=places_of(frame),
        first=frame["day"].min().date(),
        last=frame["day"].max().date(),
        steps=list(STEPS),
        table=table.reset_index().to_dict("records"),
        total=int(table["total"].sum()),
        mean=chosen.rows()["count"].mean(),
        days=(chosen.last - chosen.first).days + 1,
        season=season(chosen),
    )
