"""Times of a filter: how they are written, and the fifteen ways two intervals can lie (Allen), as CQL2 names them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import LiteralString

from psycopg import sql

from core.errors import InvalidInput

Interval = tuple[sql.Composable, sql.Composable]

OPERATORS: Mapping[str, LiteralString] = {
    "t_after": "{a} > {d}",
    "t_before": "{b} < {c}",
    "t_contains": "({a} < {c} AND {b} > {d})",
    "t_disjoint": "({b} < {c} OR {a} > {d})",
    "t_during": "({a} > {c} AND {b} < {d})",
    "t_equals": "({a} = {c} AND {b} = {d})",
    "t_finishedby": "({a} < {c} AND {b} = {d})",
    "t_finishes": "({a} > {c} AND {b} = {d})",
    "t_intersects": "({a} <= {d} AND {b} >= {c})",
    "t_meets": "{b} = {c}",
    "t_metby": "{a} = {d}",
    "t_overlappedby": "({a} > {c} AND {a} < {d} AND {b} > {d})",
    "t_overlaps": "({a} < {c} AND {b} > {c} AND {b} < {d})",
    "t_startedby": "({a} = {c} AND {b} > {d})",
    "t_starts": "({a} = {c} AND {b} < {d})",
}
"""[a, b] is the first interval, [c, d] the second. Source: OGC 21-065r2, 7.5."""


def condition(op: str, left: Interval, right: Interval) -> sql.Composable:
    """Give the condition that the intervals lie as `op` says."""
    return sql.SQL(OPERATORS[op]).format(a=left[0], b=left[1], c=right[0], d=right[1])


def moment(text: str) -> datetime:
    """Give the time a text says: RFC 3339, or a date for its beginning in UTC; raises `InvalidInput`."""
    try:
        found = datetime.fromisoformat(text) if re.match(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        found = None
    if found is None:
        raise InvalidInput(f"{text!r} is no time: write 2026-11-22T04:00:00Z or 2026-11-22")
    return found if found.tzinfo else found.replace(tzinfo=UTC)
