"""Templates to texts.

The templates are Jinja's with other marks, since many of the files they make are templates
themselves: ``<{ value }>``, ``<% if %>``, ``<# comment #>`` and lines that begin with ``%%``.
"""

from __future__ import annotations

import functools
import re
import typing as t
from importlib.resources import files

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound


class _Loader(BaseLoader):
    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, t.Callable[[], bool] | None]:
        source = files(__package__ or "") / "files" / f"{template}.jinja"
        if not source.is_file():
            raise TemplateNotFound(template)
        # Jinja's own line statements swallow the empty lines that follow.
        text = re.sub(r"^%% *(.*)$", r"<% \1 %>", source.read_text("utf-8"), flags=re.M)
        return text, None, None


@functools.cache
def _environment() -> Environment:
    return Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<{",
        variable_end_string="}>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        loader=_Loader(),
        # What is made is Python, YAML and templates that escape for themselves.
        autoescape=False,
    )


def render(templates: t.Mapping[str, str], values: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Make the texts of files.

    Args:
        templates: File, relative to the project, to its template.
        values: What the templates can use.

    Returns:
        File to text, in the same order.
    """
    environment = _environment()
    return {
        path: environment.get_template(template).render(values)
        for path, template in templates.items()
    }
