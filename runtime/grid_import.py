"""Imports a partition a city brings itself: read, checked whole, and kept as a version that can be put in force."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from psycopg import AsyncConnection

from components_registry import layerfile
from components_registry.importing import Rules
from components_registry.mapping import AS_IT_IS, ColumnMapping
from components_registry.mapping import parse as parse_mapping
from components_registry.source import Source
from components_registry.taxonomy import TANGSHAN
from components_registry.traps import Sample, refuse_trap
from core.errors import Conflict, InvalidInput
from geo import gridfile, topology
from geo.findings import Flaw, GridFinding, Limits, counts
from geo.gridfile import COLUMNS, PARENT, Grid, Known, Level, Row
from geo.projection import DEGREES, geometries_from_degrees, geometries_to_degrees, short_name
from runtime import regrid
from storage import grid_versions, grids

Shapes = NDArray[np.object_]
_PAGE_ROWS = 20_000
_SAMPLE_ROWS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFile:
    """A file of grids and how to read it."""

    file: Path
    level: Level
    crs: str = ""
    """Empty: what the file says, else WGS 84 degrees."""
    layer: str = ""
    encoding: str = ""
    mapping: ColumnMapping = AS_IT_IS
    northing_first: bool = False
    trusted: bool = False
    mend: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridReport:
    """What became of a file: `version_id` is None after a dry run."""

    version_id: int | None
    level: Level
    state: str
    """refused, draft or active; after a dry run what it would be."""
    crs: str
    rows: int
    grids: int
    findings: tuple[GridFinding, ...]
    """With places in degrees."""
    notes: tuple[str, ...] = ()

    @property
    def blocking(self) -> int:
        """How many findings stand against loading."""
        return sum(finding.blocks for finding in self.findings)


def load_mapping(file: Path) -> ColumnMapping:
    """Read a mapping file for grids; raises `InvalidInput` that says what is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from error
    return parse_mapping(text, str(file), tuple(COLUMNS))


async def import_grids(
    conn: AsyncConnection[Any], given: GridFile, *, now: datetime, actor: str, accept: str = "", dry_run: bool = False
) -> GridReport:
    """Check a partition and keep it as a draft; a city's first one of its level is put in force at once.

    With a blocking finding nothing of it can be put in force, unless `accept` says why it should be: then what can be
    loaded is. A dry run keeps nothing.
    Raises: `InvalidInput` for a file that cannot be read, `DatumTrap` for one that lies elsewhere than it was said to;
    `Conflict` while the level above is not there.
    """
    async with conn.transaction(force_rollback=dry_run):
        report, good = await _check(conn, given)
        if report.blocking and not accept:
            report = replace(report, state="refused")
        elif not good:
            raise InvalidInput(f"{given.file}: there is no grid in it that can be loaded")
        report = await _keep(conn, given, report, good, now=now, actor=actor, accept=accept)
    return replace(report, version_id=None) if dry_run else report


async def _keep(  # noqa: PLR0913  # who, when and what
    conn: AsyncConnection[Any], given: GridFile, report: GridReport, good: Sequence[Grid], *, now: datetime,
    actor: str, accept: str,
) -> GridReport:  # fmt: skip
    await grid_versions.lock(conn)
    version_id = await grid_versions.insert(
        conn, given.level, state=report.state, source=given.file.name, crs=report.crs, now=now, actor=actor,
        accepted=accept if report.blocking else "", grids=len(good),
        summary={"rows": report.rows, "findings": counts(report.findings), "notes": list(report.notes)},
    )  # fmt: skip
    await grid_versions.write_findings(conn, version_id, report.findings)
    detail = {"level": given.level.value, "source": given.file.name, "findings": len(report.findings)}
    await grid_versions.audit(conn, version_id, "import", {**detail, "accepted": accept}, now=now, actor=actor)
    report = replace(report, version_id=version_id)
    if report.state == "refused":
        return report
    await grid_versions.write_shapes(conn, version_id, good)
    if not await _is_first(conn, given.level):
        return report
    await regrid.activate(conn, version_id, now=now, actor=actor)
    return replace(report, state="active")


async def _is_first(conn: AsyncConnection[Any], level: Level) -> bool:
    if await grid_versions.active(conn, level) is not None:
        return False
    if level is Level.UNIT:
        return not len(await grids.load_index(conn))
    return not await grids.outlines_of(conn, level.value)


async def _check(conn: AsyncConnection[Any], given: GridFile) -> tuple[GridReport, list[Grid]]:
    source = layerfile.open_layer(_existing(given.file), layer=given.layer, encoding=given.encoding)
    crs = given.crs or source.crs or DEGREES
    rows, outlines = _read(source, given)
    if not given.trusted:
        await _refuse_trap(conn, given, crs, rows, outlines)
    there = ~shapely.is_missing(outlines)
    outlines[there] = geometries_to_degrees(crs, outlines[there])
    good, findings = gridfile.read(given.level, rows, outlines, await _known(conn, given))
    findings += await _topology(conn, given, good)
    report = GridReport(
        version_id=None,
        level=given.level,
        state="draft",
        crs=short_name(crs),
        rows=len(rows),
        grids=len(good),
        findings=tuple(findings),
        notes=source.notes,
    )
    return report, good


def _existing(file: Path) -> Path:
    if not file.exists():
        raise InvalidInput(f"{file} does not exist")
    if file.suffix.lower() not in layerfile.SUFFIXES:
        raise InvalidInput(f"{file}: grids are read from {', '.join(layerfile.SUFFIXES)}")
    return file


def _read(source: Source, given: GridFile) -> tuple[list[Row], Shapes]:
    """Give the rows under our names and their outlines in the file's coordinates, easting first."""
    mapping = given.mapping
    taken = {heading.strip().casefold(): ours for ours, heading in mapping.columns.items()}
    missing = [heading for heading in mapping.columns.values() if heading not in source.header]
    if missing:
        raise InvalidInput(f"{source.name} has no column {missing[0]!r}; it has {', '.join(source.header)}")
    if "code" not in {*mapping.columns, *mapping.constants} and gridfile.heading_of("code", source.header) is None:
        raise InvalidInput(
            f"{source.name}: no column for the grid's code (one of: code, {', '.join(COLUMNS['code'])}; or name it in a"
            f" mapping file); it has {', '.join(source.header)}"
        )
    header = [taken.get(heading.strip().casefold(), heading) for heading in source.header]
    rows: list[Row] = []
    drawn: list[Shapes] = []
    for batch in source.batches(_PAGE_ROWS):
        if batch.drawn is None:
            raise InvalidInput(f"{source.name} has no outlines")
        drawn.append(batch.drawn)
        rows += [
            _translated(gridfile.named(dict(zip(header, fields, strict=True))), mapping)
            for fields in zip(*batch.columns, strict=True)
        ]
    outlines: Shapes = np.concatenate(drawn) if drawn else np.zeros(0, np.object_)
    if given.northing_first:
        outlines = shapely.transform(outlines, lambda xy: xy[:, ::-1])
    return rows, shapely.force_2d(outlines)


def _translated(row: Row, mapping: ColumnMapping) -> Row:
    if not mapping.constants and not mapping.values:
        return row
    said = {ours: mapping.values.get(ours, {}).get(word, word) for ours, word in row.items()}
    return {**said, **mapping.constants}


async def _known(conn: AsyncConnection[Any], given: GridFile) -> Known:
    """Give what the rows may refer to; raises `Conflict` while the level above is not there."""
    level = given.level
    parents = await grids.codes_of(conn, PARENT[level].value) if level in PARENT else frozenset[str]()
    if level in PARENT and not parents:
        raise Conflict(f"the city has no {PARENT[level]} yet: import that level first, or run `citygrid city load`")
    if level is not Level.UNIT:
        return Known(parents=parents, mend=given.mend)
    patrols = await grids.patrol_codes(conn)
    return Known(
        parents=parents, patrols=patrols or None, void=await grid_versions.void_codes(conn), mend=given.mend
    )  # fmt: skip


async def _refuse_trap(
    conn: AsyncConnection[Any], given: GridFile, crs: str, rows: Sequence[Row], outlines: Shapes
) -> None:
    """Look whether the whole file lies elsewhere than it was said to, against the unit grids in force."""
    index = await grids.load_index(conn)
    usable = np.flatnonzero(~shapely.is_missing(outlines) & ~shapely.is_empty(outlines))
    if not len(index) or not len(usable):
        return
    some = usable[np.linspace(0, len(usable) - 1, min(len(usable), _SAMPLE_ROWS)).astype(np.intp)]
    middle = shapely.point_on_surface(outlines[some])
    codes = np.asarray([rows[row].get("code", "") for row in some.tolist()], dtype=np.str_)
    by_code = given.level is not Level.PATROL
    # As the file has them: the rules know which axis comes first.
    x, y = shapely.get_x(middle), shapely.get_y(middle)
    rules = Rules(
        catalogue=TANGSHAN,
        districts=frozenset(),
        grids=index,
        crs=crs,
        grid_districts=await grids.districts_of_grids(conn) if by_code else {},
        northing_first=given.northing_first,
    )
    sample = Sample(code=codes, x=y if given.northing_first else x, y=x if given.northing_first else y)
    refuse_trap(sample, rules, {}, given.file.name)


async def _topology(conn: AsyncConnection[Any], given: GridFile, good: Sequence[Grid]) -> list[GridFinding]:
    if not good:
        return []
    degrees = np.asarray([grid.shape for grid in good], dtype=np.object_)
    plane = gridfile.plane(degrees)

    def flat(outlines: Mapping[str, shapely.Geometry]) -> dict[str, Any]:
        shapes = np.asarray(list(outlines.values()), dtype=np.object_)
        return dict(zip(outlines, geometries_from_degrees(plane, shapes), strict=True)) if outlines else {}

    codes, tiles, limits = [grid.code for grid in good], geometries_from_degrees(plane, degrees), given.limits
    parents = flat(await _own_outlines(conn, given.level))
    named = {grid.parent_code for grid in good}
    within = {code: outline for code, outline in parents.items() if code in named}
    units = await grids.load_grids(conn) if given.level is Level.PATROL else None
    if units is not None and units.code:
        outlines = geometries_from_degrees(plane, units.geometry)
        within = {"unit grids": topology.joined(outlines)}
        found = topology.check(codes, tiles, limits, within)
        found += topology.cuts(units.code, outlines, dict(zip(codes, tiles, strict=True)), limits)
    else:
        found = topology.check(codes, tiles, limits, within)
    found += topology.straying(codes, tiles, [grid.parent_code for grid in good], parents, limits)
    if given.level is Level.UNIT:
        found += topology.far_areas(codes, tiles, limits)
        found += await _patrols(conn, good, tiles, flat, limits)
    return _in_degrees(_numbered(found, good), plane)


async def _own_outlines(conn: AsyncConnection[Any], level: Level) -> dict[str, shapely.Geometry]:
    """Give the outlines of the level above when they were imported; those drawn from unit grids prove nothing."""
    above = PARENT.get(level)
    if above is None or above.value not in await grid_versions.own_levels(conn):
        return {}
    return await grids.outlines_of(conn, above.value)


async def _patrols(
    conn: AsyncConnection[Any], good: Sequence[Grid], tiles: Shapes, flat: Any, limits: Limits
) -> list[GridFinding]:
    """Look at patrol grids from the unit grids' side: what they cut, and whether they hang together."""
    codes = [grid.code for grid in good]
    found: list[GridFinding] = []
    said = np.asarray([grid.patrol_code for grid in good])
    for code in sorted({*said.tolist()} - {""}):
        found += topology.check_union(code, tiles[said == code])
    outlines = flat(await grids.outlines_of(conn, "patrol"))
    if outlines and not said.any():
        # Only where the place decides whose a grid is.
        cut = topology.cuts(codes, tiles, outlines, limits)
        found += [replace(it, flaw=Flaw.CUT_BY_PATROL) for it in cut]
    return found


def _numbered(found: Collection[GridFinding], good: Sequence[Grid]) -> list[GridFinding]:
    """Give each finding the feature of its first grid."""
    feature = {grid.code: grid.feature for grid in good}
    return [
        replace(it, feature=feature.get(it.codes[0], 0)) if it.codes and it.flaw is not Flaw.GAP else it for it in found
    ]


def _in_degrees(found: Sequence[GridFinding], plane: str) -> list[GridFinding]:
    shapes = np.asarray([it.shape for it in found], dtype=np.object_) if found else np.zeros(0, np.object_)
    there = ~shapely.is_missing(shapes)
    if there.any():
        shapes[there] = geometries_to_degrees(plane, shapes[there])
    return [replace(it, shape=shape) for it, shape in zip(found, shapes, strict=True)]
