"""The registry of units that answer for components: import, change, merge and retire, each with its history and audit.

Each command is one transaction of the caller's connection. A unit is never deleted, and a name it once had still means
it; lists are `storage.queries.departments`.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from core.errors import Conflict, InvalidInput, NotFound
from storage import signals


class Kind(StrEnum):
    """What a unit is."""

    AUTHORITY = "authority"
    """A bureau of the government (主管部门)."""
    OFFICE = "office"
    """An office under a bureau (事业单位)."""
    ENTERPRISE = "enterprise"
    """A company that owns networks: power, gas, telecom (权属企业)."""
    STREET = "street"
    """A street office or town (街道、乡镇)."""
    CONTRACTOR = "contractor"
    """Who maintains on another's behalf (养护单位)."""
    UNKNOWN = "unknown"


KIND_NAMES: Mapping[str, Kind] = {
    **{kind.value: kind for kind in Kind},
    "主管部门": Kind.AUTHORITY,
    "事业单位": Kind.OFFICE,
    "企业": Kind.ENTERPRISE,
    "街道": Kind.STREET,
    "养护单位": Kind.CONTRACTOR,
    "": Kind.UNKNOWN,
}
"""What a file may write for a kind; our choice."""
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "unit_code": ("部门代码", "单位代码", "统一社会信用代码"),
    "name_zh": ("部门名称", "单位名称", "name"),
    "name_en": ("英文名称",),
    "kind": ("类型", "单位类型"),
    "contact": ("联系方式", "联系人"),
    "parent": ("上级部门", "上级单位"),
}
"""Column -> other accepted headings; `parent` is a code or a name."""

SELECT = """
SELECT department_id, unit_code, name_zh, name_en, kind, contact, parent_id, retired_at, merged_into
FROM department WHERE {key} FOR UPDATE
"""
BY_ID = SELECT.format(key="department_id = %(key)s")
KEYS = """
SELECT unit_code AS name, department_id FROM department WHERE unit_code IS NOT NULL
UNION ALL SELECT name_zh, department_id FROM department_name
"""
KEEP_VERSION = """
INSERT INTO department_version (department_id, unit_code, name_zh, name_en, kind, contact, parent_id, retired_at,
                                merged_into, since, changed_by, change_reason, until)
SELECT department_id, unit_code, name_zh, name_en, kind, contact, parent_id, retired_at, merged_into, since,
       changed_by, change_reason, greatest(%(now)s, since) FROM department WHERE department_id = %(department_id)s
"""
INSERT = """
INSERT INTO department (unit_code, name_zh, name_en, kind, contact, parent_id, since, changed_by, change_reason)
VALUES (%(unit_code)s, %(name_zh)s, %(name_en)s, %(kind)s, %(contact)s, %(parent_id)s, %(now)s, %(actor)s, %(reason)s)
RETURNING department_id
"""
UPDATE = """
UPDATE department
SET unit_code = %(unit_code)s, name_zh = %(name_zh)s, name_en = %(name_en)s, kind = %(kind)s, contact = %(contact)s,
    parent_id = %(parent_id)s, retired_at = %(retired_at)s, merged_into = %(merged_into)s,
    since = greatest(%(now)s, since), changed_by = %(actor)s, change_reason = %(reason)s
WHERE department_id = %(department_id)s
"""
KEEP_NAME = """
INSERT INTO department_alias (name_zh, department_id) VALUES (%(name_zh)s, %(department_id)s)
ON CONFLICT (name_zh) DO UPDATE SET department_id = EXCLUDED.department_id
"""
DROP_ALIAS = "DELETE FROM department_alias WHERE name_zh = %(name_zh)s"
ALIAS_OF_ANOTHER = """
SELECT d.name_zh FROM department_name AS n JOIN department AS d USING (department_id)
WHERE n.name_zh = %(name_zh)s AND n.department_id IS DISTINCT FROM %(department_id)s
"""
ANCESTORS = """
WITH RECURSIVE up AS (
    SELECT department_id, parent_id FROM department WHERE department_id = %(parent_id)s
    UNION SELECT d.department_id, d.parent_id FROM department AS d JOIN up ON d.department_id = up.parent_id
)
SELECT count(*) FROM up WHERE department_id = %(department_id)s
"""
FOLLOW_MERGE = (
    "UPDATE department SET merged_into = %(into)s WHERE merged_into = %(department_id)s",
    "UPDATE department_alias SET department_id = %(into)s WHERE department_id = %(department_id)s",
    "UPDATE department SET parent_id = %(into)s WHERE parent_id = %(department_id)s AND department_id <> %(into)s",
    "UPDATE department SET parent_id = NULL WHERE parent_id = %(department_id)s AND department_id = %(into)s",
)
MOVE_COMPONENTS = """
UPDATE component
SET competent_dept_id = CASE WHEN competent_dept_id = %(department_id)s THEN %(into)s ELSE competent_dept_id END,
    owner_dept_id = CASE WHEN owner_dept_id = %(department_id)s THEN %(into)s ELSE owner_dept_id END,
    maintainer_dept_id = CASE WHEN maintainer_dept_id = %(department_id)s THEN %(into)s ELSE maintainer_dept_id END,
    since = greatest(%(now)s, since + interval '1 microsecond'), changed_by = %(actor)s, change_reason = %(reason)s
WHERE %(department_id)s IN (competent_dept_id, owner_dept_id, maintainer_dept_id)
"""
HELD = """
SELECT count(*) FROM component WHERE %(department_id)s IN (competent_dept_id, owner_dept_id, maintainer_dept_id)
"""
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(actor)s, %(action)s, 'department ' || %(department_id)s, %(detail)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who does it, why and when."""

    actor: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What can be said of a unit; None leaves it as it is."""

    name_zh: str | None = None
    name_en: str | None = None
    unit_code: str | None = None
    kind: Kind | None = None
    contact: str | None = None
    parent: str | None = None
    """Key, code or name; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What an import did."""

    created: int
    changed: int
    unchanged: int


async def find(conn: AsyncConnection, wanted: str) -> int:
    """Give the key of the unit that has this key, code or name, or had this name; raises `NotFound`."""
    keys = await _keys(conn)
    if wanted in keys:
        return keys[wanted]
    known = set(keys.values())
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 and int(wanted) in known:
        return int(wanted)
    raise NotFound(f"no unit has the number, code or name {wanted!r}")


async def add(conn: AsyncConnection, unit: Unit, by: By) -> int:
    """Register a unit and give its key; raises `Conflict` for a name or code that is taken."""
    _require_reason(by)
    async with conn.transaction():
        row: dict[str, Any] = {"unit_code": None, "kind": "unknown", "contact": "", "parent_id": None, "name_en": ""}
        row |= await _given(conn, unit)
        if not row.get("name_zh"):
            raise InvalidInput("name_zh: a unit has a name")
        row["name_en"] = row["name_en"] or row["name_zh"]
        await _require_free(conn, row["name_zh"], None)
        try:
            found = await (await conn.execute(INSERT, {**row, **_by(by)})).fetchone()
        except errors.UniqueViolation as error:
            raise Conflict(f"unit_code {row['unit_code']} belongs to another unit") from error
        except errors.CheckViolation as error:
            raise InvalidInput(_CODE_SENTENCE) from error
        assert found is not None
        await _audit(conn, found[0], "department.add", {**row, "reason": by.reason}, by)
        return int(found[0])


async def change(conn: AsyncConnection, department_id: int, unit: Unit, by: By) -> bool:
    """Rename a unit or change what is said of it; tell whether anything was another.

    Raises: `NotFound`; `Conflict` for a name or code that is taken, or a unit that is retired; `InvalidInput` for a
    parent that stands under the unit.
    """
    _require_reason(by)
    async with conn.transaction():
        before = await _locked(conn, department_id)
        given = await _given(conn, unit)
        after = {**before, **given}
        if after == before:
            return False
        _require_valid(before)
        if after["name_zh"] != before["name_zh"]:
            await _require_free(conn, after["name_zh"], department_id)
        if after["parent_id"] is not None:
            await _require_no_circle(conn, after)
        await _write(conn, before, after, by)
        if after["name_zh"] != before["name_zh"]:
            await conn.execute(DROP_ALIAS, after)
            await conn.execute(KEEP_NAME, before)
        detail = {name: {"before": before[name], "after": value} for name, value in after.items()
                  if value != before[name]}  # fmt: skip
        await _audit(conn, department_id, "department.change", {**detail, "reason": by.reason}, by)
        return True


async def retire(conn: AsyncConnection, department_id: int, by: By) -> int:
    """Retire a unit; give the number of components that still name it: they wait in the worklist.

    No incident is dispatched to it from now on.
    """
    _require_reason(by)
    async with conn.transaction():
        before = await _locked(conn, department_id)
        _require_valid(before)
        held = await (await conn.execute(HELD, {"department_id": department_id})).fetchone()
        await _write(conn, before, {**before, "retired_at": by.now}, by)
        await _audit(conn, department_id, "department.retire", {"reason": by.reason}, by)
        return int(held[0]) if held else 0


async def merge(conn: AsyncConnection, department_id: int, into: int, by: By) -> int:
    """Merge a unit into another, which answers for its components from now on; give their number.

    Incidents that were dispatched stay where they are.
    """
    _require_reason(by)
    if department_id == into:
        raise InvalidInput("into: a unit cannot be merged into itself")
    async with conn.transaction():
        for key in sorted((department_id, into)):  # in one order, so that two merges never wait for each other
            await _locked(conn, key)
        before, target = await _locked(conn, department_id), await _locked(conn, into)
        if before["merged_into"] is not None:
            raise Conflict(f"{before['name_zh']} was merged already")
        _require_valid(target)
        values = {"department_id": department_id, "into": into, **_by(by)}
        retired_at = before["retired_at"] or by.now
        await _write(conn, before, {**before, "retired_at": retired_at, "merged_into": into}, by)
        for statement in FOLLOW_MERGE:
            await conn.execute(statement, values)
        moved = (await conn.execute(MOVE_COMPONENTS, values)).rowcount
        await _audit(
            conn, department_id, "department.merge",
            {"into": into, "into_name": target["name_zh"], "components": moved, "reason": by.reason}, by,
        )  # fmt: skip
        await signals.announce_registry(conn)
        return moved


async def load(conn: AsyncConnection, file: Path, by: By) -> Loaded:
    """Register and change the units of a CSV file, by code or else by name: all of the file or nothing."""
    units = read_units(file)
    counts = {"created": 0, "changed": 0, "unchanged": 0}
    async with conn.transaction():
        for line, unit in units:  # first the units, then who stands above whom: the order of the rows is free
            try:
                counts[await _load_one(conn, replace(unit, parent=None), by)] += 1
            except (InvalidInput, Conflict) as error:
                raise InvalidInput(f"{file.name} line {line}: {error}") from error
        for line, unit in units:
            if unit.parent:
                try:
                    key = await find(conn, unit.unit_code or unit.name_zh or "")
                    await change(conn, key, Unit(parent=unit.parent), by)
                except (InvalidInput, Conflict, NotFound) as error:
                    raise InvalidInput(f"{file.name} line {line}: {error}") from error
    return Loaded(**counts)


def read_units(file: Path) -> list[tuple[int, Unit]]:
    """Give the units in a CSV file with their lines; raises `InvalidInput` for what is no such file."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = file.read_bytes().decode("gb18030", errors="replace")
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from error
    names = {alias: name for name, aliases in HEADINGS.items() for alias in (name, *aliases)}
    reader = csv.DictReader(text.splitlines())
    columns = {heading: names[heading.strip()] for heading in reader.fieldnames or () if heading.strip() in names}
    if "name_zh" not in columns.values():
        raise InvalidInput(f"{file.name}: no column name_zh (单位名称)")
    found: list[tuple[int, Unit]] = []
    for row in reader:
        said = {columns[heading]: (value or "").strip() for heading, value in row.items() if heading in columns}
        kind = KIND_NAMES.get(said.pop("kind", ""))
        if kind is None:
            raise InvalidInput(f"{file.name} line {reader.line_num}: kind is one of {', '.join(KIND_NAMES)}")
        given = {name: value for name, value in said.items() if value}
        found.append((reader.line_num, Unit(**given, kind=kind if kind is not Kind.UNKNOWN else None)))
    return found


async def _load_one(conn: AsyncConnection, unit: Unit, by: By) -> str:
    keys = await _keys(conn)
    known = keys.get(unit.unit_code or "") or keys.get(unit.name_zh or "")
    if known is None:
        await add(conn, unit, by)
        return "created"
    return "changed" if await change(conn, known, unit, by) else "unchanged"


async def _keys(conn: AsyncConnection) -> dict[str, int]:
    return {row[0]: row[1] for row in await (await conn.execute(KEYS)).fetchall()}


async def _given(conn: AsyncConnection, unit: Unit) -> dict[str, Any]:
    said = {name: getattr(unit, name) for name in ("name_zh", "name_en", "unit_code", "kind", "contact")}
    row: dict[str, Any] = {name: value.strip() for name, value in said.items() if value is not None}
    if row.get("unit_code") == "":
        row["unit_code"] = None
    if "name_zh" in row and not row["name_zh"]:
        raise InvalidInput("name_zh: a unit has a name")
    if unit.parent is not None:
        row["parent_id"] = await find(conn, unit.parent) if unit.parent else None
    return row


async def _locked(conn: AsyncConnection, department_id: int) -> dict[str, Any]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(BY_ID, {"key": department_id})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound(f"no unit {department_id}")
    return row


async def _write(conn: AsyncConnection, before: Mapping[str, Any], after: Mapping[str, Any], by: By) -> None:
    await conn.execute(KEEP_VERSION, {**before, "now": by.now})
    try:
        await conn.execute(UPDATE, {**after, **_by(by)})
    except errors.UniqueViolation as error:
        raise Conflict(f"unit_code {after['unit_code']} belongs to another unit") from error
    except errors.CheckViolation as error:
        raise InvalidInput(_CODE_SENTENCE) from error


_CODE_SENTENCE = "unit_code: 1 to 32 of 0-9, A-Z, a-z, point, dash and underscore, as in 91130200MA07XXXXXX"


async def _require_free(conn: AsyncConnection, name_zh: str, department_id: int | None) -> None:
    found = await conn.execute(ALIAS_OF_ANOTHER, {"name_zh": name_zh, "department_id": department_id})
    row = await found.fetchone()
    if row is not None:
        raise Conflict(f"{name_zh} is, or was, the name of the unit {row[0]}")


async def _require_no_circle(conn: AsyncConnection, after: Mapping[str, Any]) -> None:
    row = await (await conn.execute(ANCESTORS, after)).fetchone()
    if row and row[0]:
        raise InvalidInput(f"parent: it would stand above itself: {after['name_zh']}")


def _require_valid(row: Mapping[str, Any]) -> None:
    if row["retired_at"] is not None:
        raise Conflict(f"{row['name_zh']} was retired at {row['retired_at'].isoformat(timespec='seconds')}")


def _require_reason(by: By) -> None:
    if not by.actor.strip() or not by.reason.strip():
        raise InvalidInput("say who does it and why: it is kept in the audit log")


def _by(by: By) -> dict[str, Any]:
    return {"now": by.now, "actor": by.actor.strip(), "reason": by.reason.strip()}


async def _audit(
    conn: AsyncConnection, department_id: int, action: str, detail: Mapping[str, Any], by: By
) -> None:  # fmt: skip
    values: Sequence[tuple[str, Any]] = [(k, v) for k, v in detail.items() if v is not None]
    await conn.execute(
        AUDIT, {**_by(by), "department_id": department_id, "action": action, "detail": Jsonb(dict(values))}
    )
