"""`citygrid components`: import surveys, look at the catalogue and at what was refused."""

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection

from components_registry import service
from components_registry.editions import Edition
from components_registry.mapping import AS_IT_IS
from components_registry.model import Finding, SurveyReport
from components_registry.ownership import Duty
from components_registry.taxonomy import Catalogue
from core.errors import InvalidInput, NotFound
from runtime import own_classes, settings, spacework
from storage.pool import session_options
from storage.queries import components as queries

app = typer.Typer(no_args_is_help=True, help="The registry of components: surveys and classes.")

links = typer.Typer(no_args_is_help=True, help="How components hang together: circuits of lamps, runs of pipe.")
app.add_typer(links, name="links")

_SHOWN = 20
"""Findings printed by an import; all of them are stored."""


class Axes(StrEnum):
    """Order of the two coordinates in a file."""

    EN = "en"
    NE = "ne"


@app.command(name="import")
def import_command(  # a command's options
    file: Annotated[Path, typer.Argument(help="Survey: .gpkg, .shp, .gdb, .geojson, .geojsonl, .xlsx or .csv.")],
    crs: Annotated[
        str,
        typer.Option(help="EPSG code (CGCS2000: 4490, 4491-4554), PROJ string or GCJ-02. Default: as the file says."),
    ] = "",
    layer: Annotated[str, typer.Option(help="Layer or sheet, when the file has several.")] = "",
    encoding: Annotated[str, typer.Option(help="Of its texts, as GB18030. Default: found out.")] = "",
    mapping: Annotated[Path | None, typer.Option(help="YAML: our columns -> the file's, constants, words.")] = None,
    axes: Annotated[Axes, typer.Option(help="en: x is easting or longitude; ne: x is northing or latitude.")] = Axes.EN,
    near_m: Annotated[float, typer.Option("--near", help="Metres: two of a class nearer than this are told.")] = 0.5,
    overlap: Annotated[
        float, typer.Option(help="Polygons of a class that share this part of the smaller one are told.", min=0, max=1)
    ] = 0.05,
    require: Annotated[
        list[Duty] | None, typer.Option(help="Tell each row that names no such unit; may be repeated.")
    ] = None,
    edition: Annotated[str, typer.Option(help="Edition of its codes, as 2007: they are converted.")] = "",
    as_class: Annotated[
        list[str] | None, typer.Option("--as-class", help="What an old class is now, as 0117=0130; may be repeated.")
    ] = None,
    refused_rows: Annotated[
        Path | None, typer.Option("--refused-rows", help="Write the bad rows here as CSV, to mend and import again.")
    ] = None,
    diff: Annotated[Path | None, typer.Option(help="Write what is new, changed and missing here as CSV.")] = None,
    trust_crs: Annotated[bool, typer.Option("--trust-crs", help="Load it though it seems to lie elsewhere.")] = False,
    synthetic: Annotated[bool, typer.Option(help="Mark the survey as made by a program.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, keep nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Load a survey's good rows and list the bad ones. Example: citygrid components import survey.csv --crs EPSG:4548.

    Exit code 1 when rows were refused; the good rows are loaded all the same.
    """
    survey = service.Survey(
        file=file,
        crs=crs,
        layer=layer,
        encoding=encoding,
        mapping=AS_IT_IS if mapping is None else service.load_mapping(mapping),
        northing_first=axes is Axes.NE,
        synthetic=synthetic,
        trusted=trust_crs,
        near_m=near_m,
        overlap=overlap,
        required=[duty.value for duty in require or ()],
        editions=own_classes.editions(settings.load()),
        edition=edition,
        chosen=_chosen(as_class or []),
        refused_rows=refused_rows,
        differences=diff,
    )
    report = asyncio.run(_import(survey, dry_run=dry_run))
    if as_json:
        print(json.dumps(_as_dict(report), ensure_ascii=False))
    else:
        _print(file, report, dry_run=dry_run)
    if report.refused:
        raise typer.Exit(1)


@app.command()
def classes(
    edition: Annotated[str, typer.Option(help="2007, 2013, tangshan, ... or the city's own, with what it is.")] = "",
    became: Annotated[str, typer.Option("--in", help="What each class is in this edition, and how sure.")] = "",
    publish: Annotated[bool, typer.Option(help="Write the city's now; an import does so by itself.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the catalogue as JSON.")] = False,
) -> None:
    """List the classes of an edition; not given: the city's. Example: citygrid components classes --edition 2007."""
    editions = own_classes.editions(settings.load())
    if publish:
        asyncio.run(_publish(editions.catalogue))
    held = editions.edition(edition or editions.city)
    entries = held.catalogue.classes.values()
    heirs = editions.successors(held.edition, became) if became else []
    if as_json:
        rows = [{f: getattr(entry, f) for f in entry.__slots__} for entry in entries]
        print(json.dumps([asdict(heir) for heir in heirs] if became else rows, ensure_ascii=False))
        return
    if edition:
        _print_edition(held)
    names = {
        entry.class_code: entry.name_zh
        for entry in editions.edition(became or editions.city).catalogue.classes.values()
    }
    for heir in heirs:
        old = held.catalogue.classes[heir.from_code].name_zh
        print(f"{heir.from_code} {old} -> {heir.to_code} {names[heir.to_code]}  {heir.certainty:<3} {heir.source}")
    for entry in entries if not became else ():
        print(f"{entry.class_code}  {entry.geometry:<8} {entry.certainty:<3} {entry.name_zh}  {entry.name_en}")


@app.command()
def findings(
    survey_id: Annotated[int, typer.Argument(metavar="SURVEY", help="Number the import printed.")],
    limit: Annotated[int, typer.Option(help="Most findings to print.", min=1)] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the rows of a survey that were not loaded, and why. Example: citygrid components findings 3."""

    async def ask() -> list[Finding]:
        async with await _connect() as conn:
            return list(await service.findings_of(conn, survey_id, limit=limit))

    found = asyncio.run(ask())
    if as_json:
        print(json.dumps([_finding(entry) for entry in found], ensure_ascii=False))
    else:
        _print_findings(found)


@app.command()
def history(
    code: Annotated[str, typer.Argument(help="16 digits.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """List what a component was, the newest first. Example: citygrid components history 1302030103000001."""

    async def ask() -> list[dict[str, Any]]:
        async with await _connect() as conn:
            return await queries.history(conn, code)

    versions = asyncio.run(ask())
    if not versions:
        raise NotFound(f"no component {code}")
    if as_json:
        print(json.dumps(versions, ensure_ascii=False, default=str))
        return
    for version in versions:
        until = version["until"].isoformat(timespec="seconds") if version["until"] else "now"
        source = f", survey {version['survey_id']} ({version['survey_source']})" if version["survey_id"] else ""
        print(f"{version['since'].isoformat(timespec='seconds')} to {until}: by {version['changed_by']}{source}")
        names = ("name", "state", "competent_zh", "owner_zh", "maintainer_zh", "unit_grid_code", "wkt")
        print("    " + ", ".join(f"{name} {version[name]}" for name in names if version[name]))


@links.command(name="import")
def import_links(
    file: Annotated[Path, typer.Argument(help="CSV or GeoJSON: kind (circuit, pipe), upstream and downstream codes.")],
) -> None:
    """Load links, upstream first: cabinet to lamp, manhole to manhole. Example: citygrid components links import l.csv.

    All of the file or nothing; a link that is there already stays.
    """

    async def load() -> int:
        async with await _connect() as conn, conn.transaction():
            return await spacework.import_links(conn, file)

    print(f"{file}: {asyncio.run(load())} new links")


async def _publish(catalogue: Catalogue) -> None:
    async with await _connect() as conn:
        written = await service.load_catalogue(conn, catalogue, actor="command", now=datetime.now(UTC))
    print(f"{catalogue.catalogue_id}: {written} classes are new or changed", file=sys.stderr)


def _print_edition(held: Edition) -> None:
    print(f"{held.edition}  {held.title_zh}  {held.title_en}\n    {held.source} ({held.certainty})")
    for part in held.parts:
        print(f"    digits {part.first}-{part.last}: {part.name}  {part.meaning_zh}  {part.meaning_en}")


def _chosen(said: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in said]
    wrong = [old + mark + new for old, mark, new in pairs if not (mark and old.isdigit() and new.isdigit())]
    if wrong:
        raise InvalidInput(f"--as-class {wrong[0]}: write it as 0117=0130")
    return {old: new for old, _, new in pairs}


async def _connect() -> AsyncConnection[Any]:
    url = settings.load().owner_dsn()
    return await AsyncConnection[Any].connect(url, autocommit=True, options=session_options(""))


async def _import(survey: service.Survey, *, dry_run: bool) -> SurveyReport:
    async with await _connect() as conn:
        return await service.import_survey(conn, survey, now=datetime.now(UTC), actor="command", dry_run=dry_run)


def _as_dict(report: SurveyReport) -> dict[str, Any]:
    return {
        "survey_id": report.survey_id,
        "crs": report.crs,
        "rows_read": report.rows_read,
        "rows_loaded": report.loaded,
        **report.summary(),
        "findings": [_finding(entry) for entry in report.findings],
    }


def _finding(entry: Finding) -> dict[str, Any]:
    return {
        "line": entry.line,
        "column": entry.column,
        "reason": entry.reason,
        "detail": entry.detail,
        "refused": entry.refused,
    }


def _print(file: Path, report: SurveyReport, *, dry_run: bool) -> None:
    verb = "would load" if dry_run else "loaded"
    print(
        f"{file}: {report.rows_read} rows read, {verb} {report.loaded}"
        f" ({report.created} new, {report.changed} changed, {report.unchanged} unchanged,"
        f" {report.missing} registered ones not in the file),"
        f" {report.refused} refused"
    )
    for reason, count in report.reasons.items():
        print(f"{count:>9}  {reason}")
    for role, count in report.departments_missing.items():
        if count:
            print(f"{count:>9}  rows without {role}")
    for note in report.notes:
        print(note)
    _print_findings(list(report.findings[:_SHOWN]))
    if len(report.findings) > _SHOWN and report.survey_id is not None:
        print(f"... all of them: citygrid components findings {report.survey_id}")


def _print_findings(found: list[Finding]) -> None:
    for entry in found:
        where = f"line {entry.line}" + (f", {entry.column}" if entry.column else "")
        print(f"{where}: {entry.reason}: {entry.detail}" + ("" if entry.refused else " (loaded)"))
