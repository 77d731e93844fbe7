"""Places of the Mandelbrot set, and the sizes of pictures."""

from __future__ import annotations

from typing import NamedTuple

Colour = tuple[int, int, int]


class Place(NamedTuple):
    """A part of the set, and how it is painted.

    Args:
        title: For people.
        x: Of its middle.
        y: Of its middle.
        width: Of the part.
        depth: Steps until a point counts as inside.
        colours: From those that leave at once to those that nearly stay.
    """

    title: str
    x: float
    y: float
    width: float
    depth: int
    colours: tuple[Colour, ...]


DUSK = ((11, 16, 46), (64, 43, 122), (196, 74, 122), (250, 158, 89), (255, 236, 188))
SEA = ((5, 24, 47), (10, 83, 122), (33, 158, 167), (148, 219, 182), (250, 250, 225))
FOREST = ((13, 27, 23), (26, 83, 62), (98, 146, 62), (222, 196, 84), (255, 247, 214))
EMBER = ((20, 8, 20), (97, 16, 43), (201, 54, 30), (250, 158, 43), (255, 243, 176))

PLACES = {
    "whole": Place("The whole set", -0.65, 0.0, 3.3, 120, DUSK),
    "seahorses": Place("Valley of seahorses", -0.7463, 0.1102, 0.0085, 420, SEA),
    "elephants": Place("Valley of elephants", 0.2925, 0.0149, 0.022, 300, FOREST),
    "lightning": Place("Lightning", -1.3080, 0.0700, 0.060, 260, EMBER),
    "spiral": Place("Double spiral", -0.77568377, 0.13646737, 0.0033, 500, DUSK),
    "island": Place("A small copy", -1.7687, 0.0017, 0.030, 260, SEA),
}

#: Width in pixels; the height is two thirds of it.
SIZES = {"small": 240, "medium": 480, "large": 960}
