"""What people do with silences and maintenance windows: create one, end it early. One transaction each, with its audit.

At the commit the running ingest is told and takes the change up before its next batch. Lists are
`storage.queries.silences`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import matcher, mutefile
from alerts.matcher import Matcher
from alerts.mute import Silence
from core.errors import Conflict, InvalidInput, NotFound
from storage import signals

MOST = 500
"""Silences in force at a time (our choice): each is asked about each case that rises."""
MOST_MATCHERS = 20
MOST_AREAS = 100

UNKNOWN_AREAS = """
SELECT asked.code
FROM unnest(%(areas)s::text[]) AS asked (code)
WHERE
    NOT EXISTS (SELECT FROM area a WHERE a.area_code = asked.code)
    AND NOT EXISTS (SELECT FROM patrol_grid g WHERE g.code = asked.code)
"""
COUNT = "SELECT count(*) FROM silence WHERE ends_at > %(now)s"
INSERT = """
INSERT INTO silence (matchers, areas, polygon, windows, starts_at, ends_at, created_at, author, reason)
VALUES (
    %(matchers)s, %(areas)s, ST_SetSRID(ST_GeomFromWKB(%(polygon)s), 4326), %(windows)s, %(starts_at)s, %(ends_at)s,
    %(now)s, %(author)s, %(reason)s
)
RETURNING silence_id
"""
LOCK = "SELECT ends_at FROM silence WHERE silence_id = %(silence_id)s FOR UPDATE"
END = """
UPDATE silence
SET ends_at = greatest(starts_at, %(now)s), ended_by = %(author)s, ended_reason = %(reason)s
WHERE silence_id = %(silence_id)s
"""
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(author)s, %(action)s, 'silence ' || %(silence_id)s, %(detail)s)
"""
IN_FORCE = """
SELECT
    s.silence_id, s.matchers, s.areas, ST_AsBinary(s.polygon), s.windows, s.starts_at, s.ends_at, s.author, s.reason,
    ARRAY(
        SELECT u.unit_grid_id
        FROM unit_grid u
        LEFT JOIN patrol_grid g USING (patrol_grid_id)
        WHERE g.code = ANY(s.areas)
            OR ARRAY[left(u.community_code, 6), left(u.community_code, 9), u.community_code] && s.areas
    )
FROM silence s
WHERE s.ends_at > %(now)s
ORDER BY s.silence_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be held back, as a person writes it; at least a matcher, an area or a polygon."""

    matchers: Sequence[str] = ()
    areas: Sequence[str] = ()
    polygon: Mapping[str, Any] | None = None
    """GeoJSON Polygon or MultiPolygon, WGS 84."""
    windows: Sequence[Mapping[str, Any]] | None = None
    """Makes it a maintenance window: only at these times, in the shape of Alertmanager's `time_intervals`."""
    starts_at: datetime
    ends_at: datetime
    author: str
    reason: str


async def create(conn: AsyncConnection, wish: Wish, zone: str, now: datetime) -> int:
    """Create a silence and give its number; raises `InvalidInput` saying what is wrong with it."""
    matchers = _checked(wish, zone, now)
    shape = mutefile.polygon(wish.polygon) if wish.polygon is not None else None
    detail = {
        "matchers": [str(one) for one in matchers],
        "areas": list(wish.areas),
        "polygon": wish.polygon,
        "windows": wish.windows,
        "starts_at": wish.starts_at.isoformat(),
        "ends_at": wish.ends_at.isoformat(),
        "reason": wish.reason.strip(),
    }
    async with conn.transaction():
        await _require_areas(conn, wish.areas)
        await _require_room(conn, now)
        values = {
            "matchers": detail["matchers"],
            "areas": detail["areas"],
            "polygon": shapely.to_wkb(shape) if shape is not None else None,
            "windows": Jsonb(wish.windows) if wish.windows is not None else None,
            "starts_at": wish.starts_at,
            "ends_at": wish.ends_at,
            "now": now,
            "author": wish.author.strip(),
            "reason": wish.reason.strip(),
        }
        row = await (await conn.execute(INSERT, values)).fetchone()
        assert row is not None
        await _audit(conn, {**values, "silence_id": row[0], "action": "silence.create", "detail": Jsonb(detail)})
        return int(row[0])


async def end(conn: AsyncConnection, silence_id: int, author: str, reason: str, now: datetime) -> None:
    """End a silence now; raises `NotFound`, and `Conflict` when it is over already."""
    _require_words(author, reason)
    values = {"silence_id": silence_id, "author": author.strip(), "reason": reason.strip(), "now": now}
    async with conn.transaction():
        row = await (await conn.execute(LOCK, values)).fetchone()
        if row is None:
            raise NotFound(f"no silence {silence_id}")
        if row[0] <= now:
            raise Conflict(f"silence {silence_id} ended at {row[0].isoformat()}")
        await conn.execute(END, values)
        await _audit(conn, {**values, "action": "silence.end", "detail": Jsonb({"reason": values["reason"]})})


async def in_force(conn: AsyncConnection, zone: str, now: datetime) -> tuple[Silence, ...]:
    """Give the silences that have not ended, begun or not."""
    rows = await (await conn.execute(IN_FORCE, {"now": now})).fetchall()
    return tuple(_silence(row, zone) for row in rows)


def _silence(row: Sequence[Any], zone: str) -> Silence:
    silence_id, texts, areas, polygon, windows, starts_at, ends_at, author, reason, unit_grids = row
    shape = shapely.from_wkb(bytes(polygon)) if polygon is not None else None
    if shape is not None:
        shapely.prepare(shape)
    return Silence(
        silence_id=silence_id,
        matchers=tuple(one for text in texts for one in matcher.parse(text)),
        areas=tuple(areas),
        unit_grids=frozenset(unit_grids),
        polygon=shape,
        starts_at=starts_at,
        ends_at=ends_at,
        windows=mutefile.windows(windows, zone) if windows is not None else None,
        author=author,
        reason=reason,
    )


def _checked(wish: Wish, zone: str, now: datetime) -> tuple[Matcher, ...]:
    """Give the matchers of a wish that can be granted."""
    _require_words(wish.author, wish.reason)
    matchers = tuple(one for text in wish.matchers for one in matcher.parse(text))
    if len(matchers) > MOST_MATCHERS or len(wish.areas) > MOST_AREAS:
        raise InvalidInput(f"a silence has at most {MOST_MATCHERS} matchers and {MOST_AREAS} areas")
    if not wish.areas and wish.polygon is None and matcher.every(matchers, {}):
        raise InvalidInput(
            "it would hold back everything: name an area, a polygon, or a matcher that an absent label does not satisfy"
        )
    if wish.ends_at <= max(wish.starts_at, now):
        raise InvalidInput("ends_at: must be after starts_at and in the future; every silence ends")
    if wish.windows is not None:
        if not wish.windows:
            raise InvalidInput("windows: names no time; leave it out to hold back all the time")
        mutefile.windows(wish.windows, zone)
    return matchers


def _require_words(author: str, reason: str) -> None:
    if not author.strip() or not reason.strip():
        raise InvalidInput("say who does it in `author`, and why in `reason`")


async def _require_areas(conn: AsyncConnection, areas: Sequence[str]) -> None:
    rows = await (await conn.execute(UNKNOWN_AREAS, {"areas": list(areas)})).fetchall()
    if rows:
        raise InvalidInput(f"areas: no area or patrol grid has the code {', '.join(code for (code,) in rows)}")


async def _require_room(conn: AsyncConnection, now: datetime) -> None:
    row = await (await conn.execute(COUNT, {"now": now})).fetchone()
    if row is not None and row[0] >= MOST:
        raise Conflict(f"{MOST} silences are in force: end some first")


async def _audit(conn: AsyncConnection, values: Mapping[str, Any]) -> None:
    await conn.execute(AUDIT, values)
    await signals.announce_silences(conn)
