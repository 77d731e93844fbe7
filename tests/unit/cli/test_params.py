from __future__ import annotations

import os
import ssl
import sys
import types
import typing as t
from pathlib import Path

import click
import pytest

Write = t.Callable[..., Path]


def params(side: t.Any, *args: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", side.cli.run_command.make_context("run", list(args)).params)


def refusal(side: t.Any, *args: str) -> str:
    with pytest.raises(click.BadParameter) as caught:
        params(side, *args)

    return caught.value.format_message()


@pytest.fixture(autouse=True)
def files(write: Write) -> None:
    write("cert.pem", "")
    write("key.pem", "")


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    module = types.ModuleType("certs")
    module.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "certs", module)
    return t.cast(ssl.SSLContext, module.context)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "args",
    [
        ["--cert", "cert.pem", "--key", "key.pem"],
        ["--key", "key.pem", "--cert", "cert.pem"],
    ],
)
def test_files(side: t.Any, tmp_path: Path, args: list[str]) -> None:
    expected = tuple(str((tmp_path / name).resolve()) for name in ("cert.pem", "key.pem"))
    assert params(side, *args)["cert"] == expected


def test_adhoc(side: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", types.ModuleType("cryptography"))
    assert params(side, "--cert", "adhoc")["cert"] == "adhoc"


@pytest.mark.parametrize("path", ["certs:context", "certs.context"])
def test_context(side: t.Any, context: ssl.SSLContext, path: str) -> None:
    assert params(side, "--cert", path)["cert"] is context


@pytest.mark.parametrize(
    ("args", "missing"),
    [
        (["--cert", "cert.pem"], None),
        (["--key", "key.pem"], None),
        (["--cert", "adhoc", "--key", "key.pem"], None),
        (["--cert", "certs:context", "--key", "key.pem"], None),
        (["--cert", "not_there"], None),
        (["--cert", "os:path"], None),
        (["--cert", "adhoc"], "cryptography"),
        (["--cert", "cert.pem"], "ssl"),
        (["--key", "not_there"], None),
    ],
)
def test_refusals_are_those_of_flask(
    both: t.Any,
    context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    missing: str | None,
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", types.ModuleType("cryptography"))

    if missing:
        monkeypatch.setitem(sys.modules, missing, None)

    texts = [refusal(side, *args) for side in both]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("option", ["--extra-files", "--exclude-patterns"])
@pytest.mark.parametrize("items", [["a"], ["a", "b*"], ["cert.pem"]])
def test_lists(side: t.Any, option: str, items: list[str]) -> None:
    found = params(side, option, os.pathsep.join(items))
    assert found[option[2:].replace("-", "_")] == items


def test_each_path_is_checked(side: t.Any) -> None:
    kind = side.cli.SeparatedPathType(exists=True)
    assert kind("cert.pem" + os.pathsep + "key.pem", None, None) == ["cert.pem", "key.pem"]

    with pytest.raises(click.BadParameter, match="does not exist"):
        kind("cert.pem" + os.pathsep + "no.pem", None, None)
