"""Puts a version of a city's grids in force: the grids, and all that stands in them, in one transaction.

Ingest, rules and tiles follow by the registry's signal; until they have read it, readings keep the grid they knew,
which is still a row.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from psycopg import AsyncConnection

from core.errors import Conflict
from geo.grid import OUTSIDE, GridIndex
from geo.gridfile import Level
from geo.label import label_points
from storage import grid_versions, grids, regridding, signals
from storage.grid_versions import Version

_PAGE_ROWS = 50_000
MOVES_GRIDS = (Level.UNIT, Level.PATROL)
"""Only these hold components; a community's new outline moves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regridding:
    """What a version's coming changed; `period_id` names the list of what moved, None after a dry run."""

    version: Version
    period_id: int | None
    counts: dict[str, int]


Telling = Callable[[AsyncConnection[Any], int], Awaitable[None]]
"""Hears the period that begins, inside the transaction: even a dry run's list of what moved can be read then."""


async def nobody(_conn: AsyncConnection[Any], _period_id: int) -> None:
    """Hear of what moved, and tell nobody."""


async def activate(  # who and when belong to every change
    conn: AsyncConnection[Any],
    version_id: int,
    *,
    now: datetime,
    actor: str,
    dry_run: bool = False,
    moves: Telling = nobody,
) -> Regridding:
    """Put a version in force in place of the present one of its level; a dry run does all of it and keeps nothing.

    Raises: `NotFound`; `Conflict` when it was refused or is in force already.
    """
    async with conn.transaction(force_rollback=dry_run):
        await grid_versions.lock(conn)
        version = await grid_versions.load(conn, version_id)
        if version.state == "refused":
            raise Conflict(f"version {version_id} was refused for its findings: mend the file and import it again")
        if version.state == "active":
            raise Conflict(f"version {version_id} is in force already")
        result = await _enforce(conn, version, now=now, actor=actor)
        await moves(conn, result[0])
    return Regridding(version=version, period_id=None if dry_run else result[0], counts=result[1])


async def roll_back(  # who and when belong to every change
    conn: AsyncConnection[Any],
    level: Level,
    *,
    now: datetime,
    actor: str,
    dry_run: bool = False,
    moves: Telling = nobody,
) -> Regridding:
    """Put the version before the present one in force again; raises `Conflict` when there was none."""
    version_id = await grid_versions.former(conn, level)
    if version_id is None:
        raise Conflict(f"there was no other version of the {level} grids before")
    return await activate(conn, version_id, now=now, actor=actor, dry_run=dry_run, moves=moves)


async def _enforce(
    conn: AsyncConnection[Any], version: Version, *, now: datetime, actor: str
) -> tuple[int, dict[str, int]]:
    await grid_versions.record_live(
        conn, version.level, source="as found", now=now, actor=actor, since=None
    )  # fmt: skip
    moves = version.level in MOVES_GRIDS
    if moves:
        await regridding.stand_still(conn)
    await regridding.change_grids(conn, version.level, version.version_id)
    period_id = await grid_versions.put_in_force(conn, version, now=now, actor=actor)
    counts = {"grids": version.grids}
    if moves:
        await _stage_components(conn)
        await regridding.move_all(conn, period_id, now=now, actor=actor)
        await grid_versions.keep_stretches(conn, now)
        counts |= await regridding.count(conn, period_id)
    await grids.outline_areas(conn)
    await grid_versions.summarise(conn, period_id, counts)
    await grid_versions.audit(conn, version.version_id, "activate", counts, now=now, actor=actor)
    await signals.announce_registry(conn)
    return period_id, counts


async def _stage_components(conn: AsyncConnection[Any]) -> None:
    """Find the grid of every component whose own is void, and of those that had none."""
    index = await grids.load_index(conn)
    async for page in _pages(conn):
        await regridding.stage_components(conn, _moved(index, page))


async def _pages(conn: AsyncConnection[Any]) -> AsyncGenerator[list[tuple[int, int, bytes]]]:
    async with conn.cursor(name="homeless", binary=True) as cursor:
        await cursor.execute(regridding.HOMELESS)
        while page := await cursor.fetchmany(_PAGE_ROWS):
            yield page


def _moved(index: GridIndex, page: list[tuple[int, int, bytes]]) -> Iterator[tuple[int, int | None, int | None]]:
    keys, before, shapes = zip(*page, strict=True)
    x, y = label_points(np.asarray(shapely.from_wkb(shapes), dtype=np.object_))
    after = index.locate(x, y).tolist()
    for key, was, becomes in zip(keys, before, after, strict=True):
        if was != becomes:
            yield key, was or None, becomes if becomes != OUTSIDE else None
