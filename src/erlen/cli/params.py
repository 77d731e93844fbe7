"""Types of option values: a certificate with its key, a list of paths."""

from __future__ import annotations

import typing as t

import click

from ._public import public


class CertParamType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5
    """What ``--cert`` takes: a file, ``adhoc``, or an import of an ``SSLContext``."""

    name = "path"

    def __init__(self) -> None:
        self.path_type = click.Path(exists=True, dir_okay=False, resolve_path=True)

    def convert(
        self, value: t.Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> t.Any:
        """Turn the text into what Werkzeug's server takes.

        Args:
            value: What was given.
            param: The option.
            ctx: The context.

        Returns:
            An absolute path, ``"adhoc"``, or an ``ssl.SSLContext``.

        Raises:
            click.BadParameter: It is none of them, or what it needs is not
                installed.
        """
        try:
            import ssl
        except ImportError:
            raise click.BadParameter(
                'Using "--cert" requires Python to be compiled with SSL support.',
                ctx,
                param,
            ) from None

        try:
            return self.path_type(value, param, ctx)
        except click.BadParameter:
            name = click.STRING(value, param, ctx).lower()

            if name == "adhoc":
                return _adhoc(param, ctx)

            found = public("import_string")(name, silent=True)

            if isinstance(found, ssl.SSLContext):
                return found

            raise


def _adhoc(param: click.Parameter | None, ctx: click.Context | None) -> str:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise click.BadParameter(
            "Using ad-hoc certificates requires the cryptography library.", ctx, param
        ) from None

    return "adhoc"


def _is_ssl_context(value: t.Any) -> bool:
    try:
        import ssl
    except ImportError:
        return False

    return isinstance(value, ssl.SSLContext)


def _validate_key(ctx: click.Context, param: click.Parameter, value: t.Any) -> t.Any:
    """Join ``--key`` with the ``--cert`` that it belongs to. A click callback.

    Only a certificate file has a key file, and it must have one.
    """
    cert = ctx.params.get("cert")
    problem = None

    if value is not None:
        if cert == "adhoc":
            problem = 'When "--cert" is "adhoc", "--key" is not used.'
        elif _is_ssl_context(cert):
            problem = 'When "--cert" is an SSLContext object, "--key" is not used.'
        elif not cert:
            problem = '"--cert" must also be specified.'
        else:
            ctx.params["cert"] = cert, value
    elif cert and cert != "adhoc" and not _is_ssl_context(cert):
        problem = 'Required when using "--cert".'

    if problem is not None:
        raise click.BadParameter(problem, ctx, param)

    return value


class SeparatedPathType(click.Path):
    """Several paths in one value, separated as in ``PATH``."""

    def convert(  # type: ignore[override]
        self, value: t.Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[t.Any]:
        """Turn each part into a path.

        Args:
            value: What was given.
            param: The option.
            ctx: The context.

        Returns:
            The paths.

        Raises:
            click.BadParameter: `click.Path` refuses one of them.
        """
        convert = super().convert
        return [convert(part, param, ctx) for part in self.split_envvar_value(value)]
