"""Use cases of the component registry; each is one transaction of the caller's connection."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
from psycopg import AsyncConnection

from components_registry import changes, codes, reading, store
from components_registry.drawing import positions_in_file
from components_registry.editions import SHIPPED, Editions
from components_registry.importing import Seen, check
from components_registry.mapping import AS_IT_IS, ColumnMapping
from components_registry.mapping import parse as parse_mapping
from components_registry.mending import write_refused
from components_registry.model import Finding, SurveyReport, SurveyRows
from components_registry.nearness import Places, departments_missing, unnamed
from components_registry.overlap import Polygons
from components_registry.staging import text_rows
from components_registry.taxonomy import Catalogue
from components_registry.traps import SAMPLE_ROWS, Sample, refuse_trap
from components_registry.verdict import Rules
from core.errors import Conflict, InvalidInput, NotFound
from geo.projection import DEGREES, short_name
from storage import bulk_load, grids, signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A survey file and how to read it."""

    file: Path
    crs: str = ""
    """Empty: what the file says, else WGS 84 degrees."""
    layer: str = ""
    encoding: str = ""
    mapping: ColumnMapping = AS_IT_IS
    northing_first: bool = False
    synthetic: bool = False
    trusted: bool = False
    """The coordinates are what they are said to be: no search for another system or the GCJ-02 offset."""
    editions: Editions = SHIPPED
    """The city's edition of the catalogue, and those it may come from."""
    edition: str = ""
    """The edition of the catalogue its codes are of, when that is another one."""
    chosen: Mapping[str, str] = field(default_factory=dict[str, str])
    """What a class of that edition is now, where that is not known."""
    near_m: float = 0.5
    """Two of a class within this distance are remarked on; 0: nobody looks."""
    overlap: float = 0.05
    """Two polygons of a class that share this part of the smaller one are remarked on; 0: nobody looks."""
    required: Sequence[str] = ()
    """Duties (owner, maintainer) of which a row that names no unit is remarked on."""
    refused_rows: Path | None = None
    """Where the refused rows are written, to be mended."""
    differences: Path | None = None
    """Where is written what the survey creates, changes and misses."""

    @property
    def catalogue(self) -> Catalogue:
        """The classes of the city's edition."""
        return self.editions.catalogue


def _unheard(rows: int) -> None:
    """Take a progress report that nobody asked for."""


def load_mapping(file: Path) -> ColumnMapping:
    """Read a column mapping file; raises `InvalidInput` that says what is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from error
    return parse_mapping(text, str(file))


async def load_catalogue(conn: AsyncConnection, catalogue: Catalogue, *, now: datetime, actor: str) -> int:
    """Write the catalogue's classes and their departments; give how many classes are new or changed."""
    async with conn.transaction():
        return await store.upsert_classes(conn, catalogue, now=now, actor=actor)


async def add_departments(conn: AsyncConnection, names: Mapping[str, str]) -> None:
    """Add departments, Chinese name -> English name; known ones stay as they are."""
    async with conn.transaction():
        await store.add_departments(conn, names)


async def import_survey(
    conn: AsyncConnection,
    survey: Survey,
    *,
    now: datetime,
    actor: str,
    dry_run: bool = False,
    report: Callable[[int], None] = _unheard,
) -> SurveyReport:
    """Load the good rows of a survey and give one finding for each bad one; a code that is known is updated.

    `report` hears the number of rows read, now and then. A dry run does all of it and keeps nothing.
    Raises: `InvalidInput` for a file or system that cannot be read at all, `DatumTrap` for a file that lies elsewhere
    than it was said to; `Conflict` before the areas are loaded.
    """
    async with conn.transaction(force_rollback=dry_run):
        result = await _import(conn, survey, now=now, actor=actor, report=report)
    return replace(result, survey_id=None) if dry_run else result


async def findings_of(conn: AsyncConnection, survey_id: int, *, limit: int = 1000) -> Sequence[Finding]:
    """Give the findings of an imported survey; raises `NotFound`."""
    findings = await store.findings_of(conn, survey_id, limit)
    if findings is None:
        raise NotFound(f"there is no survey {survey_id}")
    return findings


async def _import(
    conn: AsyncConnection, survey: Survey, *, now: datetime, actor: str, report: Callable[[int], None]
) -> SurveyReport:
    source = reading.open_source(survey.file, layer=survey.layer, encoding=survey.encoding)
    crs = survey.crs or source.crs or DEGREES
    rules = await _rules(conn, survey, crs, now=now, actor=actor)
    survey_id = await store.open_survey(
        conn, source=survey.file.name, crs=short_name(crs), synthetic=survey.synthetic, now=now, actor=actor
    )
    staged = await _stage(conn, reading.chunks(source, survey.mapping), rules, survey, report)
    findings = [*staged.findings, *await store.take_crowded(conn), *await _beside_others(conn, staged, survey)]
    missed = await changes.missing(conn)
    if survey.differences is not None:
        await changes.write_differences(conn, survey.differences)
    take = partial(
        store.take_over, conn, catalogue_id=survey.catalogue.catalogue_id, survey_id=survey_id, now=now, actor=actor
    )
    await codes.hold(conn)
    created, changed, unchanged = await _take_over(conn, take)
    findings.sort(key=lambda finding: finding.line)
    result = SurveyReport(
        survey_id=survey_id,
        rows_read=staged.rows_read,
        created=created,
        changed=changed,
        unchanged=unchanged,
        missing=missed,
        findings=tuple(findings),
        crs=short_name(crs),
        notes=(*source.notes, *_other_system(survey.crs, source.crs), *_unsure(staged, survey)),
        departments_missing=dict(staged.missing),
    )
    await store.close_survey(
        conn,
        survey_id,
        rows_read=staged.rows_read,
        rows_loaded=result.loaded,
        findings=findings,
        summary=result.summary(),
    )
    await signals.announce_registry(conn)
    if survey.refused_rows is not None:
        write_refused(source, findings, survey.refused_rows)
    return result


@dataclass(slots=True, kw_only=True)
class _Staged:
    """What was found while a file's rows were read into the staging table."""

    rows_read: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    places: Places = field(default_factory=Places)
    polygons: Polygons = field(default_factory=Polygons)
    recoded: Counter[str] = field(default_factory=Counter[str])
    missing: Counter[str] = field(default_factory=Counter[str])


async def _rules(conn: AsyncConnection, survey: Survey, crs: str, *, now: datetime, actor: str) -> Rules:
    """Give what the rows are checked against; raises `Conflict` while there is no city."""
    strange = sorted(set(survey.chosen.values()) - set(survey.catalogue.classes))
    if strange:
        raise InvalidInput(f"class {strange[0]} is not in the catalogue {survey.catalogue.catalogue_id}")
    if survey.edition:
        survey.editions.successors(survey.edition, survey.editions.city)
    await store.upsert_classes(conn, survey.catalogue, now=now, actor=actor)
    districts = await store.districts(conn)
    if not districts:
        raise Conflict("the city's areas are not loaded yet: run `citygrid city load` or load areas and grids first")
    return Rules(
        catalogue=survey.catalogue,
        districts=districts,
        grids=await grids.load_index(conn),
        crs=crs,
        grid_districts=await store.district_of_grids(conn),
        northing_first=survey.northing_first,
    )


async def _stage(
    conn: AsyncConnection,
    chunks: Iterable[reading.Chunk],
    rules: Rules,
    survey: Survey,
    report: Callable[[int], None],
) -> _Staged:
    known = await store.departments(conn)
    seen, staged = Seen(), _Staged()
    for whole in chunks:
        chunk = _recoded(whole, survey, staged)
        if not staged.rows_read and not survey.trusted:
            await _refuse_trap(conn, chunk, rules, survey.file.name)
        rows, flawed = check(chunk.table, chunk.drawn, rules, seen)
        staged.rows_read += chunk.rows_read
        staged.findings += [*chunk.refused, *flawed]
        staged.places.add(rows)
        staged.polygons.add(rows)
        staged.findings += unnamed(rows, survey.required)
        staged.missing.update(departments_missing(rows))
        known = await _know_departments(conn, rows, known)
        await store.stage(conn, text_rows(rows, known))
        report(staged.rows_read)
    return staged


def _recoded(chunk: reading.Chunk, survey: Survey, staged: _Staged) -> reading.Chunk:
    """Give the rows with their codes in our edition; those that have none become findings."""
    if not survey.edition:
        return chunk
    table = chunk.table
    made = survey.editions.recode(table["code"], survey.edition, survey.chosen)
    staged.recoded.update(made.classes)
    lost = np.flatnonzero(made.flaw != None)  # noqa: E711  # an array of objects is compared one by one
    refused = [
        Finding(
            line=int(table.line[row]),
            column="code",
            reason=made.flaw[row],
            detail=survey.editions.explain(made.flaw[row], table["code"][row], survey.edition),
        )
        for row in lost.tolist()
    ]
    table.replace("code", made.codes)
    table.replace("former_code", np.where(made.former == "", table["former_code"], made.former))
    keep = np.ones(len(table), dtype=bool)
    keep[lost] = False
    return reading.Chunk(
        table=table.take(keep),
        drawn=None if chunk.drawn is None else chunk.drawn[keep],
        refused=(*chunk.refused, *refused),
        rows_read=chunk.rows_read,
    )


def _unsure(staged: _Staged, survey: Survey) -> list[str]:
    return survey.editions.remarks(staged.recoded, survey.edition) if survey.edition else []


async def _beside_others(conn: AsyncConnection, staged: _Staged, survey: Survey) -> list[Finding]:
    """Give the remarks on good rows that lie near or over one another, or near or over registered components."""
    held = not await store.is_empty(conn)
    found: list[Finding] = []
    if survey.near_m > 0:
        found += staged.places.findings(survey.near_m)
        found += await store.near_registered(conn, survey.near_m) if held else []
    if survey.overlap > 0:
        found += staged.polygons.findings(survey.overlap)
        found += await store.over_registered(conn, survey.overlap) if held else []
    return found


async def _refuse_trap(conn: AsyncConnection, chunk: reading.Chunk, rules: Rules, name: str) -> None:
    """Look at the first rows of a file for a whole file in the wrong place."""
    some = np.linspace(0, len(chunk.table) - 1, min(len(chunk.table), SAMPLE_ROWS)).astype(np.intp)
    x, y = positions_in_file(chunk.table, chunk.drawn)
    sample = Sample(code=chunk.table["code"].astype(np.str_)[some], x=x[some], y=y[some])
    refuse_trap(sample, rules, await store.positions(conn, sample.code.tolist()), name)


def _other_system(given: str, said: str) -> tuple[str, ...]:
    if not given or not said or short_name(given) == short_name(said):
        return ()
    return (f"the file says its coordinates are {short_name(said)}; they were read as {short_name(given)}, as asked",)


async def _take_over(
    conn: AsyncConnection, take: Callable[[], Awaitable[tuple[int, int, int]]]
) -> tuple[int, int, int]:
    """Write the staged rows; a city's first survey has nobody to disturb and takes the fast way."""
    if not await store.is_empty(conn):
        return await take()
    async with bulk_load.bare(conn, "component"):
        return await take()


async def _know_departments(conn: AsyncConnection, rows: SurveyRows, known: dict[str, int]) -> dict[str, int]:
    """Add the departments that rows name for the first time; the survey's only name serves in both languages."""
    named = np.unique(np.concatenate((rows.competent, rows.owner, rows.maintainer)).astype(np.str_)).tolist()
    missing = [name for name in named if name and name not in known]
    if not missing:
        return known
    await store.add_departments(conn, {name: name for name in missing})
    return await store.departments(conn)
