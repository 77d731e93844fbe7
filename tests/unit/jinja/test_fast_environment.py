"""What random templates do not reach: late changes, caches, lines, guards."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path

import jinja2
import pytest
from jinja2 import DictLoader
from jinja2.sandbox import SandboxedEnvironment, SecurityError
from markupsafe import Markup

sys.path.insert(0, str(Path(__file__).parent))

from pairs import EXTENSIONS, Row, StockEnvironment, both

from erlen.jinja import Context, Deferred, FastEnvironment
from erlen.jinja.compiler import FastCodeGenerator, StockCodeGenerator, supported
from erlen.jinja.runtime import PROBE, _replace_text, escape_text

TABLE = (
    "{% for x in rows %}{{ x.id }}{{ 'a' if loop.index is odd else 'b' }}{{ x.name }}\n{% endfor %}"
)


def compiled(source: str, **options: object) -> str:
    return FastEnvironment(autoescape=True, **options).compile(source, raw=True)  # type: ignore[call-overload]


def test_the_fast_generator_is_in_use() -> None:
    code = compiled(TABLE)
    assert FastEnvironment.code_generator_class is FastCodeGenerator
    assert "enumerate" in code and "escape_text" in code and "% 2 == 1" in code


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in rows %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{% endfor %}",
        "{% for x in rows %}{{ loop.cycle('a', x, 'c') }}{% endfor %}",
        "{% for x in rows %}{{ x.id }}{{ ', ' if not loop.last }}{% endfor %}",
        "{% for x in rows %}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{% endfor %}",
        "{% for x in rows %}{% for y in rows %}{{ loop.index }}{% endfor %}{% endfor %}",
    ],
)
def test_counted(source: str) -> None:
    both(source)
    assert "in enumerate(" in compiled(source)


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in once %}{{ loop.last }}{{ loop.revindex }}{% endfor %}",
        "{% for x in once %}{{ loop.last }}{% break %}{% endfor %}{{ once|list }}",
        "{% for x in rows %}{{ loop.last }}{{ rows.append(1) if loop.index < 4 }}{% endfor %}",
        "{% for x in rows %}{{ loop.length }}{% do rows.append(x) if loop.first %}{% endfor %}",
        "{% for x in rows %}{{ rows.pop() and loop.index }}{% endfor %}",
        "{% for x in rows %}{{ loop }}{% endfor %}",
        "{% for x in rows %}{{ loop.changed(x.id) }}{% endfor %}",
        "{% for x in rows %}{% include 'part' %}{{ loop.index }}{% endfor %}",
        "{% for x in rows %}{% macro m() %}{% include 'part' %}{% endmacro %}{{ m() }}"
        "{{ loop.index }}{% endfor %}",
        "{% for x in rows %}{% macro m() %}{{ loop.index }}{% endmacro %}{{ m() }}{% endfor %}",
        "{% for x in rows if loop.index %}{{ x }}{% endfor %}",
        "{% for x in rows %}{{ loop.index }}{% for y in nested if loop.index %}{% endfor %}"
        "{% endfor %}",
        "{% for x in rows %}{% block b scoped %}{{ loop.index }}{% endblock %}{% endfor %}",
        "{% for x in rows %}{{ loop.index }}{% block b %}{{ loop.index }}{% endblock %}"
        "{% endfor %}",
        "{% for x in nested recursive %}{{ loop.index }}{{ loop([]) }}{% endfor %}",
        "{% for loop in rows %}{{ loop.index }}{% endfor %}",
        "{% for x in rows %}{% set loop = 1 %}{{ loop.index }}{% endfor %}",
        "{% for x in d %}{{ loop.last }}{% else %}{{ loop }}{% endfor %}",
        "{% for x in rows %}{% for y in [] %}{% else %}{{ loop.index }}{% endfor %}{% endfor %}",
        "{% for x in rows %}{{ loop['index'] }}{{ loop|string|length }}{% endfor %}",
        "{% for x, y in rows %}{{ loop.index }}{% endfor %}",
        "{% for x, y in objects %}{{ loop.last }}{% endfor %}",
        "{% for x in failing.row %}{{ loop.last }}{% endfor %}",
        "{% for x in 5 %}{{ loop.index }}{% endfor %}",
        "{{ d.items }}{{ d.keys() }}{{ d['items'] }}{{ d[3] }}{{ d['x']['y'].z }}",
        "{{ mapping.other }}{{ mapping['id'] }}{{ row.only_item }}{{ row.broken }}",
        "{{ row.failing }}",
        "{{ 'a' if n is odd else '<b>' }}{{ 'a' if absent }}{{ n is even }}{{ s is odd }}",
        "{{ ('x' and 'y') if n is odd else 'z' }}",
        "{{ number }}{{ text }}{{ html }}{{ m }}{{ b }}{{ none }}{{ f }}{{ big }}{{ absent }}",
        "{% autoescape b %}{{ s }}{{ d.name }}{% endautoescape %}",
        "{% autoescape false %}{{ s }}{{ d.name }}{% endautoescape %}",
        "{% macro m(a, b=a.id) %}{{ a.name }}{{ b }}{% endmacro %}{{ m(d) }}{{ m() }}",
    ],
)
@pytest.mark.parametrize(
    "undefined", [jinja2.Undefined, jinja2.StrictUndefined, jinja2.ChainableUndefined]
)
def test_as_jinja(source: str, undefined: type) -> None:
    both(source, {"part": "[{{ loop.index }}{{ x.id }}]"}, undefined=undefined)


def test_tests_replaced_before_and_after_compiling() -> None:
    env = FastEnvironment()
    template = env.from_string("{{ 1 is odd }}{{ x is none }}{{ x is defined }}")
    assert template.render(x=None) == "TrueTrueTrue"
    env.tests["odd"] = env.tests["none"] = env.tests["defined"] = lambda value: "mine"
    assert template.render(x=None).endswith("minemine")
    assert env.from_string("{{ x is odd }}").render(x=1) == "mine"
    del env.tests["odd"]
    with pytest.raises(jinja2.TemplateAssertionError):
        env.from_string("{{ x is odd }}")


def test_getattr_replaced_on_class_and_late_on_instance() -> None:
    class Loud(FastEnvironment):
        def getattr(self, obj: object, attribute: str) -> object:
            return f"{attribute}!"

    assert Loud().from_string("{{ d.a }}").render(d={"a": 1}) == "a!"
    env = FastEnvironment()
    template = env.from_string("{{ d.a }}{{ d['a'] }}")
    assert template.render(d={"a": 1}) == "11"
    env.getattr = lambda obj, attribute: "late"  # type: ignore[method-assign]
    assert template.render(d={"a": 1}) == "late1"
    env.getitem = lambda obj, argument: "item"  # type: ignore[method-assign]
    assert template.render(d={"a": 1}) == "lateitem"


@pytest.mark.parametrize(
    "bases", [(FastEnvironment, SandboxedEnvironment), (SandboxedEnvironment, FastEnvironment)]
)
def test_a_sandbox_stays_one(bases: tuple[type, ...]) -> None:
    env = type("Sandbox", bases, {})()
    assert "escape_text" not in env.compile("{{ x.y }}", raw=True)
    with pytest.raises(SecurityError):
        env.from_string("{{ f.__globals__.x }}").render(f=lambda: 0)
    with pytest.raises(SecurityError):
        env.from_string("{{ f.__code__() }}").render(f=lambda: 0)


def test_async_environments_keep_jinjas_code() -> None:
    env = FastEnvironment(enable_async=True, autoescape=True)
    assert "escape_text" not in env.compile(TABLE, raw=True)
    assert env.from_string("{{ d.a }}").render(d={"a": "<"}) == "&lt;"


def test_overlay_with_async_and_with_other_undefined() -> None:
    env = FastEnvironment(autoescape=True)
    assert "escape_text" not in env.overlay(enable_async=True).compile("{{ x }}", raw=True)
    strict = env.overlay(undefined=jinja2.StrictUndefined)
    assert type(strict) is FastEnvironment
    with pytest.raises(jinja2.UndefinedError):
        strict.from_string("{{ x.y }}").render(x={})


def test_subclass_may_choose_the_stock_generator() -> None:
    class Plain(FastEnvironment):
        code_generator_class = StockCodeGenerator

    assert "escape_text" not in Plain(autoescape=True).compile("{{ x }}", raw=True)


@pytest.mark.parametrize("name", ["visit_For", "_output_child_pre", "pull_dependencies"])
def test_unknown_jinja_is_left_alone(name: str) -> None:
    assert supported()
    assert not supported(type("Newer", (StockCodeGenerator,), {name: lambda self, other: None}))
    assert not supported(type("Newer", (StockCodeGenerator,), {name: None}))


@pytest.mark.parametrize("value", ["", "plain", PROBE, "é<\U0001f600>", "'\"&amp;"])
def test_escaping_equals_markupsafe(value: str) -> None:
    expected = str(jinja2.utils.markupsafe.escape(value))
    assert str(escape_text(value)) == expected
    assert _replace_text(value) == expected


def test_lines_in_tracebacks() -> None:
    source = "one\n{% for x in rows %}\n{{ loop.index }}\n{{ x.name }}\n{{ boom() }}\n{% endfor %}"

    def boom() -> None:
        raise ValueError("boom")

    lines = []
    for cls in (StockEnvironment, FastEnvironment):
        env = cls(loader=DictLoader({"t": source}), autoescape=True)
        with pytest.raises(ValueError) as caught:
            env.get_template("t").render(rows=[{"name": 1}], boom=boom)
        frames = traceback.extract_tb(caught.tb)
        lines.append([f.lineno for f in frames if f.filename == "<template>"])
    assert lines == [[5], [5]]


class Memory(jinja2.BytecodeCache):
    def __init__(self) -> None:
        self.codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.key in self.codes:
            bucket.bytecode_from_string(self.codes[bucket.key])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        self.codes[bucket.key] = bucket.bytecode_to_string()

    def clear(self) -> None:
        self.codes.clear()


def test_bytecode_of_both_generators_side_by_side() -> None:
    cache, loader = Memory(), DictLoader({"t": "{{ d.a }}{{ 1 is odd }}"})
    for cls in (StockEnvironment, FastEnvironment, StockEnvironment, FastEnvironment):
        env = cls(loader=loader, bytecode_cache=cache, autoescape=True)
        assert env.get_template("t").render(d={"a": "<"}) == "&lt;True"
    assert len(cache.codes) == 2
    env.overlay(cache_size=0).get_template("t")
    assert len(cache.codes) == 2
    assert env.bytecode_cache is not None and env.bytecode_cache.codes is cache.codes  # type: ignore[attr-defined]
    env.bytecode_cache.clear()
    assert not cache.codes
    assert FastEnvironment().bytecode_cache is None


def test_compiled_to_files(tmp_path: Path) -> None:
    env = FastEnvironment(loader=DictLoader({"t": TABLE}), autoescape=True)
    env.compile_templates(str(tmp_path), zip=None)
    ready = FastEnvironment(loader=jinja2.ModuleLoader(str(tmp_path)), autoescape=True)
    assert ready.get_template("t").render(rows=[{"id": "<", "name": 1}]) == "&lt;a1\n"


def test_globals_changed_after_loading() -> None:
    env = FastEnvironment(loader=DictLoader({"t": "{{ a }}{{ b }}{{ c }}"}))
    template = env.get_template("t", globals={"b": 1})
    env.globals["a"] = 0
    assert template.render(c=2) == "012"
    assert env.get_template("t", globals={"b": 3}).render(a=9) == "93"
    with pytest.raises(TypeError):
        template.render({1: 2})


def test_deferred_values() -> None:
    asked = []

    def compute() -> str:
        asked.append(1)
        return "<v>"

    env = FastEnvironment(
        loader=DictLoader({"use": "{{ v }}", "in": "{% include 'use' %}"}), autoescape=True
    )
    render = lambda source: env.from_string(source).render(v=Deferred(compute), n=1)  # noqa: E731
    assert render("{{ n }}") == "1" and not asked
    assert render("{{ v }}{{ v }}{% block b %}{{ v }}{% endblock %}") == "&lt;v&gt;" * 3
    assert len(asked) == 1
    assert render("{% include 'in' %}") == "&lt;v&gt;"
    assert render("{% import 'use' as u with context %}{{ u }}") == "&lt;v&gt;"
    assert render("{% macro m() %}{{ v }}{% endmacro %}{{ m() }}") == "&lt;v&gt;"
    env.globals["get"] = jinja2.pass_context(lambda context: context.get_all()["v"])
    assert render("{{ get() }}") == "&lt;v&gt;"
    env.globals["get"] = jinja2.pass_context(
        lambda context: [context["v"], context.get("v"), *context.values()]
    )
    assert "Deferred" not in render("{{ get() }}")


def test_calls_of_marked_and_plain_functions() -> None:
    class Callable:
        @jinja2.pass_context
        def __call__(self, context: Context, value: int) -> str:
            return f"{context['x']}{value}"

        @jinja2.pass_eval_context
        def method(self, ctx: object, value: int) -> str:
            return f"{type(ctx).__name__}{value}"

    def stop() -> None:
        raise StopIteration

    both(
        "{{ c(1) }}{{ c.method(2) }}{{ f(self=1, obj=2) }}{{ stop() }}{{ env(3) }}"
        "{% for i in [1] %}{% set y = i %}{{ seen('y') }}{{ s.upper() }}{{ int('4') }}{% endfor %}"
        "{{ 5() }}",
        data=lambda: {
            "c": Callable(),
            "f": lambda **kwargs: sorted(kwargs.items()),
            "stop": stop,
            "env": jinja2.pass_environment(lambda env, x: (env.autoescape, x)),
            "seen": jinja2.pass_context(lambda context, name: context.get(name)),
            "x": "<x>",
            "s": "a",
            "int": int,
        },
    )


def test_custom_concat_keeps_stock_output() -> None:
    class Counting(FastEnvironment):
        concat = staticmethod(lambda parts: "|".join(parts))  # type: ignore[assignment]

    assert Counting(autoescape=True).from_string("{{ a }}{{ b }}").render(a=1, b=2) == "1|2"


def test_objects_and_markup_in_a_row() -> None:
    both("{% for x in objects %}{{ x.name }}{{ m }}{{ html }}{{ x.method(1) }}{% endfor %}")
    assert Row(a=1)["only_item"] == "<item>" and Markup("<b>").__html__() == "<b>"


@pytest.mark.timed
def test_several_times_as_fast_as_jinja() -> None:
    rows = [{"id": i, "name": f"<{i}> & co"} for i in range(20)]
    renders = [
        cls(autoescape=True, extensions=EXTENSIONS).from_string(TABLE).render
        for cls in (StockEnvironment, FastEnvironment)
    ]
    best = [9e9, 9e9]
    for _ in range(40):
        for i, render in enumerate(renders):
            start = time.process_time()
            for _ in range(20):
                render(rows=rows)
            best[i] = min(best[i], time.process_time() - start)
    assert best[0] / best[1] > 2
