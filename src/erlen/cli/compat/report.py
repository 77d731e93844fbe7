"""Findings for people and for programs."""

from __future__ import annotations

import typing as t

from .finding import KINDS, Finding


def as_text(findings: t.Sequence[Finding], count: int) -> str:
    """One finding a line, as compilers print them, and a summary.

    Args:
        findings: In the order in which they are printed.
        count: How many files were read.
    """
    lines = [
        f"{_printable(found.path)}:{found.line}:{found.column}: {found.kind}:"
        f" {found.name}: {found.why} {found.fix}".rstrip()
        for found in findings
    ]
    read = f"{count} file{'' if count == 1 else 's'} read"
    if not findings:
        return f"Nothing needs attention ({read})."
    many = len(findings)
    what = "1 thing needs" if many == 1 else f"{many} things need"
    return "\n".join([*lines, f"{what} attention ({read})."])


def as_json(findings: t.Sequence[Finding], count: int) -> str:
    """The same as a document.

    Args:
        findings: As for :func:`as_text`.
        count: Likewise.
    """
    import json

    rows = [found._replace(path=_printable(found.path))._asdict() for found in findings]
    kinds = {kind: KINDS[kind] for kind in sorted({found.kind for found in findings})}
    return json.dumps({"files": count, "findings": rows, "kinds": kinds}, indent=2)


def _printable(path: str) -> str:
    """A path in which bytes that are no text are replaced, so that it can be printed."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
