"""Issues codes of components: one after another, none twice, none lost to a transaction that was rolled back.

A counter a district and class, locked until the caller's transaction ends; whoever wants the same numbers waits. Who
issues waits for a survey that is being written, and the reverse: the two never give one number to two components.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from components_registry.code import ComponentCode, format_code
from components_registry.departments import By
from components_registry.taxonomy import Catalogue
from core.errors import Conflict, InvalidInput, NotFound
from storage import locks

MOST = 10_000
"""Codes at a time."""
WINDOW = 5_000
"""Serials looked at in one question."""

KNOWN_DISTRICT = "SELECT 1 FROM area WHERE area_code = %(district)s AND level = 'district'"
# The first time it starts after the highest serial there is: a gap in a survey may be a row that is being mended.
START = """
INSERT INTO code_counter (district_code, class_code, last_serial)
SELECT %(district)s, %(class)s, coalesce(max(right(c.code, %(digits)s)::int), 0)
FROM public.component AS c WHERE c.code BETWEEN %(first)s AND %(last)s
ON CONFLICT DO NOTHING
"""
LOCK = """
SELECT last_serial FROM code_counter WHERE district_code = %(district)s AND class_code = %(class)s FOR UPDATE
"""
# Of the whole city, whoever asks: codes are unique in it.
TAKEN = "SELECT right(code, %(digits)s)::int FROM public.component WHERE code BETWEEN %(first)s AND %(last)s"
ADVANCE = """
UPDATE code_counter SET last_serial = %(serial)s WHERE district_code = %(district)s AND class_code = %(class)s
"""
KEEP = """
INSERT INTO issued_code (code, district_code, class_code, issued_at, issued_by, reason)
SELECT given.code, %(district)s, %(class)s, %(now)s, %(actor)s, %(reason)s
FROM unnest(%(codes)s::text[]) AS given (code)
"""
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(actor)s, 'codes.issue', 'codes ' || %(district)s || %(class)s, %(detail)s)
"""
LIST = """
SELECT i.code, i.district_code, i.class_code, i.issued_at, i.issued_by, i.reason, c.code IS NOT NULL AS in_use
FROM issued_code AS i LEFT JOIN component AS c USING (code)
WHERE (%(district)s::text IS NULL OR i.district_code = %(district)s)
  AND (%(class)s::text IS NULL OR i.class_code = %(class)s)
  AND (%(after)s::text IS NULL OR i.code > %(after)s)
ORDER BY i.code LIMIT %(limit)s
"""
BESIDE_OTHERS = "SELECT pg_advisory_xact_lock_shared(%(key)s)"
ALONE = "SELECT pg_advisory_xact_lock(%(key)s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How many codes of which class in which district."""

    district: str
    class_code: str
    count: int
    catalogue: Catalogue
    """The city's."""


async def issue(conn: AsyncConnection, request: Request, by: By) -> list[str]:
    """Give codes that nobody has; they are the caller's when its transaction commits, and nobody's when it does not.

    Consecutive but for numbers that are in use. Raises: `InvalidInput` for a class the catalogue has not, `NotFound`
    for a district the city has not, `Conflict` when there are not enough serials left: then none is issued.
    """
    if request.class_code not in request.catalogue.classes:
        raise InvalidInput(f"class {request.class_code!r} is not in the catalogue {request.catalogue.catalogue_id}")
    if not 1 <= request.count <= MOST:
        raise InvalidInput(f"count: between 1 and {MOST}")
    if not by.actor.strip() or not by.reason.strip():
        raise InvalidInput("say who wants them and what for: it is kept with the codes")
    values: dict[str, Any] = {"district": request.district, "class": request.class_code}
    async with conn.transaction():
        if await (await conn.execute(KNOWN_DISTRICT, values)).fetchone() is None:
            raise NotFound(f"the city has no district {request.district}")
        serials = await _serials(conn, request, values)
        codes = [_code(request, serial) for serial in serials]
        values |= {"now": by.now, "actor": by.actor.strip(), "reason": by.reason.strip(), "codes": codes}
        await conn.execute(ADVANCE, {**values, "serial": serials[-1]})
        await conn.execute(KEEP, values)
        detail = {"count": len(codes), "first": codes[0], "last": codes[-1], "reason": by.reason.strip()}
        await conn.execute(AUDIT, {**values, "detail": Jsonb(detail)})
    return codes


async def _serials(conn: AsyncConnection, request: Request, values: dict[str, Any]) -> list[int]:
    digits = request.catalogue.split[3]
    most = 10**digits - 1
    span = {**values, "digits": digits, "first": _code(request, 1), "last": _code(request, most)}
    await conn.execute(BESIDE_OTHERS, {"key": locks.CODES})
    await conn.execute(START, span)
    row = await (await conn.execute(LOCK, values)).fetchone()
    assert row is not None
    found: list[int] = []
    last = int(row[0])
    while len(found) < request.count and last < most:
        until = min(last + max(WINDOW, request.count), most)
        window = {**span, "first": _code(request, last + 1), "last": _code(request, until)}
        taken = {taken for (taken,) in await (await conn.execute(TAKEN, window)).fetchall()}
        found += islice(free(last, until, taken), request.count - len(found))
        last = until
    if len(found) < request.count:
        raise Conflict(
            f"class {request.class_code} in {request.district} has {len(found)} serials left, {request.count} are asked"
        )
    return found


def free(last: int, until: int, taken: AbstractSet[int]) -> Iterator[int]:
    """Give the serials after `last`, up to `until`, that are not taken."""
    return (serial for serial in islice(count(last + 1), until - last) if serial not in taken)


def _code(request: Request, serial: int) -> str:
    code = ComponentCode(district_code=request.district, class_code=request.class_code, serial=serial)
    return format_code(code, request.catalogue)


async def hold(conn: AsyncConnection) -> None:
    """Let nobody issue codes until the transaction of the survey that brings some has ended."""
    await conn.execute(ALONE, {"key": locks.CODES})


async def issued(  # the filters of a list
    conn: AsyncConnection, *, district: str | None, class_code: str | None, after: str | None, limit: int
) -> Sequence[dict[str, Any]]:
    """Give issued codes in their order: by whom, what for, and whether a component has it by now."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST, {"district": district, "class": class_code, "after": after, "limit": limit})
        return await cursor.fetchall()
