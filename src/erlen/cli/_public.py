"""Where commands look up the functions that their users replace.

Programs silence the banner with ``flask.cli.show_server_banner = ...`` and
tests patch ``flask.cli.run_simple``.  Both put the new function into the
package, not into the room that holds the original, so the callers ask the
package each time.
"""

from __future__ import annotations

import sys
import typing as t


def public(name: str) -> t.Any:
    """Get a function by its public name in ``erlen.cli``.

    Args:
        name: The name to look up.

    Returns:
        Whatever stands behind the name at this moment.
    """
    return getattr(sys.modules[__package__], name)
