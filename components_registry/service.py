"""Use cases of the component registry; each is one transaction of the caller's connection."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from psycopg import AsyncConnection

from components_registry import changes, codes, finding_store, reading, store
from components_registry.beside import Beside
from components_registry.drawing import positions_in_file
from components_registry.editions import SHIPPED, Editions
from components_registry.importing import check
from components_registry.mapping import AS_IT_IS, ColumnMapping
from components_registry.mapping import parse as parse_mapping
from components_registry.mending import write_refused
from components_registry.model import MOST_FINDINGS, Finding, SurveyReport, SurveyRows
from components_registry.nearness import departments_missing, near, unnamed
from components_registry.repeats import Seen
from components_registry.staging import text_findings, text_rows
from components_registry.table import clipped
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
        with Beside() as beside:
            result = await _import(conn, survey, beside, now=now, actor=actor, report=report)
    return replace(result, survey_id=None) if dry_run else result


async def findings_of(conn: AsyncConnection, survey_id: int, *, limit: int = 1000) -> Sequence[Finding]:
    """Give the findings of an imported survey; raises `NotFound`."""
    found = await finding_store.of_survey(conn, survey_id, limit)
    if found is None:
        raise NotFound(f"there is no survey {survey_id}")
    return found


async def _import(  # who and when belong to every change
    conn: AsyncConnection,
    survey: Survey,
    beside: Beside,
    *,
    now: datetime,
    actor: str,
    report: Callable[[int], None],
) -> SurveyReport:
    source = await beside.start(partial(reading.open_source, survey.file, layer=survey.layer, encoding=survey.encoding))
    crs = survey.crs or source.crs or DEGREES
    rules = await _rules(conn, survey, crs, now=now, actor=actor)
    survey_id = await store.open_survey(
        conn, source=survey.file.name, crs=short_name(crs), synthetic=survey.synthetic, now=now, actor=actor
    )
    staged = _Staged(survey_id=survey_id)
    chunks = (_recoded(chunk, survey, staged) for chunk in reading.chunks(source, survey.mapping))
    if not survey.trusted:
        chunks = await _past_traps(conn, chunks, rules, survey.file.name, beside)
    checked = (_checked(chunk, rules, survey, staged.seen) for chunk in chunks)
    await _stage(conn, checked, staged, beside, report)
    await _look_around(conn, staged, survey, beside)
    missed = await changes.missing(conn)
    if survey.differences is not None:
        await changes.write_differences(conn, survey.differences)
    take = partial(
        store.take_over, conn, catalogue_id=survey.catalogue.catalogue_id, survey_id=survey_id, now=now, actor=actor
    )
    await codes.hold(conn)
    created, changed, unchanged = await _take_over(conn, take)
    result = SurveyReport(
        survey_id=survey_id,
        rows_read=staged.rows_read,
        created=created,
        changed=changed,
        unchanged=unchanged,
        missing=missed,
        findings=tuple(await finding_store.shown(conn, survey_id, MOST_FINDINGS)),
        counts=await finding_store.counts(conn, survey_id),
        crs=short_name(crs),
        notes=(*source.notes, *_other_system(survey.crs, source.crs), *_unsure(staged, survey)),
        departments_missing=dict(staged.missing),
    )
    await store.close_survey(
        conn, survey_id, rows_read=staged.rows_read, rows_loaded=result.loaded, summary=result.summary()
    )
    await signals.announce_registry(conn)
    if survey.refused_rows is not None:
        again = source.batches(reading.CHUNK_ROWS) if result.refused else iter(())
        found = partial(finding_store.refused, conn, survey_id)
        await write_refused(source, beside.each(again), found, survey.refused_rows)
    return result


@dataclass(slots=True, kw_only=True)
class _Staged:
    """What is known of a file while its rows are read into the staging table. Only `seen` grows with the file."""

    survey_id: int
    rows_read: int = 0
    seen: Seen = field(default_factory=Seen)
    recoded: Counter[str] = field(default_factory=Counter[str])
    missing: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """Some rows of a file once they were looked at."""

    rows: SurveyRows
    findings: Sequence[Finding]
    rows_read: int


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
    checked: Iterator[_Checked],
    staged: _Staged,
    beside: Beside,
    report: Callable[[int], None],
) -> None:
    """Copy a file's good rows into the staging table and keep its findings; the next are read and checked meanwhile."""
    coming = beside.start(next, checked, None)
    while (one := await coming) is not None:
        keys = await _department_keys(conn, one.rows)
        good = await beside.start(text_rows, one.rows, keys)
        bad = await beside.start(text_findings, staged.survey_id, one.findings)
        staged.rows_read += one.rows_read
        staged.missing.update(departments_missing(one.rows))
        del one
        coming = beside.start(next, checked, None)
        await store.stage(conn, good)
        await finding_store.keep(conn, bad)
        report(staged.rows_read)
    await store.all_staged(conn)


def _checked(chunk: reading.Chunk, rules: Rules, survey: Survey, seen: Seen) -> _Checked:
    good, flawed = check(chunk.table, chunk.drawn, rules, seen)
    found = (*chunk.refused, *flawed, *unnamed(good, survey.required))
    return _Checked(rows=good, findings=found, rows_read=chunk.rows_read)


async def _past_traps(
    conn: AsyncConnection, chunks: Iterator[reading.Chunk], rules: Rules, name: str, beside: Beside
) -> Iterator[reading.Chunk]:
    """Look at the first rows of a file for a whole file in the wrong place; give the same chunks."""
    first = await beside.start(next, chunks, None)
    if first is None:
        return chunks
    some = np.linspace(0, len(first.table) - 1, min(len(first.table), SAMPLE_ROWS)).astype(np.intp)
    x, y = positions_in_file(first.table, first.drawn)
    sample = Sample(code=clipped(first.table["code"])[some], x=x[some], y=y[some])
    refuse_trap(sample, rules, await store.positions(conn, sample.code.tolist()), name)
    return chain((first,), chunks)


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


async def _look_around(conn: AsyncConnection, staged: _Staged, survey: Survey, beside: Beside) -> None:
    """Take out new codes of registered components; remark on rows near or over one another or registered ones."""
    held = not await store.is_empty(conn)
    if held:
        await finding_store.take_crowded(conn, staged.survey_id)
    if survey.near_m > 0:
        async for found in beside.each(near(staged.seen, survey.near_m)):
            await finding_store.keep(conn, text_findings(staged.survey_id, found))
        if held:
            await finding_store.near_registered(conn, staged.survey_id, survey.near_m)
    if survey.overlap > 0:
        await finding_store.over_earlier(conn, staged.survey_id, survey.overlap)
        if held:
            await finding_store.over_registered(conn, staged.survey_id, survey.overlap)


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


async def _department_keys(conn: AsyncConnection, rows: SurveyRows) -> dict[str, int]:
    """Give the keys of the departments that rows name.

    One that is named for the first time is added; the survey's only name serves in both languages.
    """
    named = {*rows.competent.tolist(), *rows.owner.tolist(), *rows.maintainer.tolist()} - {""}
    known = await store.departments(conn, named)
    if named <= known.keys():
        return known
    await store.add_departments(conn, {name: name for name in sorted(named - known.keys())})
    return await store.departments(conn, named)
