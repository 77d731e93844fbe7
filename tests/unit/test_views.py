"""Each test that takes ``side`` runs on Flask and on Erlen: what it expects is what Flask does."""

from __future__ import annotations

import asyncio
import functools
import importlib
import itertools
import timeit
import typing as t
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Side:
    """One of the two packages."""

    def __init__(self, name: str) -> None:
        self.api = importlib.import_module(name)
        self.views = importlib.import_module(f"{name}.views")
        self.App = getattr(self.api, name.title())

    def make(self) -> t.Any:
        app = self.App("mine", static_folder=None)
        app.testing = True
        return app

    def serve(self, view: t.Any, rule: str = "/", **options: t.Any) -> t.Any:
        app = self.make()
        app.add_url_rule(rule, view_func=view, **options)
        return app.test_client()


@pytest.fixture(params=["flask", "erlen"])
def side(request: pytest.FixtureRequest) -> Side:
    return Side(request.param)


@pytest.fixture
def both() -> tuple[Side, Side]:
    return Side("flask"), Side("erlen")


class TestView:
    def test_must_be_written(self, side: Side) -> None:
        with pytest.raises(NotImplementedError):
            side.views.View().dispatch_request()

    @pytest.mark.parametrize("every_request", [True, False])
    def test_arguments(self, side: Side, every_request: bool) -> None:
        class Greet(side.views.View):
            init_every_request = every_request

            def __init__(self, greeting: str, *, mark: str) -> None:
                self.greeting, self.mark = greeting, mark

            def dispatch_request(self, name: str, number: int) -> str:
                return f"{self.greeting} {name} {number + 1}{self.mark}"

        view = Greet.as_view("greet", "Hello", mark="!")
        client = side.serve(view, "/<name>/<int:number>")
        assert client.get("/Ann/1").text == "Hello Ann 2!"

    @pytest.mark.parametrize("every_request", [True, False])
    def test_instances(self, side: Side, every_request: bool) -> None:
        made = itertools.count()

        class Count(side.views.View):
            init_every_request = every_request

            def __init__(self) -> None:
                self.number = next(made)

            def dispatch_request(self) -> str:
                return str(self.number)

        client = side.serve(Count.as_view("count"))
        assert [client.get("/").text for _ in range(3)] == (
            ["0", "1", "2"] if every_request else ["0", "0", "0"]
        )

    def test_the_class_can_be_replaced(self, side: Side) -> None:
        class Index(side.views.View):
            def dispatch_request(self) -> str:
                return "first"

        class Other(side.views.View):
            def dispatch_request(self) -> str:
                return "other"

        class NoView:
            def dispatch_request(self) -> str:
                return "no view"

        view = Index.as_view("index")
        client = side.serve(view)
        assert client.get("/").text == "first"

        for replacement, text in [
            (Other, "other"),
            (NoView, "no view"),
            (mock.Mock(return_value=mock.Mock(**{"dispatch_request.return_value": "m"})), "m"),
        ]:
            view.view_class = replacement
            assert client.get("/").text == text

    @pytest.mark.parametrize("every_request", [True, False])
    def test_a_method_can_be_replaced(self, side: Side, every_request: bool) -> None:
        class Index(side.views.View):
            init_every_request = every_request

            def dispatch_request(self) -> str:
                return "mine"

        client = side.serve(Index.as_view("index"))

        with mock.patch.object(Index, "dispatch_request", return_value="theirs"):
            assert client.get("/").text == "theirs"

        assert client.get("/").text == "mine"

    def test_what_the_function_says(self, both: tuple[Side, Side]) -> None:
        def facts(side: Side) -> t.Any:
            class Index(side.views.View):
                """Its text."""

                methods = ["PUT"]
                provide_automatic_options = False

            view = Index.as_view("the-name")
            assert view.view_class is Index
            names = "__name__ __doc__ __module__ methods provide_automatic_options"
            return [getattr(view, name) for name in names.split()]

        theirs, ours = map(facts, both)
        assert theirs == ours

    def test_decorators(self, side: Side) -> None:
        order: list[tuple[str, str, str]] = []

        def mark(letter: str) -> t.Any:
            def decorate(view: t.Any) -> t.Any:
                order.append((letter, view.__name__, view.__module__))

                @functools.wraps(view)
                def wrapped(**kwargs: t.Any) -> str:
                    return letter + view(**kwargs)

                return wrapped

            return decorate

        class Index(side.views.View):
            decorators = [mark("a"), mark("b")]

            def dispatch_request(self) -> str:
                return "!"

        view = Index.as_view("index")
        assert side.serve(view).get("/").text == "ba!"
        assert order == [("a", "index", __name__), ("b", "index", __name__)]
        assert view.view_class is Index

        class Other(Index):
            def dispatch_request(self) -> str:
                return "?"

        view.view_class = Other
        assert side.serve(view).get("/").text == "ba?"

    def test_methods_and_options_of_the_rule(self, both: tuple[Side, Side]) -> None:
        def answers(side: Side, methods: t.Any, automatic: t.Any) -> t.Any:
            class Index(side.views.View):
                def dispatch_request(self) -> str:
                    return "x"

            Index.methods, Index.provide_automatic_options = methods, automatic
            client = side.serve(Index.as_view("index"))
            responses = [client.open("/", method=m) for m in ("GET", "HEAD", "POST", "OPTIONS")]
            return [(r.status_code, sorted(r.allow), r.data) for r in responses]

        for methods in (None, ["POST"], {"GET", "OPTIONS"}):
            for automatic in (None, False):
                theirs, ours = (answers(side, methods, automatic) for side in both)
                assert theirs == ours

    def test_outside_of_an_application(self, side: Side) -> None:
        class Index(side.views.MethodView):
            def get(self) -> str:
                return ""

        with pytest.raises(RuntimeError, match=r"^Working outside of request context\."):
            Index().dispatch_request()


class TestMethodView:
    def test_one_method_each(self, side: Side) -> None:
        class Item(side.views.MethodView):
            def get(self, id: int) -> str:
                return f"get {id}"

            def delete(self, id: int) -> tuple[str, int]:
                return f"delete {id}", 202

        client = side.serve(Item.as_view("item"), "/<int:id>")
        assert client.get("/3").text == "get 3"
        assert client.delete("/3").status_code == 202
        assert client.post("/3").status_code == 405
        assert sorted(client.options("/3").allow) == ["DELETE", "GET", "HEAD", "OPTIONS"]

    def test_head(self, side: Side) -> None:
        class Plain(side.views.MethodView):
            def get(self) -> t.Any:
                return "", {"X-By": "get"}

        class Own(Plain):  # type: ignore[misc, valid-type]
            def head(self) -> t.Any:
                return "", {"X-By": "head"}

        assert side.serve(Plain.as_view("x")).head("/").headers["X-By"] == "get"
        assert side.serve(Own.as_view("x")).head("/").headers["X-By"] == "head"

    @pytest.mark.parametrize("method", ["PUT", "HEAD"])
    def test_a_method_that_is_not_there(self, side: Side, method: str) -> None:
        class Item(side.views.MethodView):
            def post(self) -> str:
                return ""

        client = side.serve(Item.as_view("item"), methods=["PUT", "HEAD"])

        with pytest.raises(AssertionError) as caught:
            client.open("/", method=method)

        assert str(caught.value) == f"Unimplemented method '{method}'"

    def test_a_method_of_ones_own(self, side: Side) -> None:
        class Item(side.views.MethodView):
            methods = ["PROPFIND"]

            def propfind(self) -> str:
                return "found"

        assert side.serve(Item.as_view("item")).open("/", method="PROPFIND").text == "found"

    def test_dispatch_can_be_extended(self, side: Side) -> None:
        class Item(side.views.MethodView):
            def dispatch_request(self, **kwargs: t.Any) -> t.Any:
                return f"<{super().dispatch_request(**kwargs)}>"

            def get(self, id: str) -> str:
                return id

        assert side.serve(Item.as_view("item"), "/<id>").get("/a").text == "<a>"

    @pytest.mark.parametrize("every_request", [True, False])
    def test_functions_that_are_not_plain(self, side: Side, every_request: bool) -> None:
        class Item(side.views.MethodView):
            init_every_request = every_request

            def __init__(self) -> None:
                self.put = lambda: "put"

            @staticmethod
            def get() -> str:
                return "get"

            @classmethod
            def post(cls) -> str:
                return f"post {cls.__name__}"

            delete = functools.partialmethod(lambda self, text: text, "delete")
            methods = ["GET", "POST", "PUT", "DELETE"]

        client = side.serve(Item.as_view("item"))
        found = [client.open("/", method=m).text for m in Item.methods]
        assert found == ["get", "post Item", "put", "delete"]

    def test_replaced_after_the_class_was_made(self, side: Side) -> None:
        class Item(side.views.MethodView):
            def get(self) -> str:
                return "first"

        client = side.serve(Item.as_view("item"), methods=["GET", "POST"])
        Item.get = lambda self: "second"
        Item.post = lambda self: "new"
        assert (client.get("/").text, client.post("/").text) == ("second", "new")

    METHOD_SETS = st.sets(st.sampled_from(["get", "post", "head", "put", "trace", "copy"]))

    @given(
        own=METHOD_SETS,
        first=METHOD_SETS,
        second=METHOD_SETS,
        told=st.sampled_from([None, {"GET", "LOCK"}]),
        told_by_base=st.sampled_from([None, ["POST"], {"PATCH"}]),
    )
    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_methods_are_found_as_by_flask(
        self,
        both: tuple[Side, Side],
        own: set[str],
        first: set[str],
        second: set[str],
        told: t.Any,
        told_by_base: t.Any,
    ) -> None:
        def found(side: Side) -> t.Any:
            def body(names: set[str], methods: t.Any = None) -> dict[str, t.Any]:
                functions: dict[str, t.Any] = {name: lambda self: name for name in names}
                return functions | ({} if methods is None else {"methods": methods})

            base = side.views.MethodView
            one = type("One", (base,), body(first, told_by_base))
            plain = type("Plain", (object,), body(second))
            cls = type("Own", (one, plain), body(own, told))
            return one.methods, cls.methods, cls.as_view("x").methods

        theirs, ours = map(found, both)
        assert theirs == ours


class TestAsync:
    @pytest.mark.parametrize("every_request", [True, False])
    def test_view(self, side: Side, every_request: bool) -> None:
        class Index(side.views.View):
            init_every_request = every_request

            async def dispatch_request(self, name: str) -> str:
                await asyncio.sleep(0)
                return f"{name} {side.api.request.path}"

        assert side.serve(Index.as_view("index"), "/<name>").get("/a").text == "a /a"

    def test_method_view(self, side: Side) -> None:
        class Item(side.views.MethodView):
            async def get(self) -> str:
                await asyncio.sleep(0)
                return "get"

            def post(self) -> str:
                return "post"

        client = side.serve(Item.as_view("item"))
        assert (client.get("/").text, client.post("/").text) == ("get", "post")

    def test_goes_through_the_application(self, side: Side) -> None:
        class App(side.App):  # type: ignore[misc]
            def ensure_sync(self, func: t.Any) -> t.Any:
                if not asyncio.iscoroutinefunction(func):
                    return super().ensure_sync(func)
                return lambda **kwargs: f"ensured {func.__name__}"

        class Item(side.views.MethodView):
            async def get(self) -> str:
                return ""

        app = App("mine", static_folder=None)
        app.add_url_rule("/", view_func=Item.as_view("item"))
        assert app.test_client().get("/").text == "ensured get"


def test_names() -> None:
    import flask.views

    import erlen.views

    assert erlen.views.http_method_funcs == flask.views.http_method_funcs
    public = {name for name in vars(flask.views) if not name.startswith("_")} - {"ft", "F"}
    assert public - set(vars(erlen.views)) == {"annotations"} - set(vars(erlen.views))


@pytest.mark.timed
def test_dispatch_costs_a_fraction_of_flasks(both: tuple[Side, Side]) -> None:
    """Of what happens between the view function and the method."""

    def cost(side: Side) -> float:
        class Item(side.views.MethodView):
            init_every_request = False

            def get(self) -> str:
                return ""

        view = Item.as_view("item")

        with side.make().test_request_context("/"):
            return min(timeit.repeat(view, number=2000, repeat=7))

    theirs, ours = map(cost, both)
    assert ours * 3 < theirs
