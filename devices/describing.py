"""Use cases of what devices are: a person says it, or the device itself; each change is in the device's history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from core.errors import InvalidInput, NotFound
from devices import store
from devices.about import BY_ITSELF, WORDS, About, fault
from devices.model import Change

EVENT = "described"
LOCK = """
SELECT device_id, label, maker, model, serial, hardware, firmware, about_at
FROM device WHERE {} ORDER BY device_id FOR NO KEY UPDATE
"""
LOCK_LABEL = LOCK.format("label = %(label)s")
LOCK_KEYS = LOCK.format("device_id = ANY(%(device_ids)s)")
UPDATE = """
UPDATE device
SET maker = %(maker)s, model = %(model)s, serial = %(serial)s, hardware = %(hardware)s, firmware = %(firmware)s,
    about_at = %(at)s, about_by = %(by)s
WHERE device_id = %(device_id)s
"""
INSERT_EVENT = """
INSERT INTO device_event (device_id, at, actor, kind, detail)
VALUES (%(device_id)s, %(at)s, %(actor)s, %(kind)s, %(detail)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a device said of itself."""

    device_id: int
    at: datetime
    words: Mapping[str, str]


async def describe(conn: AsyncConnection, label: str, words: Mapping[str, str], by: Change) -> None:
    """Note what a person says of a device; words that are not named stay, an empty one is taken back.

    Raises: `NotFound`; `InvalidInput` for nothing said, or a word that cannot be kept.
    """
    if not words:
        raise InvalidInput(f"say at least one of {', '.join(WORDS)}")
    if bad := fault(About(**words)):
        raise InvalidInput(f"{bad[0]}: {bad[1]}")
    async with conn.transaction():
        rows = await _locked(conn, LOCK_LABEL, {"label": label})
        if not rows:
            raise NotFound(f"there is no device {label}")
        changes = await _change(conn, rows[0], words, by.now, by.actor)
        if changes:
            await _note(conn, rows[0], changes, by)
            detail = {"changes": changes, "reason": by.reason}
            await store.audit(conn, now=by.now, actor=by.actor, action="device_described", subject=label, detail=detail)


async def told(conn: AsyncConnection, reports: Sequence[Told], now: datetime) -> int:
    """Note what devices said of themselves, unless somebody said something later; give how many that changed."""
    rows = await _locked(conn, LOCK_KEYS, {"device_ids": [report.device_id for report in reports]})
    by_id, changed = {row["device_id"]: row for row in rows}, 0
    for report in sorted(reports, key=lambda one: one.at):
        row = by_id.get(report.device_id)
        if row is None or (row["about_at"] and report.at < row["about_at"]):
            continue
        changes = await _change(conn, row, report.words, report.at, BY_ITSELF)
        by_id[report.device_id] = {**row, **report.words, "about_at": report.at}
        if changes:
            await _note(conn, row, changes, Change(now=now, actor=BY_ITSELF))
            changed += 1
    return changed


async def _change(
    conn: AsyncConnection, row: Mapping[str, Any], words: Mapping[str, str], at: datetime, by: str
) -> dict[str, list[str]]:
    """Write the words and give what that changed: word -> before and after."""
    after = {word: words.get(word, row[word]) for word in WORDS}
    await conn.execute(UPDATE, {**after, "at": at, "by": by, "device_id": row["device_id"]})
    return {word: [row[word], said] for word, said in after.items() if said != row[word]}


async def _note(conn: AsyncConnection, row: Mapping[str, Any], changes: Mapping[str, Any], by: Change) -> None:
    detail = Jsonb({"changes": changes, "reason": by.reason})
    event = {"device_id": row["device_id"], "at": by.now, "actor": by.actor, "kind": EVENT, "detail": detail}
    await conn.execute(INSERT_EVENT, event)


async def _locked(conn: AsyncConnection, query: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()
