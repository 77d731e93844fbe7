"""Class-based views."""

from __future__ import annotations

import typing as t
from types import FunctionType, MethodType

from .globals import current_app, request
from .state import get_current

if t.TYPE_CHECKING:
    from . import typing as ft

http_method_funcs = frozenset(["get", "post", "head", "options", "delete", "put", "trace", "patch"])


class View:
    """A view function made of a class: subclass it and write `dispatch_request`.

    As Flask 3.1. ::

        class Hello(View):
            init_every_request = False

            def dispatch_request(self, name):
                return f"Hello, {name}!"

        app.add_url_rule("/hello/<name>", view_func=Hello.as_view("hello"))
    """

    #: The HTTP methods of the rule; None leaves them to ``add_url_rule``.
    methods: t.ClassVar[t.Collection[str] | None] = None

    #: Whether OPTIONS is answered; None leaves it to ``add_url_rule``.
    provide_automatic_options: t.ClassVar[bool | None] = None

    #: Applied to the view function, the first one innermost. (A decorator on
    #: the class decorates the class, not the view.)
    decorators: t.ClassVar[list[t.Callable[..., t.Any]]] = []

    #: Whether each request gets an instance of its own. With False, one
    #: instance serves all: faster, but nothing about a request may be kept on
    #: ``self``.
    init_every_request: t.ClassVar[bool] = True

    # Functions of the class that are known to need no `ensure_sync`.
    _plain_functions: t.ClassVar[frozenset[t.Any]] = frozenset()

    # With these types, an override may name its own parameters.
    def dispatch_request(self, *args: t.Any, **kwargs: t.Any) -> ft.ResponseReturnValue:
        """Answer the request.

        Args:
            *args: Nothing; a rule's values have names.
            **kwargs: The values from the URL.

        Returns:
            Whatever a view function may return.
        """
        raise NotImplementedError()

    @classmethod
    def as_view(cls, name: str, *class_args: t.Any, **class_kwargs: t.Any) -> ft.RouteCallable:
        """Make the view function, for ``add_url_rule``.

        Args:
            name: Its name, and so its endpoint.
            *class_args: For the class, at each instantiation.
            **class_kwargs: For the class, at each instantiation.

        Returns:
            The function. Its attribute ``view_class`` is the class that is
            instantiated; tests may replace it.
        """
        plain = cls._plain_functions = frozenset(_find_plain_functions(cls))
        view: t.Any

        if cls.init_every_request:

            def view(**kwargs: t.Any) -> t.Any:
                self = view.view_class(*class_args, **class_kwargs)
                method = self.dispatch_request

                if type(method) is MethodType and method.__func__ in plain:
                    return method(**kwargs)

                return _call(method, kwargs)

        else:
            shared = cls(*class_args, **class_kwargs)

            def view(**kwargs: t.Any) -> t.Any:
                method = shared.dispatch_request

                if type(method) is MethodType and method.__func__ in plain:
                    return method(**kwargs)

                return _call(method, kwargs)

        for decorator in cls.decorators:
            # Each time: decorators copy both, and the last one's result is
            # what is registered.
            view.__name__, view.__module__ = name, cls.__module__
            view = decorator(view)

        view.view_class = cls
        view.__name__, view.__module__ = name, cls.__module__
        view.__doc__ = cls.__doc__
        view.methods = cls.methods
        view.provide_automatic_options = cls.provide_automatic_options
        return t.cast("ft.RouteCallable", view)

    @classmethod
    def _async_methods(cls) -> frozenset[str] | None:
        """The HTTP methods that are answered by coroutines; empty for all, None for none."""
        from inspect import iscoroutinefunction

        functions = (cls.dispatch_request, *(getattr(cls, n, None) for n in http_method_funcs))
        return frozenset() if any(map(iscoroutinefunction, functions)) else None


class MethodView(View):
    """A view with one method per HTTP method: ``get``, ``post``, ...

    ``methods`` is what is there; HEAD is answered by ``get`` unless there is
    a ``head``. As Flask 3.1. ::

        class Item(MethodView):
            def get(self, id):
                return load(id)

            def delete(self, id):
                remove(id)
                return "", 204

        app.add_url_rule("/items/<int:id>", view_func=Item.as_view("item"))
    """

    def __init_subclass__(cls, **kwargs: t.Any) -> None:
        super().__init_subclass__(**kwargs)

        if "methods" in vars(cls):
            return

        methods = {name.upper() for name in http_method_funcs if hasattr(cls, name)}

        # A base may have been told more than its functions say.
        for base in cls.__bases__:
            methods.update(getattr(base, "methods", None) or ())

        if methods:
            cls.methods = methods

    def dispatch_request(self, **kwargs: t.Any) -> ft.ResponseReturnValue:
        """Answer the request with the function for its HTTP method.

        Args:
            **kwargs: The values from the URL.

        Returns:
            What the function returned.

        Raises:
            AssertionError: There is no such function, though the rule let the
                HTTP method through.
        """
        # Past the proxies, which cost more than all the rest of this.
        ctx = get_current(None)
        method: str = (request if ctx is None else ctx.request).method
        function = getattr(self, method.lower(), None)

        if function is None:
            if method == "HEAD":
                function = getattr(self, "get", None)

            if function is None:
                raise AssertionError(f"Unimplemented method {method!r}")

        # A variable, for the type checker: a cast would be a call.
        result: ft.ResponseReturnValue

        if type(function) is not MethodType or function.__func__ not in self._plain_functions:
            result = _call(function, kwargs)
        else:
            result = function(**kwargs)

        return result

    @classmethod
    def _async_methods(cls) -> frozenset[str] | None:
        if cls.dispatch_request is not MethodView.dispatch_request:
            return super()._async_methods()

        from inspect import iscoroutinefunction

        names = {n for n in http_method_funcs if iscoroutinefunction(getattr(cls, n, None))}

        if "get" in names and not hasattr(cls, "head"):
            names.add("head")

        return frozenset(name.upper() for name in names) or None


def _call(function: t.Any, kwargs: dict[str, t.Any]) -> t.Any:
    """Call what may be a coroutine function; on an event loop, its plan awaits it."""
    ctx = get_current(None)

    if ctx is not None and ctx.native:
        return function(**kwargs)

    return current_app.ensure_sync(function)(**kwargs)


def _find_plain_functions(cls: type[View]) -> t.Iterator[FunctionType]:
    """The functions of a class that are no coroutine functions.

    To say so takes Python longer than all the rest of a dispatch, so it is
    said once. What is not among them at a request (an attribute of the
    instance, a replacement by a test) goes through ``ensure_sync``.
    """
    from inspect import iscoroutinefunction

    for name in ("dispatch_request", *http_method_funcs):
        function = getattr(cls, name, None)

        if isinstance(function, FunctionType) and not iscoroutinefunction(function):
            yield function
