"""Values in templates."""

from __future__ import annotations

import typing as t
from pathlib import Path

import flask
import pytest
from jinja2.sandbox import SandboxedEnvironment

import erlen
from bad_inputs.calls import Answer, get, make, same, twins
from bad_inputs.cases import Cases, assert_linear

templates = Cases()

SCRIPT = "<script>'\"&</script>"


def rendering(name: str, source: str, folder: Path, **values: t.Any) -> t.Callable[[t.Any], None]:
    """A view that renders one file."""
    (folder / name).write_text(source)

    def add(app: t.Any) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else flask
        app.add_url_rule("/", "index", lambda: package.render_template(name, **values))

    return add


def both(name: str, source: str, folder: Path, **values: t.Any) -> Answer:
    return same(twins(rendering(name, source, folder, **values), template_folder=str(folder)))


def string(source: str, **values: t.Any) -> Answer:
    def add(app: t.Any) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else flask
        app.add_url_rule("/", "index", lambda: package.render_template_string(source, **values))

    return same(twins(add))


@templates("TM-01", left=True, name="page.html.j2")
@templates("TM-01-jinja", left=True, name="page.jinja2")
@templates("TM-01-text", left=True, name="page.txt")
@templates("TM-01-upper", left=True, name="page.HTML")
def not_escaped(tmp_path: Path, name: str) -> None:
    # Applications write mails and configuration files with such templates.
    assert both(name, "{{ v }}", tmp_path, v="<b>").text == "<b>"


@templates("TM-02", name="page.html")
@templates("TM-02-svg", name="page.svg")
@templates("TM-02-xml", name="page.xml")
@templates("TM-02-xhtml", name="page.xhtml")
@templates("TM-02-htm", name="page.htm")
def escaped(tmp_path: Path, name: str) -> None:
    source = (
        "{{ v }}{% set w = v %}{{ w }}{% for x in [v] %}{{ x ~ x }}{% endfor %}"
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(v) }}{{ v|upper }}{{ [v]|join('<') }}"
        "{{ '%s' % v }}{{ v.replace('a', '<') }}{{ '{}'.format(v) }}{{ undefined_name }}"
    )
    answer = both(name, source, tmp_path, v=SCRIPT)
    assert answer.status == 200 and "<" not in answer.text


@templates("TM-02-string")
def strings_are_escaped() -> None:
    assert "<" not in string("{{ v }}{{ [v] }}{{ {'k': v} }}", v=SCRIPT).text


@templates("TM-02-include")
def other_files_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "base.html").write_text("{% block b %}{% endblock %}{% include 'part.html' %}")
    (tmp_path / "part.html").write_text("{{ v }}")
    source = "{% extends 'base.html' %}{% block b %}{{ v }}{{ super() }}{% endblock %}"
    assert "<" not in both("page.html", source, tmp_path, v=SCRIPT).text


@templates("TM-04", left=True)
def source_of_a_user() -> None:
    # Where users write templates, applications render them in a sandbox of their own.
    assert string("{{ config.SECRET_KEY }}").text == "key"


@templates("TM-05", key="a b")
@templates("TM-05-slash", key="a/b")
@templates("TM-05-greater", key="a>b")
@templates("TM-05-equals", key="a=b")
@templates("TM-05-line", key="a\nb")
def xmlattr(key: str) -> None:
    app = make()
    app.testing = True
    source = "<a{{ {k: 'v'}|xmlattr }}>"
    app.add_url_rule("/", "index", lambda: erlen.render_template_string(source, k=key))
    with pytest.raises(ValueError, match="Invalid character"):
        get(app)


@templates("TM-07")
def tojson() -> None:
    answer = string("<script>v = {{ v|tojson }}</script>", v=["</script><!--", "'", '"', "&"])
    inner = answer.text.removeprefix("<script>").removesuffix("</script>")
    assert not set("<>&'") & set(inner)
    assert set('"') & set(string("<a data-v='{{ v|tojson }}'>", v=["'"]).text) == {'"'}


@templates("TM-08", filter="urlize", unit=".")
@templates("TM-08-at", filter="urlize", unit="a@")
@templates("TM-08-brackets", filter="urlize", unit="(")
@templates("TM-08-scheme", filter="urlize", unit="http://")
@templates("TM-08-entities", filter="urlize", unit="&lt;")
@templates("TM-10", filter="wordwrap", unit="a ")
@templates("TM-10-truncate", filter="truncate", unit="a ")
@templates("TM-10-indent", filter="indent", unit="a\n")
@templates("TM-10-striptags", filter="striptags", unit="<!--")
@templates("TM-10-title", filter="title", unit="a-")
def long_values(filter: str, unit: str) -> None:
    app = make()
    template = app.jinja_env.from_string("{{ v|" + filter + " }}")
    assert_linear(lambda n: template.render(v=unit * n), 3000)


@templates("TM-11")
def range_in_a_sandbox() -> None:
    template = SandboxedEnvironment().from_string("{% for x in range(10**9) %}{% endfor %}")
    with pytest.raises(OverflowError):
        template.render()


@templates("TM-11-attributes")
def attributes_in_a_sandbox() -> None:
    from jinja2.exceptions import SecurityError

    template = SandboxedEnvironment().from_string("{{ ''.__class__.__mro__ }}{{ v.__init__ }}")
    with pytest.raises(SecurityError):
        template.render(v=object())


@templates("TM-13", left=True)
def script_in_a_link() -> None:
    answer = string('<a href="{{ v }}">', v="javascript:alert(1)")
    assert answer.text == '<a href="javascript:alert(1)">'


@templates("TM-14", text="<script>")
@templates("TM-14-quotes", text="\"'&<b>")
@templates("TM-14-nul", text="\0<")
def description_of_an_error(text: str) -> None:
    def add(app: t.Any) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else flask
        app.add_url_rule("/", "index", lambda: package.abort(400, text))

    answer = same(twins(add))
    assert answer.status == 400 and text not in answer.text


@templates("TM-14-path")
def path_in_an_error_page() -> None:
    for target in ("/<script>", "/%3Cscript%3E", "/dir?<script>", "//<script>/"):
        answer = same(twins(lambda app: app.add_url_rule("/dir/", "d", lambda: "")), target)
        assert b"<script" not in answer.body


test_template = templates.test()
