"""Random templates give what Jinja's own code generator gives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from pairs import both  # noqa: E402

EXAMPLES = int(os.environ.get("ERLEN_EXAMPLES", "150"))
NAMES = [
    *"n f b none s plain m text number html d mapping row rows objects nested pairs".split(),
    *"empty once x y absent".split(),
]
LOOP = "index index0 first last length revindex revindex0 depth previtem nextitem odd".split()
KEYS = "id name price x y z none items only_item broken failing nothing keys".split()
FILTERS = ["e", "safe", "upper", "length", "default('<z>')", "list", "first", "string", "int"]
TESTS = ["odd", "even", "defined", "undefined", "none", "string", "mapping", "divisibleby(2)"]

loop_names = st.one_of(
    st.sampled_from([f"loop.{name}" for name in LOOP]),
    st.sampled_from(["loop.index", "loop.first", "loop.last", "loop.cycle('<a>', n)", "loop"]),
    st.sampled_from(["loop['index']", "loop.changed(x)", "loop.cycle('a', 'b', x)"]),
)
leaves = st.one_of(
    st.sampled_from(NAMES),
    loop_names,
    st.sampled_from(["1", "2.5", "'text'", "'<b>'", "none", "true", "[1, 2]", "{'id': 3}"]),
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.builds("{}.{}".format, inner, st.sampled_from(KEYS)),
        st.builds("{}['{}']".format, inner, st.sampled_from(KEYS)),
        st.builds("({} is {})".format, inner, st.sampled_from(TESTS)),
        st.builds("({} is not {})".format, inner, st.sampled_from(TESTS)),
        st.builds("({}|{})".format, inner, st.sampled_from(FILTERS)),
        st.builds("({0[0]} if {0[1]} else {0[0]})".format, pair),
        st.builds("({0[0]} if {0[1]})".format, pair),
        st.builds("({0[0]} ~ {0[1]})".format, pair),
        st.builds("({0[0]} + {0[1]})".format, pair),
        st.builds("({0[0]} == {0[1]})".format, pair),
        st.builds("({0[0]} and {0[1]})".format, pair),
        st.builds("({0[0]}[{0[1]}])".format, pair),
        st.builds("(not {})".format, inner),
        st.builds("call({})".format, inner),
    )


expressions = st.recursive(leaves, _grow, max_leaves=4)
outputs = st.builds("{{{{ {} }}}}".format, expressions)
texts = st.sampled_from(["text", "<p>\n", " \n ", "&"])
SEQUENCES = "rows objects nested pairs once empty x d n absent range(3) [1,2,3]".split()


def _wrap(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map("".join)
    sequence = st.sampled_from(SEQUENCES)
    target = st.sampled_from(["x", "y", "x, y"])
    return st.one_of(
        st.builds("{{% for {} in {} %}}{}{{% endfor %}}".format, target, sequence, body),
        st.builds("{{% for {} in {} %}}{}{{% endfor %}}".format, target, sequence, body),
        st.builds(
            "{{% for {} in {} %}}{}{{% else %}}{}{{% endfor %}}".format,
            target,
            sequence,
            body,
            body,
        ),
        st.builds(
            "{{% for {} in {} if {} %}}{}{{% endfor %}}".format,
            target,
            sequence,
            expressions,
            body,
        ),
        st.builds("{{% for x in nested recursive %}}{}{{% endfor %}}".format, body),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, expressions, body, body),
        st.builds("{{% set x = {} %}}{}".format, expressions, body),
        st.builds("{{% set x %}}{}{{% endset %}}{}".format, body, body),
        st.builds("{{% with y = {} %}}{}{{% endwith %}}".format, expressions, body),
        st.builds("{{% filter upper %}}{}{{% endfilter %}}".format, body),
        st.builds(
            "{{% macro mac(x, y={}) %}}{}{{% endmacro %}}{{{{ mac(n) }}}}".format,
            expressions,
            body,
        ),
        st.builds(
            "{{% macro mac2(x) %}}{{{{ caller(x) }}}}{{% endmacro %}}"
            "{{% call(y) mac2({}) %}}{}{{% endcall %}}".format,
            expressions,
            body,
        ),
        st.builds(
            "{{% autoescape {} %}}{}{{% endautoescape %}}".format,
            st.sampled_from(["true", "false", "b", "absent"]),
            body,
        ),
        st.builds("{{% if {} %}}{{% break %}}{{% endif %}}{}".format, expressions, body),
        st.builds("{{% do call({}) %}}{}".format, expressions, body),
        st.builds("{{% trans v={} %}}<b>{{{{ v }}}}{{% endtrans %}}{}".format, expressions, body),
    )


includes = st.sampled_from(
    [
        "{% include 'part' %}",
        "{% include 'part' without context %}",
        "{% import 'macros' as lib %}{{ lib.show(x) }}",
        "{% import 'macros' as lib with context %}{{ lib.show(loop) }}",
        "{% from 'macros' import show %}{{ show(loop.index) }}",
    ]
)
statements = st.recursive(st.one_of(texts, outputs, outputs, includes), _wrap, max_leaves=8)
sources = st.lists(statements, min_size=1, max_size=3).map("\n".join)
PARTS = {
    "part": "[{{ loop.index }} {{ x.id }} {{ n is odd }}]",
    "macros": "{% macro show(v) %}({{ v.id }} {{ v }} {{ n }}){% endmacro %}",
    "base": "<{% block one %}one{{ n }}{% endblock %}{% block two scoped %}{{ x.id }}"
    "{% endblock %}>",
}
UNDEFINED = [
    jinja2.Undefined,
    jinja2.StrictUndefined,
    jinja2.ChainableUndefined,
    jinja2.DebugUndefined,
]


@jinja2.pass_context
def finalize_with_context(context: jinja2.runtime.Context, value: object) -> object:
    return value if context.get("n") else ""


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    source=sources,
    undefined=st.sampled_from(UNDEFINED),
    autoescape=st.sampled_from([True, True, False]),
    finalize=st.sampled_from(
        [None, None, None, lambda value: "-" if value is None else value, finalize_with_context]
    ),
)
def test_random_templates(source: str, undefined: type, autoescape: bool, finalize: object) -> None:
    both(source, PARTS, undefined=undefined, autoescape=autoescape, finalize=finalize)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(one=statements, two=statements)
def test_random_inheritance(one: str, two: str) -> None:
    source = (
        "{% extends 'base' %}{% set x = d %}"
        f"{{% block one %}}{one}{{{{ super() }}}}{{% endblock %}}"
        f"{{% block two scoped %}}{{% for x in rows %}}{two}{{% endfor %}}{{% endblock %}}"
    )
    both(source, PARTS)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(body=statements, optimized=st.booleans())
def test_random_loops(body: str, optimized: bool) -> None:
    both("{% for x in rows %}" + body + "{{ loop.index }}{% endfor %}", PARTS, optimized=optimized)


def test_the_grammar_renders_something() -> None:
    """Most of the random templates would be worthless if all of them failed."""
    good = 0

    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @given(source=sources)
    def count(source: str) -> None:
        nonlocal good
        good += isinstance(both(source, PARTS), str)

    count()
    assert good > 30


if __name__ == "__main__":
    pytest.main([__file__])
