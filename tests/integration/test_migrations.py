"""Migrations run from zero, twice, and refuse what was tampered with."""

from dataclasses import replace

import psycopg
import pytest

from core.errors import Conflict, Unavailable
from storage.migrate import migrate, shipped, status


def test_a_second_run_applies_nothing(empty_database: str) -> None:
    first = migrate(empty_database)

    assert len(first) == len([m for m in shipped() if not m.community_only])
    assert migrate(empty_database) == []


def test_an_edited_migration_is_refused(empty_database: str) -> None:
    migrate(empty_database)
    edited = (replace(shipped()[0], text="SELECT 1"), *shipped()[1:])

    with pytest.raises(Conflict, match="0001_roles was edited"):
        migrate(empty_database, edited)


def test_a_database_from_the_future_is_refused(empty_database: str) -> None:
    migrate(empty_database)

    with pytest.raises(Conflict, match="update CityGrid"):
        migrate(empty_database, shipped()[:-1])


def test_a_missing_extension_is_named_with_its_remedy(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("DROP EXTENSION postgis")

    with pytest.raises(Unavailable, match="CREATE EXTENSION postgis;"):
        migrate(empty_database)


def test_the_status_tells_what_is_missing(empty_database: str) -> None:
    assert {state for _, state in status(empty_database)} == {"missing"}

    migrate(empty_database)

    assert {state for _, state in status(empty_database)} <= {"applied", "skipped"}
