"""The ``erlen`` command itself."""

from __future__ import annotations

from .compat import compat_command
from .deploy import deploy_command
from .group import ErlenGroup
from .new import new_command
from .options import as_flask_option
from .production import serve_command

cli = ErlenGroup(
    name="erlen",
    params=[as_flask_option],
    help="""\
Run, inspect and manage an application.

Which one, say '--app', the environment variable ERLEN_APP or FLASK_APP, or
a file 'wsgi.py' or 'app.py' in the current directory.
""",
)

# Not in Flask's group, which has Flask's commands only.
cli.add_command(serve_command)
cli.add_command(compat_command)
cli.add_command(new_command)
cli.add_command(deploy_command)


def main() -> None:
    """Run the command line of this process."""
    cli.main()
