"""A database that is after a test as it was before, although the code under test commits.

The pattern is SQLAlchemy's "Joining a Session into an External Transaction": each engine
gets one connection in a transaction that is rolled back at the end, and a session's own
transactions are savepoints in it.
"""

from __future__ import annotations

import typing as t
from contextlib import ExitStack, contextmanager

from ..globals import current_app
from ..state import get_current

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session, scoped_session, sessionmaker

    from ..app import Erlen

_MODE = "create_savepoint"


@contextmanager
def rolled_back(
    source: t.Any, *, app: Erlen | None = None, bind: Engine | None = None
) -> Iterator[Session | scoped_session[Session]]:
    """Let every session of a source live in a transaction that is rolled back; for ``with``.

    ::

        with rolled_back(Session) as session:
            session.add(User(name="Ann"))
            session.commit()
            assert client.get("/users").json == ["Ann"]

    Sessions share one connection per engine, so code that runs meanwhile has to take
    turns. What gets its connections from the engine itself (``engine.connect()``) is
    not part of it.

    Args:
        source: Flask-SQLAlchemy's extension object, or a ``sessionmaker`` or
            ``scoped_session`` of SQLAlchemy 2.
        app: With Flask-SQLAlchemy, the application. Default: the current one. No context
            of it is left open, or requests of the test would share it, and what their
            end does (the session's removal) would be left out.
        bind: With the others, the engine. Default: the one they are bound to.

    Returns:
        A context manager that gives a session, which needs no context; of a
        ``scoped_session``, the one that the application itself would get here.

    Raises:
        TypeError: The source is none of these, or is bound to no engine.
    """
    with ExitStack() as stack:
        if is_extension(source):
            if app is None:
                app = t.cast("Erlen", t.cast("t.Any", current_app)._get_current_object())
            _join_extension(source, app, stack)
            yield stack.enter_context(_session_of(source, app))
        elif hasattr(source, "session_factory"):
            yield _join_scoped(source, bind, stack)
        elif hasattr(source, "kw") and callable(source):
            _join_maker(source, bind, stack)
            yield stack.enter_context(source())
        else:
            raise TypeError(
                "A database is rolled back through Flask-SQLAlchemy's object, a sessionmaker"
                f" or a scoped_session, not through {source!r}."
            )


def is_extension(source: t.Any) -> bool:
    """Whether something is Flask-SQLAlchemy's extension object.

    Args:
        source: What `rolled_back` was given.
    """
    return all(hasattr(type(source), name) for name in ("engines", "init_app", "create_all"))


def _join_extension(db: t.Any, app: Erlen, stack: ExitStack) -> None:
    def forget() -> None:
        # A session of the test's own context, where it has one.
        if _is_current(app):
            db.session.remove()

    with app.app_context():
        # A public property, and the dictionary itself: sessions look engines up in it.
        engines: dict[str | None, t.Any] = db.engines
    before = dict(engines)
    stack.callback(engines.update, before)
    joined = _connections(before.values(), stack)
    for key, engine in before.items():
        engines[key] = joined[engine]
    forget()
    _configure(db.session.session_factory, {"join_transaction_mode": _MODE}, stack)
    stack.callback(forget)


def _session_of(db: t.Any, app: Erlen) -> Session:
    """A session of the extension that finds its engines without a context, too."""
    factory = db.session.session_factory

    class ContextSession(factory.class_):  # type: ignore[misc, name-defined]
        def get_bind(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
            if _is_current(app):
                return super().get_bind(*args, **kwargs)
            with app.app_context():
                return super().get_bind(*args, **kwargs)

    return t.cast("Session", ContextSession(**factory.kw))


def _is_current(app: Erlen) -> bool:
    ctx = get_current(None)
    return ctx is not None and ctx.app is app


def _join_scoped(
    source: scoped_session[Session], bind: Engine | None, stack: ExitStack
) -> scoped_session[Session]:
    source.remove()
    _join_maker(source.session_factory, bind, stack)
    stack.callback(source.remove)
    return source


def _join_maker(maker: sessionmaker[Session], bind: Engine | None, stack: ExitStack) -> None:
    main = bind or maker.kw.get("bind")
    others: dict[t.Any, Engine] = dict(maker.kw.get("binds") or {})
    if main is None and not others:
        raise TypeError(
            f"{maker!r} is bound to no engine: sessionmaker(engine), or"
            " rolled_back(..., bind=engine)."
        )
    engines = [*([main] if main is not None else []), *others.values()]
    joined = _connections(engines, stack)
    settings: dict[str, t.Any] = {"join_transaction_mode": _MODE}
    if main is not None:
        settings["bind"] = joined[main]
    if others:
        settings["binds"] = {key: joined[engine] for key, engine in others.items()}
    _configure(maker, settings, stack)


def _configure(maker: sessionmaker[Session], settings: dict[str, t.Any], stack: ExitStack) -> None:
    before = dict(maker.kw)

    def restore() -> None:
        maker.kw.clear()
        maker.kw.update(before)

    stack.callback(restore)
    maker.configure(**settings)


def _connections(engines: t.Iterable[Engine], stack: ExitStack) -> dict[Engine, Connection]:
    return {engine: _connection(engine, stack) for engine in dict.fromkeys(engines)}


def _connection(engine: Engine, stack: ExitStack) -> Connection:
    from sqlalchemy import Engine

    if not isinstance(engine, Engine):
        raise TypeError(f"A database is rolled back through an Engine, not through {engine!r}.")
    connection = stack.enter_context(engine.connect())
    transaction = connection.begin()
    stack.callback(transaction.rollback)
    raw: t.Any = connection.connection.dbapi_connection
    if engine.dialect.name == "sqlite" and not raw.in_transaction:
        # Python's driver begins with the first change only. A savepoint before that would
        # be the outermost transaction, and to release it would be to commit.
        connection.exec_driver_sql("BEGIN")
    return connection
