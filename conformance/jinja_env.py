"""A pytest plugin that runs Jinja2's own test suite on the fast code generator.

    pip download --no-binary :all: --no-deps jinja2==3.1.6 -d DIR && tar -C DIR -xf DIR/*.tar.gz
    cd DIR/jinja2-3.1.6
    PYTHONPATH=SRC:CONFORMANCE python -m pytest -p jinja_env tests

The suite makes its environments by ``jinja2.Environment``; what
`FastEnvironment` sets is put on that class itself.
"""

from __future__ import annotations

import os

import jinja2

from erlen.jinja import FastEnvironment
from erlen.jinja.compiler import supported

if os.environ.get("JINJA_ENV") != "stock":
    assert supported(), f"Jinja2 {jinja2.__version__} keeps its own code generator"
    for name in ("code_generator_class", "context_class", "template_class"):
        setattr(jinja2.Environment, name, FastEnvironment.__dict__[name])


def pytest_report_header() -> str:
    """Say which generator the suite runs on."""
    return f"code generator: {jinja2.Environment.code_generator_class.__name__}"
