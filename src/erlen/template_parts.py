"""The Jinja environment of an application, and what is added to it."""

from __future__ import annotations

import typing as t
from functools import partial

from .scaffold import setupmethod
from .serving import ServingScaffold

if t.TYPE_CHECKING:
    from . import typing as ft
    from .templating import DispatchingJinjaLoader, Environment

F = t.TypeVar("F", bound=t.Callable[..., t.Any])


class _LateEnvironment:
    """The stock Jinja environment, whose module is loaded with the first template."""

    def __get__(self, instance: t.Any, owner: t.Any) -> type[Environment]:
        from .templating import Environment

        return Environment


class TemplateParts(ServingScaffold):
    """The part of an application's interface that is about templates."""

    jinja_environment: type[t.Any] = _LateEnvironment()  # type: ignore[assignment]
    jinja_options: dict[str, t.Any] = {}

    @property
    def jinja_env(self) -> Environment:
        """The Jinja environment, made at first use."""
        return self._kept("_jinja_env", self.create_jinja_environment)  # type: ignore[no-any-return]

    @jinja_env.setter
    def jinja_env(self, value: Environment) -> None:
        self._jinja_env = value

    def create_jinja_environment(self) -> Environment:
        """Make the Jinja environment; :mod:`erlen.app` gives it Flask's globals."""
        raise NotImplementedError

    def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
        """Make the loader that looks into the application's and the blueprints' folders."""
        from .templating import DispatchingJinjaLoader

        return DispatchingJinjaLoader(self)  # type: ignore[arg-type]

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Whether a template is escaped: by its ending, and always for strings.

        Args:
            filename: Name of the template, None for a string.
        """
        if filename is None:
            return True
        return filename.endswith((".html", ".htm", ".xml", ".xhtml", ".svg"))

    def _template_part(self, table: str, name: t.Any) -> t.Any:
        """A decorator that puts a function into a table of the Jinja environment."""

        def decorator(f: F, name: str | None) -> F:
            getattr(self.jinja_env, table)[name or f.__name__] = f
            return f

        if callable(name):
            return decorator(name, None)
        return partial(decorator, name=name)

    @t.overload
    def template_filter(self, name: ft.TemplateFilter) -> ft.TemplateFilter: ...
    @t.overload
    def template_filter(
        self, name: str | None = None
    ) -> t.Callable[[ft.TemplateFilter], ft.TemplateFilter]: ...
    @setupmethod
    def template_filter(self, name: t.Any = None) -> t.Any:
        """Register the decorated function as a template filter."""
        return self._template_part("filters", name)

    @setupmethod
    def add_template_filter(self, f: ft.TemplateFilterCallable, name: str | None = None) -> None:
        """Register a template filter; its own name if none is given."""
        self._template_part("filters", name)(f)

    @t.overload
    def template_test(self, name: ft.TemplateTest) -> ft.TemplateTest: ...
    @t.overload
    def template_test(
        self, name: str | None = None
    ) -> t.Callable[[ft.TemplateTest], ft.TemplateTest]: ...
    @setupmethod
    def template_test(self, name: t.Any = None) -> t.Any:
        """Register the decorated function as a template test."""
        return self._template_part("tests", name)

    @setupmethod
    def add_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """Register a template test; its own name if none is given."""
        self._template_part("tests", name)(f)

    @t.overload
    def template_global(self, name: ft.TemplateGlobal) -> ft.TemplateGlobal: ...
    @t.overload
    def template_global(
        self, name: str | None = None
    ) -> t.Callable[[ft.TemplateGlobal], ft.TemplateGlobal]: ...
    @setupmethod
    def template_global(self, name: t.Any = None) -> t.Any:
        """Register the decorated function as a template global."""
        return self._template_part("globals", name)

    @setupmethod
    def add_template_global(self, f: ft.TemplateGlobalCallable, name: str | None = None) -> None:
        """Register a template global; its own name if none is given."""
        self._template_part("globals", name)(f)
