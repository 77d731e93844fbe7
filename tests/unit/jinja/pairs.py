"""Two environments that must not differ, and what comes out of them."""

from __future__ import annotations

import re
import traceback
import typing as t

import jinja2
from jinja2 import DictLoader
from markupsafe import Markup

from erlen.jinja import FastEnvironment

EXTENSIONS = ["jinja2.ext.loopcontrols", "jinja2.ext.do", "jinja2.ext.i18n"]


class StockEnvironment(jinja2.Environment):
    """Jinja's environment, also where a plugin has changed Jinja's own class."""

    code_generator_class = jinja2.compiler.CodeGenerator
    context_class = jinja2.runtime.Context
    template_class = jinja2.Template


class Row:
    """An object with attributes, a method, items and troublesome properties."""

    def __init__(self, **values: t.Any) -> None:
        self.__dict__.update(values)

    def __getitem__(self, key: t.Any) -> t.Any:
        if key == "only_item":
            return "<item>"
        raise KeyError(key)

    @property
    def broken(self) -> t.Any:
        raise AttributeError("broken")

    @property
    def failing(self) -> t.Any:
        raise ValueError("failing")

    def method(self, *args: t.Any) -> str:
        return f"<m {args}>"

    def __repr__(self) -> str:
        return "<Row>"


class Html:
    """An object that knows its HTML."""

    def __html__(self) -> str:
        return "<b>&</b>"


class Text(str):
    """A text that is not exactly a str."""


class Mapping(dict):  # type: ignore[type-arg]
    """A dict with items of its own making."""

    def __missing__(self, key: object) -> str:
        return f"<{key}>"


class Number(int):
    """An int with a text of its own."""

    def __str__(self) -> str:
        return "<number>"


def make_data() -> dict[str, t.Any]:
    """The same variables, made anew: some of them can be used once only."""
    rows = [{"id": i, "name": f"<{i}>&'\"", "price": i * 1.5, "items": "i"} for i in range(3)]
    return {
        "n": 7,
        "f": 2.5,
        "b": True,
        "none": None,
        "big": 10**30,
        "s": "<script>&'\"",
        "plain": "plain",
        "m": Markup("<i>ok</i>"),
        "text": Text("<t>"),
        "number": Number(3),
        "html": Html(),
        "d": {"id": 1, "name": "<d>", "x": {"y": {"z": "<deep>"}}, "none": None, 3: "three"},
        "mapping": Mapping(id=5),
        "row": Row(id=9, name="<row>", x=Row(y={"z": "<deep row>"})),
        "rows": rows,
        "objects": [Row(id=i, name=f"<{i}>") for i in range(2)],
        "nested": [[1, 2], [3], []],
        "pairs": [("a", 1), ("<b>", 2)],
        "empty": [],
        "once": (i for i in range(3)),
        "call": lambda *args: args,
    }


def outcome(template: t.Callable[[], str]) -> tuple[t.Any, ...]:
    """What a render gives: the text, or the error with its lines in the template."""
    try:
        # A macro that has become a generator (include without context) shows its address.
        return ("text", re.sub(r"0x[0-9a-f]+", "0x", template(), flags=re.I))
    except SyntaxError as error:
        # Of the generated code, whose lines are not the template's.
        return ("syntax error", error.msg)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f.lineno for f in frames if f.filename in ("<template>", "<unknown>")]
        return ("error", type(error), str(error), lines)


def environments(
    templates: dict[str, str] | None = None, **options: t.Any
) -> tuple[jinja2.Environment, jinja2.Environment]:
    """Jinja's environment and ours, otherwise alike."""
    options.setdefault("autoescape", True)
    options.setdefault("extensions", EXTENSIONS)
    loader = DictLoader(templates or {})
    return StockEnvironment(loader=loader, **options), FastEnvironment(loader=loader, **options)


def both(source: str, templates: dict[str, str] | None = None, **options: t.Any) -> t.Any:
    """Render in both environments, assert that they agree, and return the outcome.

    Args:
        source: the template.
        templates: others that it may load.
        options: of the environments; ``data`` makes the variables.
    """
    data = options.pop("data", make_data)
    results = []
    for environment in environments(templates, **options):
        install_translations(environment)
        results.append(outcome(lambda: environment.from_string(source).render(data())))
        results.append(outcome(lambda: "".join(environment.from_string(source).generate(data()))))
    assert results[2] == results[0], source
    assert results[3] == results[1], source
    return results[0][1]


def install_translations(environment: jinja2.Environment) -> None:
    """Make ``{% trans %}`` leave texts as they are, if the extension is there."""
    install = getattr(environment, "install_null_translations", None)
    if install is not None:
        install(newstyle=True)
