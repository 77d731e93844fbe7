"""Cases of hostile input, each a test under its own id.

A case is registered under an id such as ``PT-01``; a variant of it under ``PT-01-name``. The
table in docs/reference/bad-input.md has one row for each id, and test_document.py compares.
"""

from __future__ import annotations

import inspect
import time
import typing as t
from functools import partial

import pytest

#: Every id that some module has registered, and whether it is left for the strict profile.
registered: dict[str, bool] = {}


class Cases:
    """The cases of one group.

    Use as a decorator factory: ``@static("PT-01", target="/static/../x")``. The function gets the
    keyword arguments; its other parameters are fixtures. ``left=True`` marks a case where a
    running application could rely on what Flask does: the case shows that we do the same.
    """

    def __init__(self) -> None:
        self._params: list[t.Any] = []

    def __call__(self, name: str, /, *, left: bool = False, **values: t.Any) -> t.Any:
        assert name not in registered
        registered[name] = left

        def decorator(function: t.Any) -> t.Any:
            self._params.append(pytest.param(partial(function, **values), id=name))
            return function

        return decorator

    def test(self) -> t.Any:
        """The parametrised test of the group."""

        @pytest.mark.parametrize("case", self._params)
        def test(case: t.Any, request: pytest.FixtureRequest) -> None:
            parameters = inspect.signature(case.func).parameters.values()
            wanted = {item.name for item in parameters if item.default is item.empty}
            case(**{name: request.getfixturevalue(name) for name in wanted - case.keywords.keys()})

        return test


def seconds(function: t.Callable[[], t.Any]) -> float:
    """Processor time of one call, the least of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return best


def assert_linear(run: t.Callable[[int], t.Any], size: int, factor: int = 8) -> None:
    """Check that the time grows with the size, not with its square.

    Args:
        run: Does the work for a size.
        size: The small size.
        factor: How much larger the large one is.
    """
    run(size)
    small = seconds(lambda: run(size))
    large = seconds(lambda: run(size * factor))
    # Quadratic growth would be factor * factor; the millisecond is the clock's grain.
    assert large < (small + 0.001) * factor * 4
