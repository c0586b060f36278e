"""`citygrid devices import | labels`: many devices at once, and their labels to print."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.errors import InvalidInput, NotFound
from devices import bulk, label_sheet, sheet
from devices.bulk import Outcome
from devices.label_sheet import LAYOUTS, Label
from devices.life import State
from devices.model import Change
from devices.profile import Profile
from devices.sheet import Sheet
from runtime import rulebooks, settings
from storage.pool import READER, WRITER, connect
from storage.queries import labels as stored

ACTOR = "command line"
MOST_SHOWN = 20


def install(app: typer.Typer) -> None:
    """Add the commands to `citygrid devices`."""
    app.command(name="import")(import_sheet)
    app.command(name="labels")(print_labels)


def import_sheet(  # one argument an option
    file: Annotated[
        Path, typer.Argument(help="CSV (UTF-8 or GB 18030) or Excel (.xlsx).", exists=True, dir_okay=False)
    ],
    refused_rows: Annotated[
        Path | None, typer.Option("--refused-rows", help="Write the bad rows here as CSV, to mend and import again.")
    ] = None,
    state: Annotated[
        State, typer.Option(help="`registered`: they will be installed in the street.")
    ] = State.IN_SERVICE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, keep nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Register the devices of a sheet in one transaction; good rows are kept, bad rows are named.

    Example: citygrid devices import devices.xlsx --refused-rows bad.csv --dry-run
    """
    if state not in {State.IN_SERVICE, State.REGISTERED}:
        raise InvalidInput("--state: a sheet registers devices as in_service or registered")
    found = sheet.read(file.name, file.read_bytes())
    done = asyncio.run(_register(found, state, dry_run=dry_run))
    if refused_rows and done.findings:
        refused_rows.write_text(sheet.refused(found, done.findings), encoding="utf-8", newline="")
    if as_json:
        print(json.dumps(_as_json(done, dry_run=dry_run), ensure_ascii=False))
    else:
        _tell(file, done, refused_rows, dry_run=dry_run)
    raise typer.Exit(1 if done.findings else 0)


def print_labels(  # one argument an option
    file: Annotated[Path, typer.Argument(help="The PDF to write.")],
    label: Annotated[list[str] | None, typer.Option("--label", help="This registered device; may be repeated.")] = None,
    of: Annotated[Path | None, typer.Option("--of", help="The devices of this sheet, registered or not.")] = None,
    profile: Annotated[str | None, typer.Option(help="Registered devices of this type.")] = None,
    district: Annotated[str | None, typer.Option(help="Registered devices of this district.")] = None,
    layout: Annotated[str, typer.Option(help="Labels across and down an A4 sheet: " + ", ".join(LAYOUTS))] = "3x8",
    address: Annotated[
        str, typer.Option(help="Where the city's pages are, e.g. https://city.example; empty: the code says the label.")
    ] = "",
) -> None:
    """Draw labels with QR codes as PDF.

    Example: citygrid devices labels labels.pdf --of devices.csv --address https://city.example
    """
    if layout not in LAYOUTS:
        raise InvalidInput(f"--layout: there are {', '.join(LAYOUTS)}")
    profiles = rulebooks.profiles(settings.load())
    asked: dict[str, object] = {
        "labels": label,
        "profile": profile,
        "district_code": district,
        "state": None,
        "after": "",
    }
    drawn = _of_sheet(of, profiles) if of else asyncio.run(_stored(asked, profiles))
    if not drawn:
        raise NotFound("no device is registered that these options name")
    file.write_bytes(label_sheet.draw(drawn, LAYOUTS[layout], address))
    print(f"{len(drawn)} labels written to {file}")


def _of_sheet(file: Path, profiles: dict[str, Profile]) -> list[Label]:
    rows = sheet.rows(sheet.read(file.name, file.read_bytes()))
    if rows.findings:
        finding = rows.findings[0]
        raise InvalidInput(f"{file}:{finding.line}: {finding.column}: {finding.detail}")
    return [label_sheet.of(row.label, profiles.get(row.profile)) for row in rows.registrations]


async def _stored(asked: dict[str, object], profiles: dict[str, Profile]) -> list[Label]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        rows = await stored.labels(conn, {**asked, "limit": label_sheet.MOST})
    return [label_sheet.of(row["label"], profiles.get(row["profile"]), row["class_zh"] or "") for row in rows]


async def _register(found: Sheet, state: State, *, dry_run: bool) -> Outcome:
    loaded = settings.load()
    by = Change(now=datetime.now(UTC), actor=ACTOR)
    async with await connect(loaded.writer_dsn(), role=WRITER, name="cli") as conn:
        return await bulk.register(conn, found, rulebooks.profiles(loaded), by, state=state, dry_run=dry_run)


def _as_json(done: Outcome, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "read": done.read,
        "registered": done.registered,
        "refused": len(done.findings),
        "findings": [
            {"line": item.line, "column": item.column, "reason": item.reason, "detail": item.detail}
            for item in done.findings
        ],
    }


def _tell(file: Path, done: Outcome, refused_rows: Path | None, *, dry_run: bool) -> None:
    for finding in done.findings[:MOST_SHOWN]:
        print(f"{file}:{finding.line}: {finding.column}: {finding.detail}", file=sys.stderr)
    if len(done.findings) > MOST_SHOWN:
        print(f"... and {len(done.findings) - MOST_SHOWN} more", file=sys.stderr)
    would = "would be " if dry_run else ""
    print(f"{done.registered} devices {would}registered, {len(done.findings)} rows refused")
    if refused_rows and done.findings:
        print(f"the refused rows are in {refused_rows}: mend them and import it")
