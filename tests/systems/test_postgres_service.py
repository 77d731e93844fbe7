"""The PostgreSQL that other tests use is what they take it for."""

from __future__ import annotations

import psycopg
import pytest

from services.postgres import Cluster


def test_an_empty_database_of_its_own(postgres_cluster: Cluster, postgres: str) -> None:
    with postgres_cluster.database() as other:
        for url in (postgres, other):
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE only_once (word text)")
            assert postgres_cluster.connections(url) == 0
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(other)


def test_a_wrong_password_is_refused(postgres: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres, password="a guess")


def test_it_keeps_what_was_committed_before_a_crash(
    postgres_cluster: Cluster, postgres: str
) -> None:
    with psycopg.connect(postgres) as connection:
        connection.execute("CREATE TABLE words (word text)")
        connection.execute("INSERT INTO words VALUES ('kept')")
    with (
        pytest.raises(psycopg.OperationalError, match="terminat"),
        psycopg.connect(postgres) as connection,
    ):
        connection.execute("INSERT INTO words VALUES ('lost')")
        try:
            postgres_cluster.stop(crash=True)
        finally:
            postgres_cluster.start()
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT word FROM words").fetchall() == [("kept",)]
