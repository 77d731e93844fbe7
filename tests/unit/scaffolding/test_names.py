"""Names of projects."""

from __future__ import annotations

import pytest

from erlen.scaffolding import Choices, Names, ScaffoldError, check_name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("shop", Names("shop", "shop", "shop", "SHOP", "Shop")),
        ("My-Shop2", Names("My-Shop2", "my_shop2", "my-shop2", "MY_SHOP2", "My shop2")),
        ("my_shop", Names("my_shop", "my_shop", "my-shop", "MY_SHOP", "My shop")),
    ],
)
def test_forms(given: str, expected: Names) -> None:
    assert check_name(given) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "needs a name"),
        ("a/b", "is a path"),
        ("..", "is a path"),
        ("a\\b", "is a path"),
        ("2shop", "begin with a letter"),
        ("shop-", "can't name a project"),
        ("a--b", "can't name a project"),
        ("shöp", "letters from a to z"),
        ("shop\n", "can't name a project"),
        ("a b", "can't name a project"),
        ("a" * 51, "51 characters"),
        ("class", "a word of Python"),
        ("json", "would hide"),
        ("Flask", "would hide"),
        ("tests", "would hide"),
        ("erlen", "'erlen-site'"),
    ],
)
def test_what_is_no_name(given: str, said: str) -> None:
    with pytest.raises(ScaffoldError, match=said):
        check_name(given)


def test_login_needs_a_database() -> None:
    with pytest.raises(ScaffoldError, match="--database sqlite"):
        Choices(login=True).check()
    assert Choices("sqlite", login=True).check().login
