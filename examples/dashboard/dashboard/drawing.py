"""Plots with Matplotlib: one `Figure` per plot and no pyplot, which is one for all threads."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .analysis import per_step, per_weekday, season
from .filters import Selection

# Set once: settings are shared by all threads. Text stays text, and the same plot is the same
# bytes each time.
mpl.rcParams["svg.fonttype"] = "none"
mpl.rcParams["svg.hashsalt"] = "dashboard"

#: Raise it when plots look different: browsers then fetch them again.
VERSION = "1"
THEMES: dict[str, dict[str, Any]] = {
    "light": {
        "ink": "#22302c",
        "faint": "#5d6b66",
        "grid": "#e2e8e4",
        "sheet": "#ffffff",
        "lines": ["#0f7a63", "#c2571a", "#3f63b5", "#a23a74", "#7a6a12", "#4d5a57"],
        "heat": LinearSegmentedColormap.from_list("light", ["#eaf4f0", "#7cc2ae", "#0f7a63"]),
    },
    "dark": {
        "ink": "#e6eeea",
        "faint": "#a3b3ac",
        "grid": "#31403a",
        "sheet": "#1a2320",
        "lines": ["#4fd0ae", "#f2a066", "#8fb0f7", "#ec93c4", "#d9c75c", "#b6c4be"],
        "heat": LinearSegmentedColormap.from_list("dark", ["#22332d", "#2b6b59", "#4fd0ae"]),
    },
}
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


#: Inches. A picture's text shrinks with it: half a page and phones have pictures of their own.
SIZES = {"wide": (9, 3.9), "half": (5.6, 3.7), "narrow": (4.6, 4.2)}


def draw(name: str, selection: Selection, theme: str, scale: str, kind: str) -> bytes:
    """Draw a plot.

    Args:
        name: A key of ``PLOTS``.
        selection: What to show.
        theme: A key of ``THEMES``.
        scale: A key of ``SIZES``.
        kind: ``svg`` or ``png``.
    """
    colours = THEMES[theme]
    figure = Figure(figsize=SIZES[scale], layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.set_facecolor("none")
    PLOTS[name](axes, selection, colours)
    finish(axes, colours)
    out = io.BytesIO()
    # Without the time of drawing, which would make each drawing another file.
    metadata = {"Date": None, "Title": name} if kind == "svg" else {"Title": name}
    figure.savefig(out, format=kind, dpi=160, metadata=metadata)
    return out.getvalue()


def finish(axes: Any, colours: dict[str, Any]) -> None:
    """Quiet axes in the colours of the page."""
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=colours["faint"], length=0, labelsize=9.5, pad=6)
    legend = axes.get_legend()
    if legend is not None:
        for text in legend.get_texts():
            text.set_color(colours["ink"])


def over_time(axes: Any, colours: dict[str, Any]) -> None:
    """Days below, counts at the left, lines behind."""
    wide = axes.figure.get_figwidth() > 6
    locator = AutoDateLocator(minticks=2, maxticks=9 if wide else 6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=colours["grid"], linewidth=1)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    axes.set_ylim(bottom=0)


def legend(axes: Any, entries: int) -> None:
    """Above the plot, so that it hides nothing."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=min(entries, 5 if axes.figure.get_figwidth() > 6 else 2),
        frameon=False,
        fontsize=9.5,
        handlelength=1.3,
        columnspacing=1.5,
        borderaxespad=0.3,
    )


def trend(axes: Any, selection: Selection, colours: dict[str, Any]) -> None:
    """A line per place."""
    table = per_step(selection)
    for place, colour in zip(table.columns, _colours(colours, len(table.columns)), strict=True):
        width = 0.9 if selection.step == "day" else 1.9
        axes.plot(table.index, table[place], color=colour, linewidth=width, label=place)
        alone = table[place].count() == 1
        if alone:
            axes.plot(table.index, table[place], "o", color=colour)
    over_time(axes, colours)
    legend(axes, len(table.columns))


def _colours(colours: dict[str, Any], count: int) -> list[str]:
    lines: list[str] = colours["lines"]
    return [lines[n % len(lines)] for n in range(count)]


def season_plot(axes: Any, selection: Selection, colours: dict[str, Any]) -> None:
    """The weeks, the curve of the year, and its band."""
    found = season(selection)
    if found is None:
        axes.set_xticks([])
        axes.set_yticks([])
        text = "A curve of the year needs half a year of data."
        axes.text(0.5, 0.5, text, ha="center", color=colours["faint"], transform=axes.transAxes)
        return
    green, orange = colours["lines"][:2]
    axes.plot(found.weeks, found.means, "o", ms=3.6, mew=0, color=green, alpha=0.55, label="Weeks")
    axes.fill_between(
        found.weeks, found.low, found.high, color=orange, alpha=0.25, lw=0, label="95 % confidence"
    )
    axes.plot(found.weeks, found.fit, color=orange, linewidth=2.2, label="Curve of the year")
    over_time(axes, colours)
    legend(axes, 3)


def week(axes: Any, selection: Selection, colours: dict[str, Any]) -> None:
    """Places by days of the week, each place against its own busiest day."""
    table = per_weekday(selection)
    share = table.div(table.max(axis=1).where(lambda most: most > 0), axis=0)
    least = share.min(axis=None)
    shade = Normalize(0 if least != least else max(0, least - 0.15), 1.0)
    heat = colours["heat"]
    # Cells are apart by the colour of the page.
    axes.pcolormesh(share, cmap=heat, norm=shade, edgecolors=colours["sheet"], linewidth=2.5)
    for row in range(len(table)):
        for column in range(7):
            count = table.iloc[row, column]
            if count == count:
                ink = ink_on(heat(shade(share.iloc[row, column])))
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{count:,.0f}",
                    ha="center",
                    va="center",
                    fontsize=9.5,
                    color=ink,
                )
    axes.set_xticks([n + 0.5 for n in range(7)], WEEKDAYS)
    axes.set_yticks([n + 0.5 for n in range(len(table))], list(table.index))
    axes.invert_yaxis()


def ink_on(colour: Any) -> str:
    """Black or white, whichever can be read better on a colour (WCAG 2.2, contrast ratio)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#10201b" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


PLOTS = {"trend": trend, "season": season_plot, "week": week}
