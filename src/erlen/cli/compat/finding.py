"""One thing that needs attention."""

from __future__ import annotations

import typing as t

#: What kinds there are, and what each means.
KINDS = {
    "removed": "Flask or Werkzeug had it once; neither Flask 3.1 nor Erlen has it",
    "missing": "neither Flask 3.1 nor Erlen has it",
    "lacking": "Flask 3.1 has it, Erlen has not",
    "different": "it is there, but it is not quite the same",
    "deprecated": "it still works, and will not in Flask's next release",
    "private": "a name that Werkzeug keeps for itself",
    "extension": "an extension that does not work on Flask 3.1 either",
    "unread": "the file could not be read",
}


class Finding(t.NamedTuple):
    """A place in a file, and what is to be said about it.

    Attributes:
        path: The file.
        line: From 1.
        column: From 1, in characters.
        kind: A key of :data:`KINDS`.
        name: What is used there.
        why: What is the matter with it.
        fix: What to do.
    """

    path: str
    line: int
    column: int
    kind: str
    name: str
    why: str
    fix: str
