"""Response headers that are a set of names, such as ``Vary``."""

from __future__ import annotations

import typing as t
from functools import partial

from werkzeug.datastructures import HeaderSet as WerkzeugHeaderSet
from werkzeug.http import parse_set_header, quote_header_value


class HeaderSet(WerkzeugHeaderSet):
    """Werkzeug's class, with one step where ``add`` takes several."""

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


_new = t.cast("t.Callable[[t.Any], t.Any]", HeaderSet.__new__)


#: Names that are sent as they are.
_PLAIN = frozenset("Cookie Origin Accept Accept-Encoding Accept-Language Authorization".split())


def _write(response: t.Any, name: str, names: WerkzeugHeaderSet) -> None:
    """Put a changed set into its response's header.

    While nobody has looked at the headers, this is no reason to make an object of them.
    """
    listed, pairs = names._headers, response._lazy
    bare = pairs is not None and len(pairs) == 2 and pairs[1][0] == "Content-Length"
    if bare and len(listed) == 1 and listed[0] in _PLAIN:
        pairs.append((name, listed[0]))
        return
    value = ", ".join(map(quote_header_value, listed)) if names._set else None
    if pairs is None or value is None or not value.isascii() or "\n" in value or "\r" in value:
        headers = response.headers
        if value is not None:
            headers[name] = value
        elif name in headers:
            del headers[name]
        return
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
        names: HeaderSet = _new(HeaderSet)
        names.on_update = partial(_write, response, name)
        pairs = response._lazy
        # A type and a length are what nearly every response has.
        if pairs is not None and len(pairs) == 2 and pairs[1][0] == "Content-Length":
            names._headers = []
            names._set = set()
            return names
        if pairs is None:
            value = response.headers.get(name)
        else:
            value = next((text for key, text in pairs if key == name), None)
        parsed = parse_set_header(value)
        names._headers, names._set = parsed._headers, parsed._set
        return names

    return property(get, theirs.fset, theirs.fdel, theirs.__doc__)
