"""JSON that keeps Python's types; ``flask.json.tag``.

A value that JSON has no form for is written as an object with one key, the tag,
that says what to make of it when it is read. Sessions are written so. For a
type of one's own, derive from `JSONTag` and register the class, at the front if
its objects would be taken by an earlier tag::

    class TagOrdered(JSONTag):
        key = " od"

        def check(self, value):
            return isinstance(value, OrderedDict)

        def to_json(self, value):
            return [[k, self.serializer.tag(v)] for k, v in value.items()]

        def to_python(self, value):
            return OrderedDict(value)

    app.session_interface.serializer.register(TagOrdered, index=0)
"""

from __future__ import annotations

import typing as t
from base64 import b64decode, b64encode
from datetime import datetime

from markupsafe import Markup
from werkzeug.http import http_date, parse_date

from ..json import dumps, loads
from ..watch import WatchedDict, WatchedList


class JSONTag:
    """The rule for one kind of value.

    Args:
        serializer: the serializer that uses the tag.
    """

    __slots__ = ("serializer",)

    #: What marks the value in JSON; empty for kinds that only pass their items
    #: on to the serializer.
    key: str = ""

    def __init__(self, serializer: TaggedJSONSerializer) -> None:
        self.serializer = serializer

    def check(self, value: t.Any) -> bool:
        """Whether the value is of this kind."""
        raise NotImplementedError

    def to_json(self, value: t.Any) -> t.Any:
        """The value in JSON types, without the tag."""
        raise NotImplementedError

    def to_python(self, value: t.Any) -> t.Any:
        """The value again, from what `to_json` returned."""
        raise NotImplementedError

    def tag(self, value: t.Any) -> t.Any:
        """The value in JSON types, as an object with the tag."""
        return {self.key: self.to_json(value)}


class TagDict(JSONTag):
    """Dictionaries that would be taken for a tagged value: the key gets a suffix."""

    __slots__ = ()
    key = " di"

    def check(self, value: t.Any) -> bool:
        return (
            isinstance(value, dict)
            and len(value) == 1
            and next(iter(value)) in self.serializer.tags
        )

    def to_json(self, value: t.Any) -> t.Any:
        [(key, item)] = value.items()
        return {f"{key}__": self.serializer.tag(item)}

    def to_python(self, value: t.Any) -> t.Any:
        # Not unpacked: what a custom tag made of it may have more items.
        key = next(iter(value))
        return {key[:-2]: value[key]}


class PassDict(JSONTag):
    """Other dictionaries: the values are tagged, the keys are strings anyway."""

    __slots__ = ()

    def check(self, value: t.Any) -> bool:
        return isinstance(value, dict)

    def to_json(self, value: t.Any) -> t.Any:
        tag = self.serializer.tag
        return {key: tag(item) for key, item in value.items()}

    tag = to_json


class TagTuple(JSONTag):
    """Tuples."""

    __slots__ = ()
    key = " t"

    def check(self, value: t.Any) -> bool:
        return isinstance(value, tuple)

    def to_json(self, value: t.Any) -> t.Any:
        return [self.serializer.tag(item) for item in value]

    def to_python(self, value: t.Any) -> t.Any:
        return tuple(value)


class PassList(JSONTag):
    """Lists: the items are tagged."""

    __slots__ = ()

    def check(self, value: t.Any) -> bool:
        return isinstance(value, list)

    def to_json(self, value: t.Any) -> t.Any:
        return [self.serializer.tag(item) for item in value]

    tag = to_json


class TagBytes(JSONTag):
    """Bytes, in Base64."""

    __slots__ = ()
    key = " b"

    def check(self, value: t.Any) -> bool:
        return isinstance(value, bytes)

    def to_json(self, value: t.Any) -> t.Any:
        return b64encode(value).decode("ascii")

    def to_python(self, value: t.Any) -> t.Any:
        return b64decode(value)


class TagMarkup(JSONTag):
    """Anything with ``__html__``; read back as ``markupsafe.Markup``."""

    __slots__ = ()
    key = " m"

    def check(self, value: t.Any) -> bool:
        return callable(getattr(value, "__html__", None))

    def to_json(self, value: t.Any) -> t.Any:
        return str(value.__html__())

    def to_python(self, value: t.Any) -> t.Any:
        return Markup(value)


class TagUUID(JSONTag):
    """UUIDs, as hexadecimal digits."""

    __slots__ = ()
    key = " u"

    def check(self, value: t.Any) -> bool:
        from uuid import UUID

        return isinstance(value, UUID)

    def to_json(self, value: t.Any) -> t.Any:
        return value.hex

    def to_python(self, value: t.Any) -> t.Any:
        from uuid import UUID

        return UUID(value)


class TagDateTime(JSONTag):
    """Dates with a time, as HTTP dates: to the second, in UTC."""

    __slots__ = ()
    key = " d"

    def check(self, value: t.Any) -> bool:
        return isinstance(value, datetime)

    def to_json(self, value: t.Any) -> t.Any:
        return http_date(value)

    def to_python(self, value: t.Any) -> t.Any:
        return parse_date(value)


class TaggedJSONSerializer:
    """Writes and reads JSON that keeps tuples, bytes, markup, UUIDs and dates.

    ``tags`` has the tags by key, ``order`` all of them in the order in which
    they are asked; both bump the epoch when they are changed.
    """

    __slots__ = ("order", "tags")

    #: The classes that a new serializer starts with.
    default_tags: t.ClassVar[list[type[JSONTag]]] = [
        TagDict,
        PassDict,
        TagTuple,
        PassList,
        TagBytes,
        TagMarkup,
        TagUUID,
        TagDateTime,
    ]

    def __init__(self) -> None:
        self.tags: dict[str, JSONTag] = WatchedDict()
        self.order: list[JSONTag] = WatchedList()
        for tag_class in self.default_tags:
            self.register(tag_class)

    def register(
        self, tag_class: type[JSONTag], force: bool = False, index: int | None = None
    ) -> None:
        """Use a further tag.

        Args:
            tag_class: the rule; an instance is made for this serializer.
            force: replace the tag that has the same key.
            index: the place in ``order``; default: the end.

        Raises:
            KeyError: the key is taken, and ``force`` isn't set.
        """
        tag = tag_class(self)
        key = tag.key
        if key:
            if not force and key in self.tags:
                raise KeyError(f"Tag '{key}' is already registered.")
            self.tags[key] = tag
        if index is None:
            self.order.append(tag)
        else:
            self.order.insert(index, tag)

    def tag(self, value: t.Any) -> t.Any:
        """The value in JSON types, tagged where they don't tell what it was."""
        for tag in self.order:
            if tag.check(value):
                return tag.tag(value)
        return value

    def untag(self, value: dict[str, t.Any]) -> t.Any:
        """What an object with one key stands for, if that is a tag; else itself."""
        if len(value) == 1:
            key = next(iter(value))
            if key in self.tags:
                return self.tags[key].to_python(value[key])
        return value

    def _untag_scan(self, value: t.Any) -> t.Any:
        """Untag from the inside out."""
        if isinstance(value, dict):
            return self.untag({key: self._untag_scan(v) for key, v in value.items()})
        if isinstance(value, list):
            return [self._untag_scan(item) for item in value]
        return value

    def dumps(self, value: t.Any) -> str:
        """Write a value as compact tagged JSON."""
        return dumps(self.tag(value), separators=(",", ":"))

    def loads(self, value: str) -> t.Any:
        """Read a value from tagged JSON."""
        return self._untag_scan(loads(value))
