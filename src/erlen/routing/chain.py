"""Matching a part of many converters in linear time, whatever stands between them.

A regular expression tries every way to share a text out among its converters;
with three of them that is the cube of the length. Here the places from which the
rest can match are worked out once, from the end, for all places together: a set
of places is the bits of one integer, and a converter is a few operations on it.
Then one walk from the start takes what the expression would have taken first.

A place ``p`` in a text of ``n`` characters is bit ``n - p``. A character is the
bit of the place behind it, so reading backwards over characters is a shift, and
over a run of them an addition whose carry runs along (the "match star" of
Cameron et al., "Bitwise data parallelism in regular expression matching", 2014).
"""

from __future__ import annotations

import re
import typing as t

_UUID = r"[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}"

# The patterns of Werkzeug's own converters, as they stand in a part.
_token = re.compile(
    r"""
    \(\?P<__werkzeug_\d+>(?:
        (?P<segment>\[\^/\](?:\{\d+(?:,\d*)?\}|\+))
      | (?P<path>\[\^/\]\.\*\?)
      | (?P<number>(?:-\?)?\\d\+(?:\\\.\\d\+)?)
      | \(\?:(?P<any>(?:\\[^a-zA-Z0-9]|[^\\()\[\]{}?*+^$.])*)\)
      | (?P<uuid>"""
    + re.escape(_UUID)
    + r""")
    )\)
  | (?P<suffix>\(\?<!/\)\(/\?\)\\Z)
  | (?P<end>\\Z)
  | \\(?P<escaped>[^a-zA-Z0-9])
  | (?P<char>[^\\()\[\]{}?*+|^$.])
    """,
    re.VERBOSE | re.DOTALL,
)
_alternative = re.compile(r"((?:\\.|[^\\|])*)(\||\Z)", re.DOTALL)
_bounds = re.compile(r"\[\^/\]\{(\d+)(,?)(\d*)\}")

# Bounded runs cost an operation a character; longer ones are left to re.
_MAX_BOUND = 1024


class Masks:
    """A text, and for a class of characters the set of places behind them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.size = len(text)
        self._characters = set(text)
        self._known: dict[str, int] = {}

    def of(self, pattern: str) -> int:
        """Give the set for a pattern that matches one character."""
        known = self._known.get(pattern)
        if known is None:
            belongs = re.compile(pattern).fullmatch
            table = {ord(c): "1" if belongs(c) else "0" for c in self._characters}
            known = self._known[pattern] = int(self.text.translate(table) or "0", 2)
        return known


class Run:
    """A run of characters of one class.

    Args:
        pattern: matches one character of the class.
        least: the fewest characters.
        most: the most, None for any number.
        lazy: whether the shortest run is tried first.
    """

    def __init__(self, pattern: str, least: int, most: int | None, lazy: bool = False) -> None:
        self.pattern = pattern
        self.least = least
        self.most = most
        self.lazy = lazy

    def starts(self, masks: Masks, ends: int) -> int:
        """Give the places from which the run can reach one of *ends*."""
        mask = masks.of(self.pattern)
        if self.most is None:
            places = (((ends & mask) + mask) ^ mask) | ends
        else:
            places = ends
            for _ in range(self.most - self.least):
                places = ends | (places & mask) << 1
        for _ in range(self.least):
            places = (places & mask) << 1
        return places

    def end(self, masks: Masks, start: int, ends: int) -> int:
        """Give the end of the run that is tried first, among *ends*."""
        size = masks.size
        others = masks.of(self.pattern) ^ ((1 << size) - 1)
        limit = size - (others & ((1 << (size - start)) - 1)).bit_length()
        if self.most is not None:
            limit = min(limit, start + self.most)
        first = start + self.least
        # From here on counted from the last place that may be the end.
        reachable = (ends >> (size - limit)) & ((1 << (limit - first + 1)) - 1)
        if self.lazy:
            return limit - reachable.bit_length() + 1
        return limit - (reachable & -reachable).bit_length() + 1


class Texts:
    """One of several fixed texts, tried in their order."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def starts(self, masks: Masks, ends: int) -> int:
        """Give the places where a text stands that reaches one of *ends*."""
        places = 0
        for text in self.texts:
            here = ends
            for character in reversed(text):
                here = (here & masks.of(re.escape(character))) << 1
            places |= here
        return places

    def end(self, masks: Masks, start: int, ends: int) -> int:
        """Give the end of the text that is tried first, among *ends*."""
        for text in self.texts:
            end = start + len(text)
            if masks.text.startswith(text, start) and ends >> (masks.size - end) & 1:
                return end
        raise AssertionError("no text at a place that was found to have one")


Item = Run | Texts


class Chain:
    """A part of a rule as a sequence of runs and texts.

    Attributes:
        items: the sequence.
        groups: for each converter the index of its first item and the one after
            its last.
        suffixed: whether an optional slash may follow.
    """

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.groups: list[tuple[int, int]] = []
        self.suffixed = False

    @property
    def steep(self) -> bool:
        """Whether a regular expression may take more than linear time for it.

        It can't where no two runs of any length compete for the same characters:
        one at most between two slashes, and one that crosses slashes at most.
        """
        loose = crossing = False
        for index, item in enumerate(self.items):
            if isinstance(item, Texts):
                loose = loose and "/" not in item.texts[0]
            elif item.most is None and not (loose and self._is_fraction(index)):
                if loose or (crossing and item.lazy):
                    return True
                loose = True
                crossing = crossing or item.lazy
        return False

    def _is_fraction(self, index: int) -> bool:
        """Say whether the item is the second run of a float: a dot is no digit."""
        return any(first < index < after for first, after in self.groups) and isinstance(
            self.items[index - 1], Texts
        )

    def match(self, text: str) -> tuple[list[str], bool] | None:
        """Give the converters' values and whether an optional end slash was there."""
        masks = Masks(text)
        places = [self._last_places(text)]
        for item in reversed(self.items):
            places.append(item.starts(masks, places[-1]))
        places.reverse()
        if not places[0] >> masks.size & 1:
            return None
        ends = [0]
        for item, following in zip(self.items, places[1:], strict=True):
            ends.append(item.end(masks, ends[-1], following))
        values = [text[ends[first] : ends[after]] for first, after in self.groups]
        return values, ends[-1] < len(text)

    def _last_places(self, text: str) -> int:
        if not self.suffixed:
            return 1
        # The optional slash may not follow another one.
        if text[-1:] != "/":
            return 1
        return 0 if text[-2:-1] == "/" else 2


def parse(content: str) -> Chain | None:
    """Read the regular expression of a part.

    Args:
        content: the pattern of a Werkzeug ``RulePart``.

    Returns:
        The chain, or None where it holds a pattern that is not one of Werkzeug's
        own converters'.
    """
    chain = Chain()
    position = 0
    while position < len(content):
        token = _token.match(content, position)
        if token is None or token.lastgroup is None:
            return None
        position = token.end()
        kind, text = token.lastgroup, token[token.lastgroup]
        if kind in ("suffix", "end"):
            chain.suffixed = kind == "suffix"
            return chain if position == len(content) else None
        if kind in ("escaped", "char"):
            _add_text(chain, text)
            continue
        items = _READERS[kind](text)
        if items is None:
            return None
        chain.groups.append((len(chain.items), len(chain.items) + len(items)))
        chain.items += items
    return None


def _add_text(chain: Chain, text: str) -> None:
    after_converter = not chain.groups or chain.groups[-1][1] == len(chain.items)
    if chain.items and not (chain.groups and after_converter):
        last = chain.items[-1]
        assert isinstance(last, Texts)
        last.texts[0] += text
    else:
        chain.items.append(Texts([text]))


def _read_segment(text: str) -> list[Item] | None:
    bounds = _bounds.fullmatch(text)
    if bounds is None:
        return [Run("[^/]", 1, None)]
    least = int(bounds[1])
    most = int(bounds[3]) if bounds[3] else None if bounds[2] else least
    if max(least, most or 0) > _MAX_BOUND or (most is not None and most < least):
        return None
    return [Run("[^/]", least, most)]


def _read_path(text: str) -> list[Item]:
    return [Run("[^/]", 1, 1), Run(".", 0, None, lazy=True)]


def _read_number(text: str) -> list[Item]:
    items: list[Item] = [Run(r"\d", 1, None)]
    if text.startswith("-?"):
        items.insert(0, Run("-", 0, 1))
    if text.endswith(r"\.\d+"):
        items += [Texts(["."]), Run(r"\d", 1, None)]
    return items


def _read_any(text: str) -> list[Item] | None:
    alternatives = []
    position = 0
    while True:
        found = _alternative.match(text, position)
        if found is None:
            return None
        alternatives.append(re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL))
        position = found.end()
        if not found[2]:
            return [Texts(alternatives)]


def _read_uuid(text: str) -> list[Item]:
    items: list[Item] = []
    for length in (8, 4, 4, 4, 12):
        items += [Run("[A-Fa-f0-9]", length, length), Texts(["-"])]
    return items[:-1]


_READERS: dict[str, t.Callable[[str], list[Item] | None]] = {
    "segment": _read_segment,
    "path": _read_path,
    "number": _read_number,
    "any": _read_any,
    "uuid": _read_uuid,
}
