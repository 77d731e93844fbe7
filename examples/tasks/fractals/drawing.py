"""The task: draw a picture, line by line, and say how far it is."""

from __future__ import annotations

import math
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any

from celery import shared_task

from erlen import current_app
from erlen.tasks import report_progress

from .places import PLACES, SIZES, Colour, Place

SHADES = 512
INSIDE = (8, 9, 16)


def picture_path(id: str) -> Path:
    """Where a picture is kept."""
    return Path(current_app.instance_path) / "pictures" / f"{id}.png"


# A picture that is drawn twice is the same picture: another worker may do it again if one is
# lost on the way, or if the disk was full.
@shared_task(
    bind=True,
    acks_late=True,
    reject_on_worker_lost=True,
    autoretry_for=(OSError,),
    retry_backoff=1,
    max_retries=3,
)
def draw(self: Any, place: str, size: str) -> dict[str, Any]:
    """Draw a place in a size; the picture is named after the task."""
    began = time.monotonic()
    found, width = PLACES[place], SIZES[size]
    height = width * 2 // 3
    shades = gradient(found.colours)
    lines = []
    for y in range(height):
        if y % max(1, height // 50) == 0:
            report_progress(y, height, f"line {y} of {height}")
        lines.append(line(found, y, width, height, shades))
    path = picture_path(self.request.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under its name only when it is whole.
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(png(lines, width, height))
    part.replace(path)
    return {"seconds": round(time.monotonic() - began, 1)}


def line(place: Place, y: int, width: int, height: int, shades: list[bytes]) -> bytes:
    """The colours of one line, three bytes a point."""
    step = place.width / width
    imaginary = place.y + (height / 2 - y) * step
    left = place.x - place.width / 2
    inside = bytes(INSIDE)
    points = []
    for x in range(width):
        steps = leaves_after(complex(left + x * step, imaginary), place.depth)
        points.append(inside if steps < 0 else shades[int(steps * 9) % SHADES])
    return b"".join(points)


def leaves_after(c: complex, depth: int) -> float:
    """After how many steps a point leaves, with the fraction that makes colours smooth.

    Negative for one that stays.
    """
    z = 0j
    for number in range(depth):
        z = z * z + c
        if z.real * z.real + z.imag * z.imag > 64:
            return number + 2 - math.log2(math.log(abs(z)))
    return -1


def gradient(colours: tuple[Colour, ...]) -> list[bytes]:
    """Shades from the first colour to the last and back."""
    there_and_back = [*colours, *colours[-2:0:-1]]
    found = []
    for number in range(SHADES):
        index, part = divmod(number * len(there_and_back) / SHADES, 1)
        one = there_and_back[int(index)]
        other = there_and_back[(int(index) + 1) % len(there_and_back)]
        found.append(bytes(round(a + (b - a) * part) for a, b in zip(one, other, strict=True)))
    return found


def png(lines: list[bytes], width: int, height: int) -> bytes:
    """A PNG file of lines of colours."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # Each line begins with how it was filtered: not at all.
    pixels = zlib.compress(b"".join(b"\0" + line for line in lines), 6)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", pixels),
            chunk(b"IEND", b""),
        ]
    )
