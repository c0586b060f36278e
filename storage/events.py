"""The events hypertable: what devices say that is no number. A fact's identity is (device, ts, kind, seq).

Facts are rare beside readings, so one INSERT a batch carries them. Takes a connection, never commits.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection

from core.facts import LocatedFact
from core.fleet import Fleet
from core.quality import Quality
from storage.readings import RECALL_S

INSERT_NEW = """
INSERT INTO event (ts, device_id, kind, seq, received_at, quality, origin, unit_grid_id, confidence, plate,
                   snapshot_url, snapshot_sha256, detail)
SELECT ts, device_id, kind, seq, %(received_at)s, quality, origin, unit_grid_id, confidence, plate, snapshot_url,
       snapshot_sha256, detail::jsonb
FROM unnest(%(ts)s::timestamptz[], %(device_id)s::int[], %(kind)s::text[], %(seq)s::int[], %(quality)s::smallint[],
            %(origin)s::smallint[], %(unit_grid_id)s::int[], %(confidence)s::float8[], %(plate)s::text[],
            %(snapshot_url)s::text[], %(snapshot_sha256)s::text[], %(detail)s::text[], %(may_be_stored)s::boolean[])
     AS given (ts, device_id, kind, seq, quality, origin, unit_grid_id, confidence, plate, snapshot_url,
               snapshot_sha256, detail, may_be_stored)
WHERE NOT may_be_stored OR NOT EXISTS (
    SELECT FROM event AS e
    WHERE e.device_id = given.device_id AND e.kind = given.kind AND e.seq = given.seq AND e.ts > %(since)s
      AND e.quality & %(untimed)s <> 0
)
ON CONFLICT (device_id, ts, kind, seq) DO NOTHING
RETURNING device_id, ts, kind, seq
"""

_IDENTITY = ("device_id", "ts", "kind", "seq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def insert_new(
    conn: AsyncConnection,
    facts: Sequence[LocatedFact],
    fleet: Fleet,
    received_us: int,
    redelivered: Container[int] = (),
) -> list[LocatedFact]:
    """Store the facts and give those that were not stored before, as stored; the same fact twice in `facts` is one.

    A fact dated by its arrival has no time that would tell it again: one of the messages `redelivered` is looked for
    among those stored in the last `RECALL_S`.
    Units: `received_us` microseconds since 1970 UTC.
    """
    if not facts:
        return []
    facts = [_mended(fact) for fact in facts]
    columns: dict[str, Any] = {
        "ts": [_time(fact.ts_us) for fact in facts],
        "device_id": [int(fleet.device_id[fact.slot]) for fact in facts],
        "kind": [fact.kind for fact in facts],
        "seq": [fact.seq for fact in facts],
        "quality": [fact.quality for fact in facts],
        "origin": [fact.origin for fact in facts],
        "unit_grid_id": [fact.unit_grid_id for fact in facts],
        "confidence": [fact.confidence for fact in facts],
        "plate": [fact.plate for fact in facts],
        "snapshot_url": [fact.snapshot_url for fact in facts],
        "snapshot_sha256": [fact.snapshot_sha256 for fact in facts],
        "detail": [_json(fact.detail) for fact in facts],
        "may_be_stored": [fact.message in redelivered and bool(fact.quality & Quality.ARRIVAL_TIME) for fact in facts],
    }
    received_at = _time(received_us)
    recall = {"since": received_at - timedelta(seconds=RECALL_S), "untimed": int(Quality.ARRIVAL_TIME)}
    cursor = await conn.execute(INSERT_NEW, {**columns, **recall, "received_at": received_at})
    new = {(device_id, ts, kind, seq) for device_id, ts, kind, seq in await cursor.fetchall()}
    fresh: list[LocatedFact] = []
    for key, fact in zip(zip(*(columns[name] for name in _IDENTITY), strict=True), facts, strict=True):
        if key in new:
            new.remove(key)
            fresh.append(fact)
    return fresh


def _mended(fact: LocatedFact) -> LocatedFact:
    """Give the fact with texts that PostgreSQL can hold."""
    return replace(
        fact,
        kind=_text(fact.kind) or fact.kind,
        plate=_text(fact.plate),
        snapshot_url=_text(fact.snapshot_url),
        snapshot_sha256=_text(fact.snapshot_sha256),
    )


def _time(ts_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ts_us)


def _text(text: str | None) -> str | None:
    """Give what PostgreSQL's text can hold: no NUL, no half of a surrogate pair; empty says nothing."""
    if not text:
        return None
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _json(detail: Mapping[str, Any]) -> str:
    """Give the detail as JSON text that jsonb accepts; numbers that are none become null."""
    return msgspec.json.encode(_storable(detail)).decode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value) or ""
    if isinstance(value, Mapping):
        return {_storable(name): _storable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    return value
