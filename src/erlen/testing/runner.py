"""Commands run inside a test."""

from __future__ import annotations

import typing as t

from click.testing import CliRunner

from ..cli import ScriptInfo

if t.TYPE_CHECKING:
    from click.testing import Result

    from ..app import Erlen


class ErlenCliRunner(CliRunner):
    """Click's test runner, for one application's commands.

    As Flask 3.1's ``FlaskCliRunner``, which is the same class by another name.

    Args:
        app: The application.
        **kwargs: For `click.testing.CliRunner`.
    """

    def __init__(self, app: Erlen, **kwargs: t.Any) -> None:
        self.app = app
        super().__init__(**kwargs)

    def invoke(  # type: ignore[override]
        self, cli: t.Any = None, args: t.Any = None, **kwargs: t.Any
    ) -> Result:
        """Run a command and collect what it printed.

        Args:
            cli: The command. Default: the application's ``cli`` group.
            args: Its command line. Default: empty.
            **kwargs: For click; ``obj`` is by default a `ScriptInfo` that
                gives the application.

        Returns:
            Output, exit code and exception.
        """
        if cli is None:
            cli = self.app.cli

        if "obj" not in kwargs:
            kwargs["obj"] = ScriptInfo(create_app=lambda: self.app)

        return super().invoke(cli, args, **kwargs)
