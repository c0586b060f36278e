"""Readings as pandas tables: one row a message, one column a channel; in pieces, so that any span fits into memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from psycopg import Connection

from core.errors import NotFound
from core.origin import Origin

PIECE_ROWS = 50_000

CHANNELS = "SELECT channel FROM profile_channel WHERE profile = %(profile)s ORDER BY position"
READINGS = """
SELECT r.ts, d.label, r.origin, r.quality, r."values"
FROM device AS d JOIN reading AS r USING (device_id)
WHERE d.profile = %(profile)s AND (%(label)s = '' OR d.label = %(label)s)
  AND r.ts >= %(start)s AND r.ts < %(end)s
ORDER BY r.device_id, r.ts, r.seq
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What to export: readings of one profile, of one device or of all (`label` empty), in [start, end)."""

    profile: str
    label: str
    start: datetime
    end: datetime


def channels(conn: Connection, profile: str) -> list[str]:
    """Give a profile's channels in order; raises `NotFound` when no ingest has published it."""
    names = [row[0] for row in conn.execute(CHANNELS, {"profile": profile})]
    if not names:
        known = ", ".join(row[0] for row in conn.execute("SELECT DISTINCT profile FROM profile_channel ORDER BY 1"))
        raise NotFound(f"there is no profile {profile!r}; known: {known or 'none, ingest has not run yet'}")
    return names


def pieces(conn: Connection, span: Span, timezone: str) -> Iterator[pd.DataFrame]:
    """Give tables of at most `PIECE_ROWS` rows, by device and time; `ts` in the given zone, NaN = not measured.

    Columns: ts, device, origin, quality, then the profile's channels in canonical units.
    """
    names = channels(conn, span.profile)
    parameters = {"profile": span.profile, "label": span.label, "start": span.start, "end": span.end}
    with conn.cursor("export") as cursor:
        cursor.execute(READINGS, parameters)
        while rows := cursor.fetchmany(PIECE_ROWS):
            yield _table(rows, names, timezone)


def _table(rows: list[tuple[datetime, str, int, int, list[float | None]]], names: list[str], zone: str) -> pd.DataFrame:
    values = np.full((len(rows), len(names)), np.nan)
    for number, row in enumerate(rows):
        values[number, : len(row[4])] = row[4]  # older rows may lack channels that were appended since
    table = pd.DataFrame(
        {
            "ts": pd.to_datetime([row[0] for row in rows], utc=True).tz_convert(zone),
            "device": [row[1] for row in rows],
            "origin": [Origin(row[2]).name.lower() for row in rows],
            "quality": [row[3] for row in rows],
        }
    )
    return pd.concat([table, pd.DataFrame(values, columns=names)], axis=1)
