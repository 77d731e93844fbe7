"""Addresses of the plots: drawn once, kept, and sent again only if they changed."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from erlen import Blueprint, Response, request

from . import drawing
from .datasets import SAMPLE
from .filters import Selection, choice, selection

bp = Blueprint("plots", __name__, url_prefix="/plots")

TYPES = {"svg": "image/svg+xml", "png": "image/png"}
# Plots of other threads are drawn meanwhile; two that want the same one at once draw it twice.
draw = lru_cache(maxsize=64)(drawing.draw)


@bp.get("/<any(trend, season, week):name>.<any(svg, png):kind>")
def plot(name: str, kind: str) -> Any:
    """One plot of what the query selects."""
    chosen = selection()
    look = (choice("theme", "light", "dark"), choice("scale", "wide", "half", "narrow"))
    response = Response(mimetype=TYPES[kind])
    # Data sets never change under their name, so what is asked for says what comes:
    # a browser that has it is answered without drawing.
    response.set_etag(tag_of(name, chosen, *look, kind))
    response.cache_control.max_age = 300
    response.cache_control.public = chosen.data == SAMPLE or None
    response.cache_control.private = chosen.data != SAMPLE or None
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    if response.get_etag()[0] not in request.if_none_match:
        response.set_data(draw(name, chosen, *look, kind))
    return response.make_conditional(request)


def tag_of(name: str, chosen: Selection, *look: str) -> str:
    """An entity tag for a plot."""
    said = repr((drawing.VERSION, name, tuple(chosen), look))
    return hashlib.sha256(said.encode()).hexdigest()[:32]
