from __future__ import annotations

import importlib.machinery
import sys
import types
import typing as t
from pathlib import Path

import pytest

Write = t.Callable[..., Path]


def module_with(**names: t.Any) -> types.ModuleType:
    module = types.ModuleType("mod")
    vars(module).update(names)
    return module


class TestFindBestApp:
    @pytest.mark.parametrize("name", ["app", "application", "anything"])
    def test_an_instance(self, side: t.Any, name: str) -> None:
        app = side.App("one")
        assert side.cli.find_best_app(module_with(**{name: app})) is app

    def test_common_name_before_the_others(self, side: t.Any) -> None:
        module = module_with(other=side.App("other"), app=side.App("right"))
        assert side.cli.find_best_app(module).name == "right"

    @pytest.mark.parametrize("name", ["create_app", "make_app"])
    def test_a_factory(self, side: t.Any, name: str) -> None:
        def factory(**kwargs: t.Any) -> t.Any:
            return side.App("made")

        assert side.cli.find_best_app(module_with(**{name: factory})).name == "made"

    def test_an_instance_before_a_factory(self, side: t.Any) -> None:
        app = side.App("there")
        module = module_with(create_app=lambda: side.App("made"), mine=app)
        assert side.cli.find_best_app(module) is app

    def test_a_factory_that_makes_something_else_is_passed_over(self, side: t.Any) -> None:
        module = module_with(create_app=lambda: None, make_app=lambda: side.App("second"))
        assert side.cli.find_best_app(module).name == "second"

    def test_an_error_in_the_factory_is_the_users(self, side: t.Any) -> None:
        def create_app() -> t.Any:
            raise TypeError("in the factory")

        with pytest.raises(TypeError, match="in the factory"):
            side.cli.find_best_app(module_with(create_app=create_app))

    def test_texts_are_those_of_flask(self, both: t.Any) -> None:
        texts = []

        for side in both:
            App = side.App
            modules = [
                module_with(),
                module_with(a=App("a"), b=App("b")),
                module_with(create_app=lambda needed: None),
                module_with(create_app=lambda: None),
            ]
            texts.append([error_text(side, side.cli.find_best_app, m) for m in modules])

        assert texts[0] == texts[1]

    def test_an_application_of_the_other_package_is_named(self, erlen_side: t.Any) -> None:
        module = module_with(app=pytest.importorskip("flask").Flask("x"))
        text = error_text(erlen_side, erlen_side.cli.find_best_app, module)
        assert "'app' was made with the flask package" in text
        assert "erlen --as-flask" in text


def error_text(side: t.Any, function: t.Any, *args: t.Any) -> str:
    with pytest.raises(side.cli.NoAppException) as caught:
        function(*args)

    return caught.value.format_message()


class TestFindAppByString:
    @pytest.fixture
    def module(self, side: t.Any) -> types.ModuleType:
        def create(*args: t.Any, **kwargs: t.Any) -> t.Any:
            return side.App("_".join(map(str, [*args, *kwargs.values()])) or "bare")

        return module_with(app=side.App("plain"), create=create)

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("app", "plain"),
            (" app ", "plain"),
            ("create", "bare"),
            ("create()", "bare"),
            ("create(1, 'b')", "1_b"),
            ("create('a', key='b', )", "a_b"),
            (" create ( ) ", "bare"),
        ],
    )
    def test_forms(self, side: t.Any, module: t.Any, text: str, name: str) -> None:
        assert side.cli.find_app_by_string(module, text).name == name

    def test_a_type_error_inside_is_the_users(self, side: t.Any) -> None:
        def create(x: int) -> t.Any:
            return "a" + x  # type: ignore[operator]

        with pytest.raises(TypeError, match="concatenate|unsupported"):
            side.cli.find_app_by_string(module_with(create=create), "create(1)")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "create(",
            "1 + 1",
            "a.b",
            "a.b()",
            "create(name)",
            "missing",
            "missing()",
            "number",
            "narrow()",
            "gives_none()",
        ],
    )
    def test_texts_are_those_of_flask(self, both: t.Any, text: str) -> None:
        def narrow(needed: int) -> None: ...

        names = {"number": 1, "narrow": narrow, "gives_none": lambda: None}
        names["create"] = lambda *args: None
        texts = [
            error_text(side, side.cli.find_app_by_string, module_with(**names), text)
            for side in both
        ]
        assert texts[0] == texts[1]


class TestPrepareImport:
    @pytest.mark.parametrize(
        ("path", "name", "folder"),
        [
            ("mod", "mod", "."),
            ("mod.py", "mod", "."),
            ("sub/mod.py", "mod", "sub"),
            ("pack", "pack", "."),
            ("pack/__init__.py", "pack", "."),
            ("pack/inner/mod.py", "pack.inner.mod", "."),
            ("pack/inner/__init__", "pack.inner", "."),
            ("pack.inner.mod", "pack.inner.mod", "."),
            ("notes.txt", "notes.txt", "."),
        ],
    )
    def test_name_and_folder(
        self, side: t.Any, write: Write, tmp_path: Path, path: str, name: str, folder: str
    ) -> None:
        write("pack/__init__.py", "")
        write("pack/inner/__init__.py", "")
        assert side.cli.prepare_import(path) == name
        assert sys.path[0] == str((tmp_path / folder).resolve())

    def test_the_path_does_not_grow(self, side: t.Any) -> None:
        side.cli.prepare_import("mod")
        before = sys.path[:]
        side.cli.prepare_import("mod")
        assert sys.path == before


class TestLocateApp:
    @pytest.fixture(autouse=True)
    def importable(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.syspath_prepend(tmp_path)

    def test_found(self, side: t.Any, write: Write) -> None:
        app = side.App.__name__
        write("found.py", f"from {side.name}.app import {app}\nmine = {app}('right')\n")
        assert side.cli.locate_app("found", None).name == "right"
        assert side.cli.locate_app("found", "mine").name == "right"

    def test_missing_module(self, both: t.Any) -> None:
        texts = [error_text(side, side.cli.locate_app, "not.there", None) for side in both]
        assert texts == ["Could not import 'not.there'."] * 2

    def test_missing_module_may_be_no_error(self, side: t.Any) -> None:
        assert side.cli.locate_app("not_there", None, raise_if_not_found=False) is None

    def test_a_broken_import_shows_the_users_traceback(self, side: t.Any, write: Write) -> None:
        write("broken.py", "x = 1\nimport a_typo_of_mine\n")

        for must_exist in (True, False):
            text = error_text(side, side.cli.locate_app, "broken", None, must_exist)
            assert text.startswith("While importing 'broken', an ImportError was raised:\n\n")
            assert 'broken.py", line 2, in <module>' in text
            assert text.rstrip().endswith("No module named 'a_typo_of_mine'")

    @pytest.mark.parametrize(("name", "told"), [("flask", True), ("flask_login", False)])
    def test_where_flask_is_missing(
        self, erlen_side: t.Any, write: Write, name: str, told: bool
    ) -> None:
        write(f"for_{name}.py", f"raise ModuleNotFoundError('is missing', name={name!r})\n")
        text = error_text(erlen_side, erlen_side.cli.locate_app, f"for_{name}", None)
        assert ("erlen --as-flask" in text) == told

    def test_the_traceback_has_no_frame_of_ours(self, erlen_side: t.Any, write: Write) -> None:
        write("broken2.py", "import a_typo_of_mine\n")
        text = error_text(erlen_side, erlen_side.cli.locate_app, "broken2", None)
        assert "discover.py" not in text

    def test_the_cause_is_shown_too(self, erlen_side: t.Any, write: Write) -> None:
        write(
            "chained.py",
            "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ImportError('so') from e\n",
        )
        text = error_text(erlen_side, erlen_side.cli.locate_app, "chained", None)
        assert "ZeroDivisionError" in text
        assert "direct cause" in text

    @pytest.mark.parametrize(
        ("code", "error"), [("x = (", SyntaxError), ("1 / 0", ZeroDivisionError)]
    )
    def test_other_errors_pass(
        self, side: t.Any, write: Write, code: str, error: type[Exception]
    ) -> None:
        write("other.py", code)

        with pytest.raises(error):
            side.cli.locate_app("other", None)

    def test_a_compiled_module_that_does_not_load_is_not_called_missing(
        self, erlen_side: t.Any, write: Write
    ) -> None:
        write(f"native{importlib.machinery.EXTENSION_SUFFIXES[0]}", "not a library")

        for must_exist in (True, False):
            text = error_text(erlen_side, erlen_side.cli.locate_app, "native", None, must_exist)
            assert text.startswith("While importing 'native', an ImportError was raised")
