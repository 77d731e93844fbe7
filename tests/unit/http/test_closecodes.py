"""Close codes: which may be sent, and what an HTTP status becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlen.http.closecodes import check_close, code_for_status, short_reason

SENDABLE = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}


def test_codes() -> None:
    for code in range(-1, 6000):
        if code in SENDABLE or 3000 <= code < 5000:
            check_close(code, "")
        else:
            with pytest.raises(ValueError, match=str(code)):
                check_close(code, "")


@pytest.mark.parametrize("code", ["1000", 1000.0, None, True])
def test_what_is_no_code(code: object) -> None:
    with pytest.raises(ValueError, match="no close code"):
        check_close(code, "")  # type: ignore[arg-type]


def test_reasons() -> None:
    check_close(1000, "x" * 123)
    check_close(1000, "\u20ac" * 41)
    for reason in ("x" * 124, "\u20ac" * 42):
        with pytest.raises(ValueError, match="123 bytes"):
            check_close(1000, reason)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, 1000),
        (204, 1000),
        (302, 1000),
        (400, 1008),
        (401, 1008),
        (413, 1009),
        (429, 1008),
        (500, 1011),
        (502, 1011),
        (503, 1013),
    ],
)
def test_statuses(status: int, code: int) -> None:
    assert code_for_status(status) == code


@given(st.text())
def test_any_text_is_cut_to_a_reason(text: str) -> None:
    reason = short_reason(text)
    check_close(1000, reason)
    whole = text.encode("utf-8", "replace").decode()
    assert whole.startswith(reason)
    assert len(whole) - len(reason) == 0 or len(reason.encode()) > 119
