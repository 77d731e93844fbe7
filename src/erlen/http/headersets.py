"""Response headers that are a set of names, such as ``Vary``."""

from __future__ import annotations

import typing as t
from functools import partial

from werkzeug.datastructures import HeaderSet as WerkzeugHeaderSet
from werkzeug.http import parse_set_header, quote_header_value


class HeaderSet(WerkzeugHeaderSet):
    """Werkzeug's class, with one step where ``add`` takes several."""

    @classmethod
    def of_header(
        cls, value: str | None, on_update: t.Callable[[WerkzeugHeaderSet], None]
    ) -> t.Self:
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
            if self.on_update is not None:
                self.on_update(self)


def _write(response: t.Any, name: str, names: WerkzeugHeaderSet) -> None:
    """Put a changed set into its response's header."""
    headers = response.headers
    if names._set:
        headers[name] = ", ".join(map(quote_header_value, names._headers))
    elif name in headers:
        del headers[name]


def header_set(theirs: property, name: str) -> property:
    """Make the property of a response that gives a header as a set (Werkzeug 3.1).

    Args:
        theirs: Werkzeug's property, for its setter and its text.
        name: The header's name.
    """

    def get(response: t.Any) -> HeaderSet:
        return HeaderSet.of_header(response.headers.get(name), partial(_write, response, name))

    return property(get, theirs.fset, theirs.fdel, theirs.__doc__)
