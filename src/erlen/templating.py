"""Templates: Flask's Jinja environment, loader and rendering functions."""

from __future__ import annotations

import typing as t

from jinja2 import BaseLoader, TemplateNotFound
from jinja2 import Environment as BaseEnvironment

from .ctx import AppContext
from .globals import current_app
from .jinja import Context, Deferred, FastEnvironment
from .latetext import LateText, gather, needs_await, tell
from .signals import before_render_template, template_rendered
from .state import get_current
from .template_context import _default_template_ctx_processor as _default_template_ctx_processor
from .template_context import run_processors, update_template_context

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from jinja2 import Template

    from .app import Erlen
    from .scaffold import Scaffold

    Source = tuple[str, str | None, Callable[[], bool] | None]
    NameOrList = str | Template | list[str | Template]


class Environment(FastEnvironment):
    """The Jinja environment of an application (Flask 3.1: ``flask.templating.Environment``).

    Args:
        app: the application.
        options: what Jinja's environment takes; ``loader`` defaults to the
            application's ``create_global_jinja_loader()``.
    """

    def __init__(self, app: Erlen, **options: t.Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app


class DispatchingJinjaLoader(BaseLoader):
    """Looks for a template in the application's folder, then in the blueprints'.

    Args:
        app: the application; its loader and its blueprints' are asked anew at
            each search, so those registered later count too.
    """

    def __init__(self, app: Erlen) -> None:
        self.app = app

    def get_source(self, environment: BaseEnvironment, template: str) -> Source:
        """Find a template's source.

        Args:
            environment: the environment that asks.
            template: the template's name.

        Returns:
            The source, its file name and a function that tells whether it is
            up to date.

        Raises:
            jinja2.TemplateNotFound: nobody has it.
        """
        if self.app.config["EXPLAIN_TEMPLATE_LOADING"]:
            return self._get_source_explained(environment, template)
        return self._get_source_fast(environment, template)

    def _get_source_fast(self, environment: BaseEnvironment, template: str) -> Source:
        for _, loader in self._iter_loaders(template):
            try:
                return loader.get_source(environment, template)
            except TemplateNotFound:
                continue
        raise TemplateNotFound(template)

    def _get_source_explained(self, environment: BaseEnvironment, template: str) -> Source:
        from .debughelpers import explain_template_loading_attempts

        attempts: list[tuple[BaseLoader, Scaffold, Source | None]] = []
        for owner, loader in self._iter_loaders(template):
            try:
                source = loader.get_source(environment, template)
            except TemplateNotFound:
                attempts.append((loader, owner, None))
            else:
                attempts.append((loader, owner, source))
        explain_template_loading_attempts(self.app, template, attempts)
        for _, _, found in attempts:
            if found is not None:
                return found
        raise TemplateNotFound(template)

    def _iter_loaders(self, template: str) -> Iterator[tuple[Scaffold, BaseLoader]]:
        """Everybody who may have the template, in the order in which they are asked."""
        owners: list[Scaffold] = [self.app, *self.app.iter_blueprints()]
        for owner in owners:
            loader = owner.jinja_loader
            if loader is not None:
                yield owner, loader

    def list_templates(self) -> list[str]:
        """List the names of all templates, each once, in no particular order."""
        names: set[str] = set()
        for _, loader in self._iter_loaders(""):
            names.update(loader.list_templates())
        return list(names)


# At render time there is a context, or these would not have been put in.
_deferred_g = Deferred(lambda: get_current().g)
_deferred_request = Deferred(lambda: get_current().request)


def _defer_default() -> dict[str, t.Any]:
    """As `_default_template_ctx_processor`, but nothing is made before a template names it."""
    ctx = get_current(None)
    if ctx is None:
        return {}
    if ctx.has_request:
        return {"g": _deferred_g, "request": _deferred_request}
    return {"g": _deferred_g}


def _can_defer(app: Erlen, template: Template) -> bool:
    """Whether nobody but the template looks at the variables, and it can settle them."""
    return (
        type(app).update_template_context is update_template_context
        and "update_template_context" not in app.__dict__
        and template.environment.context_class is Context
        and not before_render_template.receivers
        and not template_rendered.receivers
    )


def _send(signal: t.Any, app: Erlen, template: Template, context: dict[str, t.Any]) -> None:
    if signal.receivers:
        signal.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)


def _render(app: Erlen, template: Template, context: dict[str, t.Any]) -> str:
    if isinstance(app, AppContext):
        # Extensions call this too, and Flask 3.2 hands over the context.
        app = app.app
    if needs_await(app):
        name = template.name or "of a string"
        late: t.Any = LateText(lambda: _render_late(app, template, context), name)
        return t.cast(str, late)
    if _can_defer(app, template):
        run_processors(app, context, _defer_default)
        return template.render(context)
    app.update_template_context(context)
    _send(before_render_template, app, template, context)
    text = template.render(context)
    _send(template_rendered, app, template, context)
    return text


async def _render_late(app: Erlen, template: Template, context: dict[str, t.Any]) -> str:
    await _prepare_late(app, template, context)
    text = template.render(context)
    await tell(template_rendered, app, template, context)
    return text


async def _prepare_late(app: Erlen, template: Template, context: dict[str, t.Any]) -> None:
    await gather(app, context, _default_template_ctx_processor)
    await tell(before_render_template, app, template, context)


async def _stream_late(
    app: Erlen, template: Template, context: dict[str, t.Any]
) -> AsyncIterator[str]:
    await _prepare_late(app, template, context)
    for piece in template.generate(context):
        yield piece
    await tell(template_rendered, app, template, context)


def _stream(app: Erlen, template: Template, context: dict[str, t.Any]) -> Iterator[str]:
    if needs_await(app):
        from .helpers import stream_with_context

        return t.cast("Iterator[str]", stream_with_context(_stream_late(app, template, context)))
    # Nothing is deferred: the template may run when the context has gone.
    app.update_template_context(context)
    _send(before_render_template, app, template, context)

    def generate() -> Iterator[str]:
        yield from template.generate(context)
        _send(template_rendered, app, template, context)

    ctx = get_current(None)
    if ctx is None or not ctx.has_request:
        return generate()
    from .helpers import stream_with_context

    return t.cast("Iterator[str]", stream_with_context(generate()))


def _app() -> Erlen:
    ctx = get_current(None)
    if ctx is None:
        # Raises the error that tells what to do.
        return t.cast("Erlen", t.cast(t.Any, current_app)._get_current_object())
    return t.cast("Erlen", ctx.app)


def render_template(template_name_or_list: NameOrList, **context: t.Any) -> str:
    """Render a template by name (Flask 3.1).

    Args:
        template_name_or_list: the name, a template, or several of them, of
            which the first that exists is taken.
        context: the template's variables.

    Returns:
        The text.

    Raises:
        jinja2.TemplateNotFound: there is none.
        RuntimeError: no application context is active.
    """
    app = _app()
    template = app.jinja_env.get_or_select_template(template_name_or_list)
    return _render(app, template, context)


def render_template_string(source: str, **context: t.Any) -> str:
    """Render a template from its source; escapes as an HTML template does (Flask 3.1).

    Never build ``source`` from what a client sends: a template can read the
    configuration and run code.

    Args:
        source: the template.
        context: the template's variables.

    Returns:
        The text.

    Raises:
        jinja2.TemplateSyntaxError: the source is not a template.
        RuntimeError: no application context is active.
    """
    app = _app()
    return _render(app, app.jinja_env.from_string(source), context)


def stream_template(template_name_or_list: NameOrList, **context: t.Any) -> Iterator[str]:
    """Render a template by name piece by piece, for a streamed response (Flask 3.1).

    Args:
        template_name_or_list: the name, a template, or several of them, of
            which the first that exists is taken.
        context: the template's variables.

    Returns:
        An iterator of text, which keeps the request's context while it runs.

    Raises:
        jinja2.TemplateNotFound: there is none.
        RuntimeError: no application context is active.
    """
    app = _app()
    template = app.jinja_env.get_or_select_template(template_name_or_list)
    return _stream(app, template, context)


def stream_template_string(source: str, **context: t.Any) -> Iterator[str]:
    """Render a template from its source piece by piece (Flask 3.1).

    Args:
        source: the template; never build it from what a client sends.
        context: the template's variables.

    Returns:
        An iterator of text, which keeps the request's context while it runs.

    Raises:
        jinja2.TemplateSyntaxError: the source is not a template.
        RuntimeError: no application context is active.
    """
    app = _app()
    return _stream(app, app.jinja_env.from_string(source), context)
