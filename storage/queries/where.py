"""Builds a WHERE clause from the filters that were given: fixed texts chosen by name, values always as parameters."""

from collections.abc import Mapping
from typing import LiteralString

from psycopg import sql


def where(conditions: Mapping[str, LiteralString], given: Mapping[str, object]) -> sql.Composed:
    """Join the conditions whose parameter was given (is not None); `TRUE` when none was.

    Raises: `KeyError` for a parameter that has no condition: a filter must never be ignored.
    """
    chosen = [sql.SQL(conditions[name]) for name, value in given.items() if value is not None]
    return sql.SQL(" AND ").join([sql.SQL("TRUE"), *chosen])
