"""Response headers that are a set of names, such as ``Vary``."""

from __future__ import annotations

import typing as t
from functools import partial

from werkzeug.datastructures import HeaderSet as WerkzeugHeaderSet
from werkzeug.http import parse_set_header, quote_header_value


class HeaderSet(WerkzeugHeaderSet):
    """Werkzeug's class, with one step where ``add`` takes several."""

    @classmethod
    def of_header(cls, value: str | None, on_update: t.Callable[[t.Any], None]) -> t.Self:
        """Make the set of a header's value.

        Args:
            value: The value, or None if the header is not there.
            on_update: Called with the set after every change.
        """
        names = cls.__new__(cls)
        names.on_update = on_update
        if value is None:
            names._headers = []
            names._set = set()
        else:
            parsed = parse_set_header(value)
            names._headers, names._set = parsed._headers, parsed._set
        return names

    def add(self, header: str) -> None:
        """Add a name, unless it is there in any case.

        Args:
            header: The name.
        """
        key = header.lower()
        if key not in self._set:
            self._headers.append(header)
            self._set.add(key)
            on_update: t.Callable[[t.Any], None] | None = self.on_update
            if on_update is not None:
                on_update(self)


def _write(response: t.Any, name: str, names: WerkzeugHeaderSet) -> None:
    """Put a changed set into its response's header."""
    value = ", ".join(map(quote_header_value, names._headers)) if names._set else None
    pairs = response._lazy
    if pairs is None or value is None or not value.isascii() or "\n" in value or "\r" in value:
        headers = response.headers
        if value is not None:
            headers[name] = value
        elif name in headers:
            del headers[name]
        return
    # Nobody has looked at the headers yet, and this is no reason to make an object of them.
    for position, (key, _) in enumerate(pairs):
        if key == name:
            pairs[position] = (name, value)
            return
    pairs.append((name, value))


def header_set(theirs: property, name: str) -> property:
    """Make the property of a response that gives a header as a set (Werkzeug 3.1).

    Args:
        theirs: Werkzeug's property, for its setter and its text.
        name: The header's name.
    """

    def get(response: t.Any) -> HeaderSet:
        value = None
        if response._lazy is None:
            value = response.headers.get(name)
        else:
            for key, text in response._lazy:
                if key == name:
                    value = text
        return HeaderSet.of_header(value, partial(_write, response, name))

    return property(get, theirs.fset, theirs.fdel, theirs.__doc__)
