"""Configuration is loaded as by Flask; every change bumps the epoch."""

from __future__ import annotations

import copy
import json
import os
import pickle
import tomllib
import typing as t

import pytest
from flask.config import Config as FlaskConfig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erlen.config import Config, ConfigAttribute
from erlen.state import epoch

SETTING = "x"
TEST_KEY = "foo"
lower = "not loaded"


def outcome(call: t.Callable[[], t.Any]) -> t.Any:
    try:
        return call()
    except Exception as error:
        return type(error), str(error), getattr(error, "strerror", None)


def both(root: t.Any, defaults: t.Any = None) -> tuple[Config, FlaskConfig]:
    return Config(root, defaults), FlaskConfig(root, defaults)


def same(root: t.Any, call: t.Callable[[t.Any], t.Any]) -> Config:
    """Do the same with both; results, errors and contents have to be equal."""
    ours, theirs = both(root, {"OLD": 1})
    assert outcome(lambda: call(ours)) == outcome(lambda: call(theirs))
    assert ours == theirs
    assert list(ours) == list(theirs)
    return ours


NAMES = st.text("aBC_", min_size=1, max_size=8)
VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
    st.sampled_from(["1", "true", '{"a": [1]}', '{"A": {}}', "[", "NaN", "1e400", '"q"', "{}"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES.map(lambda name: f"FLASK_{name}"), VALUES, max_size=5))
def test_prefixed_env(tmp_path: t.Any, environ: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        same(tmp_path, lambda config: config.from_prefixed_env())
        same(tmp_path, lambda config: config.from_prefixed_env("FLASK_A"))


def test_prefixed_env_nested(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "NOT_FLASK_A": "1",
        "FLASK_EXIST__ok": "other",
        "FLASK_EXIST__inner__ik": "2",
        "FLASK_EXIST__new__more": '{"k": false}',
        "FLASK_NEW__K": "v",
    }.items():
        monkeypatch.setenv(name, value)
    config = Config("", {"EXIST": {"ok": "value", "inner": {"ik": 1}}})
    before = epoch.value
    assert config.from_prefixed_env() is True
    assert epoch.value > before
    assert config["EXIST"] == {"ok": "other", "inner": {"ik": 2}, "new": {"more": {"k": False}}}
    assert config["NEW"] == {"K": "v"}
    assert "A" not in config


def test_prefixed_env_own_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_A", "1")
    monkeypatch.setenv("APP_B", "x")
    config = same("", lambda config: config.from_prefixed_env("APP", loads=int))
    assert config == {"OLD": 1, "A": 1, "B": "x"}


MAPPINGS = st.dictionaries(st.text("aB_1é", max_size=4), st.integers(), max_size=5)


@given(MAPPINGS, MAPPINGS)
def test_mapping(mapping: dict[str, int], kwargs: dict[str, int]) -> None:
    same("", lambda config: config.from_mapping(mapping))
    same("", lambda config: config.from_mapping(None, **kwargs))
    same("", lambda config: config.from_mapping(mapping, **kwargs))


@given(MAPPINGS, st.text("aB_1é", max_size=3), st.booleans(), st.booleans())
def test_namespace(content: dict[str, int], prefix: str, lowercase: bool, trim: bool) -> None:
    ours, theirs = both("", content)
    expected = theirs.get_namespace(prefix, lowercase, trim)
    assert ours.get_namespace(prefix, lowercase, trim) == expected


class Base:
    A = 1

    @property
    def P(self) -> int:
        return 3


class Derived(Base):
    B = 2
    mixedCase = 3


@pytest.mark.parametrize(
    "source",
    [
        __name__,
        "json.decoder",
        "no.such.module",
        "json:nothing",
        Derived,
        Derived(),
        {"A": 1},
        "json",
    ],
)
def test_object(source: t.Any) -> None:
    same("", lambda config: _plain(config, source))


def _plain(config: t.Any, source: t.Any) -> t.Any:
    result = config.from_object(source)
    for key, value in config.items():
        if isinstance(value, property):
            config[key] = "property"
    return result


FILES = {
    "ok.py": "SECRET_KEY = 'x'\nlower = 1\nfrom os import path as PATH\nFILE = __file__\n",
    "broken.py": "A = (",
    "raises.py": "1/0",
    "oserror.py": "open('/no/such/file')",
    "ok.json": '{"A": 1, "b": 2}',
    "ok.toml": "A = 1\nb = 2\n[TABLE]\nx = [1.5]\n",
    "latin.py": "# -*- coding: latin-1 -*-\nA = '\xe9'\n",
}


@pytest.fixture
def root(tmp_path: t.Any) -> t.Any:
    for name, text in FILES.items():
        encoding = "latin-1" if name == "latin.py" else "utf-8"
        (tmp_path / name).write_text(text, encoding=encoding)
    (tmp_path / "folder").mkdir()
    return tmp_path


NAMES_OF_FILES = [*FILES, "missing.py", "folder", "ok.py/below"]


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("name", NAMES_OF_FILES)
def test_pyfile(root: t.Any, name: str, silent: bool) -> None:
    same(root, lambda config: config.from_pyfile(name, silent=silent))
    same("/", lambda config: config.from_pyfile(root / name, silent=silent))


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("name", NAMES_OF_FILES)
@pytest.mark.parametrize(("load", "text"), [(json.load, True), (tomllib.load, False)])
def test_file(root: t.Any, name: str, silent: bool, load: t.Any, text: bool) -> None:
    same(root, lambda config: config.from_file(name, load=load, silent=silent, text=text))


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("value", [None, "", "ok.py", "missing.py"])
def test_envvar(
    root: t.Any, monkeypatch: pytest.MonkeyPatch, value: str | None, silent: bool
) -> None:
    monkeypatch.delenv("SETTINGS_FILE", raising=False)
    if value is not None:
        monkeypatch.setenv("SETTINGS_FILE", value)
    same(root, lambda config: config.from_envvar("SETTINGS_FILE", silent=silent))


def test_toml(root: t.Any) -> None:
    config = Config(root)
    assert config.from_toml("ok.toml") is True
    assert config == {"A": 1, "TABLE": {"x": [1.5]}}
    assert config.from_toml("missing.toml", silent=True) is False
    with pytest.raises(FileNotFoundError, match="Unable to load configuration file"):
        config.from_toml("missing.toml")
    with pytest.raises(tomllib.TOMLDecodeError):
        config.from_toml("ok.json")


def test_every_loader_bumps(root: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_Q__B", "1")
    config = Config(root)
    config.from_prefixed_env("APP")
    for load in (
        lambda: config.from_pyfile("ok.py"),
        lambda: config.from_object(Derived),
        lambda: config.from_toml("ok.toml"),
        lambda: config.from_mapping(A=1),
        lambda: config.from_prefixed_env("APP"),
        lambda: config.update(A=2),
        lambda: config.__ior__({"A": 3}),
        lambda: config.setdefault("A", 3),
        lambda: config.pop("A"),
    ):
        before = epoch.value
        load()
        assert epoch.value > before


def test_repr_copy_and_pickle() -> None:
    ours, theirs = both("/root", {"A": 1})
    assert repr(ours) == repr(theirs)
    for copied in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert copied == ours
        assert type(copied) is Config
        assert copied.root_path == "/root"


def test_attribute() -> None:
    class App:
        plain: ConfigAttribute[t.Any] = ConfigAttribute("PLAIN")
        text = ConfigAttribute("NUMBER", get_converter=str)

        def __init__(self) -> None:
            self.config = Config("", {"PLAIN": 1, "NUMBER": 2})

    app = App()
    assert isinstance(App.plain, ConfigAttribute)
    assert app.plain == 1
    assert app.text == "2"
    app.plain = 5
    assert app.config["PLAIN"] == 5
    del app.config["PLAIN"]
    with pytest.raises(KeyError):
        _ = app.plain


def test_relative_to_any_path_like_root(root: t.Any) -> None:
    assert Config(os.fspath(root)).from_pyfile("ok.py")
    assert Config(root).from_pyfile("ok.py")
