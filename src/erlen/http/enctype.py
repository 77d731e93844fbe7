"""A file looked up in a form that was not sent as multipart, explained in debug mode."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .request import Request


class DebugFilesKeyError(KeyError, AssertionError):
    """A file was looked up in a form that was not sent as multipart (Flask 3.1).

    Args:
        request: the request.
        key: the name that was looked up.
    """

    def __init__(self, request: Request, key: str) -> None:
        text = (
            f"You tried to access the file {key!r} in the request.files dictionary but it"
            f" does not exist. The mimetype for the request is {request.mimetype!r} instead"
            " of 'multipart/form-data' which means that no file contents were transmitted."
            ' To fix this error you should provide enctype="multipart/form-data" in your'
            " form."
        )
        names = request.form.getlist(key)
        if names:
            text += (
                "\n\nThe browser instead transmitted some file names. This was submitted: "
                + ", ".join(map(repr, names))
            )
        self.msg = text

    def __str__(self) -> str:
        return self.msg


def attach_enctype_error_multidict(request: Request) -> None:
    """Let ``request.files[name]`` explain a form without ``enctype`` (Flask 3.1).

    Args:
        request: the request; its ``files`` get a class of their own.
    """
    stock: t.Any = type(request.files)

    def __getitem__(self: t.Any, key: str) -> t.Any:
        try:
            return stock.__getitem__(self, key)
        except KeyError as error:
            if key not in request.form:
                raise
            raise DebugFilesKeyError(request, key).with_traceback(error.__traceback__) from None

    names = {"__getitem__": __getitem__, "__module__": stock.__module__}
    request.files.__class__ = type(stock.__name__, (stock,), names)
