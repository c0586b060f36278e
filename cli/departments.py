"""`citygrid departments`: the units that answer for components, and which components they answer for."""

import asyncio
import csv
import getpass
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from alerts.dispatch import Choice
from api import dispatch_effect
from api.dispatch_effect import Effect, Share
from components_registry import departments
from components_registry.departments import By, Kind, Unit
from components_registry.ownership import Assigned, Duty, Wish
from core.errors import InvalidInput
from runtime import settings
from storage.pool import session_options
from storage.queries import departments as queries
from storage.queries import ownership

app = typer.Typer(no_args_is_help=True, help="Units that answer for components: registry, assignment, what is unclear.")

Wanted = Annotated[str, typer.Argument(metavar="UNIT", help="Number, code or name.")]
Why = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log and with every component.")]
Author = Annotated[str, typer.Option(help="Who does it; not given = who is logged in.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By_ = Literal["class", "district", "street", "community"]
_REASONS = ("no_owner", "no_maintainer", "retired_unit", "two_units", "nobody_answers")
_COLUMNS = ("code", "class_code", "class_name_zh", "community_code", "competent_zh", "owner_zh", "maintainer_zh")


@app.command(name="list")
def list_units(
    retired: Annotated[bool, typer.Option("--retired", help="Also those that are retired or merged.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the units. Example: citygrid departments list --retired."""

    async def ask() -> list[dict[str, Any]]:
        async with await _connect() as conn:
            return await queries.find(conn, retired=retired)

    rows = asyncio.run(ask())
    if as_json:
        _print_json({"items": rows})
        return
    table = Table("id", "code", "name", "English name", "kind", "under", "state")
    for row in rows:
        state = f"merged into {row['merged_zh']}" if row["merged_zh"] else "retired" if row["retired_at"] else ""
        table.add_row(
            str(row["department_id"]), row["unit_code"] or "", row["name_zh"], row["name_en"], row["kind"],
            row["parent_zh"] or "", state,
        )  # fmt: skip
    Console().print(table)


@app.command(name="import")
def import_units(
    file: Annotated[Path, typer.Argument(help="CSV: name_zh, and unit_code, name_en, kind, contact, parent.")],
    reason: Why,
    author: Author = "",
) -> None:
    """Register and change units by code, else by name: all of the file or nothing.

    Example: citygrid departments import units.csv --reason "list of 2026"
    """

    async def load() -> departments.Loaded:
        async with await _connect() as conn:
            return await departments.load(conn, file, _by(author, reason))

    loaded = asyncio.run(load())
    print(f"{file}: {loaded.created} new, {loaded.changed} changed, {loaded.unchanged} unchanged")


@app.command()
def add(
    name_zh: Annotated[str, typer.Argument(help="Chinese name.")],
    reason: Why,
    name_en: Annotated[str, typer.Option(help="English name.")] = "",
    code: Annotated[str | None, typer.Option(help="The city's code or the unified social credit code.")] = None,
    kind: Annotated[Kind, typer.Option(help="What it is.")] = Kind.UNKNOWN,
    contact: Annotated[str, typer.Option(help="Telephone, person.")] = "",
    parent: Annotated[str | None, typer.Option(help="Number, code or name of the unit above it.")] = None,
    author: Author = "",
) -> None:
    """Register a unit. Example: citygrid departments add 路北区排水处 --kind office --reason "new in 2026"."""
    unit = Unit(name_zh=name_zh, name_en=name_en, unit_code=code, kind=kind, contact=contact, parent=parent)

    async def write() -> int:
        async with await _connect() as conn:
            return await departments.add(conn, unit, _by(author, reason))

    print(f"unit {asyncio.run(write())}: {name_zh}")


@app.command()
def change(
    unit: Wanted,
    reason: Why,
    name_zh: Annotated[str | None, typer.Option(help="Chinese name; the old one still means the unit.")] = None,
    name_en: Annotated[str | None, typer.Option(help="English name.")] = None,
    code: Annotated[str | None, typer.Option(help="Code; empty = none.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What it is.")] = None,
    contact: Annotated[str | None, typer.Option(help="Telephone, person.")] = None,
    parent: Annotated[str | None, typer.Option(help="Unit above it; empty = none.")] = None,
    author: Author = "",
) -> None:
    """Rename a unit or change what is said of it. Example: citygrid departments change 12 --kind office --reason r."""
    given = Unit(name_zh=name_zh, name_en=name_en, unit_code=code, kind=kind, contact=contact, parent=parent)

    async def write() -> bool:
        async with await _connect() as conn:
            return await departments.change(conn, await departments.find(conn, unit), given, _by(author, reason))

    print("changed" if asyncio.run(write()) else "nothing to change")


@app.command()
def retire(unit: Wanted, reason: Why, author: Author = "") -> None:
    """Retire a unit: nothing is dispatched to it. Example: citygrid departments retire 12 --reason "dissolved"."""

    async def write() -> int:
        async with await _connect() as conn:
            return await departments.retire(conn, await departments.find(conn, unit), _by(author, reason))

    print(f"retired; {asyncio.run(write())} components name it still: citygrid departments unclear --why retired_unit")


@app.command()
def merge(
    unit: Wanted,
    into: Annotated[str, typer.Argument(metavar="INTO", help="Number, code or name of the other unit.")],
    reason: Why,
    author: Author = "",
) -> None:
    """Merge a unit into another, which takes its components. Example: citygrid departments merge 12 7 --reason r."""

    async def write() -> int:
        async with await _connect() as conn:
            keys = [await departments.find(conn, name) for name in (unit, into)]
            return await departments.merge(conn, keys[0], keys[1], _by(author, reason))

    print(f"merged; {asyncio.run(write())} components name {into} now")


@app.command()
def history(unit: Wanted, as_json: AsJson = False) -> None:
    """List what was said of a unit, the newest first. Example: citygrid departments history 12."""

    async def ask() -> list[dict[str, Any]]:
        async with await _connect() as conn:
            return await queries.history(conn, await departments.find(conn, unit))

    rows = asyncio.run(ask())
    if as_json:
        _print_json({"items": rows})
        return
    for row in rows:
        until = row["until"].isoformat(timespec="seconds") if row["until"] else "now"
        names = ("name_zh", "name_en", "unit_code", "kind", "contact", "parent_id", "retired_at", "merged_into")
        print(f"{row['since'].isoformat(timespec='seconds')} to {until}: {row['changed_by']}: {row['change_reason']}")
        print("    " + ", ".join(f"{name} {row[name]}" for name in names if row[name]))


@app.command()
def assign(
    unit: Wanted,
    duty: Annotated[Duty, typer.Option("--as", help="competent (主管), owner (权属) or maintainer (养护).")],
    reason: Why,
    classes: Annotated[list[str] | None, typer.Option("--class", help="Class code; may be repeated.")] = None,
    area: Annotated[
        list[str] | None, typer.Option(help="District, street, community, unit grid or patrol grid; may be repeated.")
    ] = None,
    street: Annotated[list[str] | None, typer.Option(help="Name of a road; may be repeated.")] = None,
    within: Annotated[float, typer.Option(help="Metres from the road's axis.", min=1, max=500)] = 30.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also where another unit is named.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count everything, keep nothing.")] = False,
    author: Author = "",
    as_json: AsJson = False,
) -> None:
    """Name a unit in all components of a class, area or road, and tell what that does to dispatch.

    Examples: citygrid departments assign 路灯管理处 --as maintainer --class 0137 --area 130203 --reason r --dry-run

    citygrid departments assign 7 --as owner --street 新华道 --class 0101 --reason "handed over in 2026"
    """

    async def work() -> tuple[Assigned, Effect]:
        async with await _connect() as conn:
            wish = Wish(
                duty=duty, department_id=await departments.find(conn, unit), classes=classes or (), areas=area or (),
                streets=street or (), within_m=within, overwrite=overwrite,
            )  # fmt: skip
            return await dispatch_effect.assign(conn, wish, _by(author, reason), dry_run=dry_run)

    counted, effect = asyncio.run(work())
    if as_json:
        _print_json(_as_dict(counted, effect, dry_run=dry_run))
    else:
        _print_assigned(counted, effect, dry_run=dry_run)


@app.command()
def unclear(
    why: Annotated[str, typer.Option(help=f"Only this reason: {', '.join(_REASONS)}.")] = "",
    class_code: Annotated[str | None, typer.Option("--class", help="Only this class.")] = None,
    area: Annotated[str | None, typer.Option(help="Only this district, street, community or unit grid.")] = None,
    by: Annotated[By_ | None, typer.Option(help="Counts by class or area instead of components.")] = None,
    export: Annotated[Path | None, typer.Option(help="Write all of them here as CSV.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List components of unclear ownership. Example: citygrid departments unclear --by street --area 130203."""
    if why and why not in _REASONS:
        raise InvalidInput(f"--why is one of {', '.join(_REASONS)}")
    given: dict[str, object] = {"class_code": class_code, "area": area, **({why: True} if why else {})}
    if export is not None:
        print(f"{export}: {asyncio.run(_export(export, given))} components")
        return
    rows = asyncio.run(_unclear(given, by, limit))
    if as_json:
        _print_json({"items": rows})
        return
    columns = ("key", "name_zh", "components", "unclear", *_REASONS) if by else (*_COLUMNS, "reasons")
    table = Table()
    for column in columns:
        table.add_column(column, no_wrap=column in {"key", "code"}, overflow="fold")
    for row in rows:
        table.add_row(*(" ".join(row[c]) if c == "reasons" else str(row[c] or "") for c in columns))
    Console().print(table)


@app.command()
def dispatch(as_json: AsJson = False) -> None:
    """Show for how many components an incident finds its department. Example: citygrid departments dispatch."""

    async def ask() -> Share:
        async with await _connect() as conn:
            return await dispatch_effect.share(conn)

    found = asyncio.run(ask())
    if as_json:
        _print_json(_share(found))
        return
    print(_sentence(found))
    for reason, count in found.by_reason.items():
        print(f"{count:>9}  {reason}")


async def _unclear(given: dict[str, object], by: By_ | None, limit: int) -> list[dict[str, Any]]:
    async with await _connect() as conn:
        if by:
            return (await ownership.counts(conn, by, given))[:limit]
        return await ownership.unclear(conn, given, limit=limit)


async def _export(file: Path, given: dict[str, object]) -> int:
    written = 0
    async with await _connect() as conn, conn.transaction():
        with file.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow((*_COLUMNS, "reasons", "lon", "lat"))
            async for row in ownership.stream_unclear(conn, given):
                writer.writerow((*(row[c] for c in _COLUMNS), " ".join(row["reasons"]), row["lon"], row["lat"]))
                written += 1
    return written


def _print_assigned(counted: Assigned, effect: Effect, *, dry_run: bool) -> None:
    would = "would change" if dry_run else "changed"
    print(
        f"{counted.matched} components match: {would} {counted.changed} ({counted.filled} had none,"
        f" {counted.replaced} had another), {counted.unchanged} unchanged, {counted.conflicts} conflicts"
    )
    for row in counted.others:
        print(f"{row['components']:>9}  {row['name_zh']} ({row['name_en']}), as in {row['example']}")
    print(f"dispatch before: {_sentence(effect.before)}")
    print(f"dispatch after:  {_sentence(effect.after)}")
    print(f"{effect.looked_at} open incidents looked at, {len(effect.moved)} would go elsewhere")
    for one in effect.moved:
        before, after = _whom(one.before, effect), _whom(one.after, effect)
        print(f"  {one.incident['case_no']} {one.incident['title_en']}: {before} -> {after}")


def _whom(choice: Choice, effect: Effect) -> str:
    named = effect.names.get(choice.department_id or 0)
    return f"{named['name_zh']} ({choice.reason})" if named else f"dispatcher ({choice.reason})"


def _sentence(found: Share) -> str:
    part = found.by_itself / found.components if found.components else 0.0
    return f"{found.by_itself} of {found.components} components ({part:.1%}) need no dispatcher"


def _share(found: Share) -> dict[str, Any]:
    return {"components": found.components, "by_itself": found.by_itself, "by_reason": dict(found.by_reason)}


def _as_dict(counted: Assigned, effect: Effect, *, dry_run: bool) -> dict[str, Any]:
    names = ("matched", "unchanged", "filled", "replaced", "conflicts", "others")
    return {
        "dry_run": dry_run,
        **{name: getattr(counted, name) for name in names},
        "share_before": _share(effect.before),
        "share_after": _share(effect.after),
        "incidents": effect.looked_at,
        "moved": [
            {**one.incident, "before": _whom(one.before, effect), "after": _whom(one.after, effect)}
            for one in effect.moved
        ],
    }


def _by(author: str, reason: str) -> By:
    if not reason.strip():
        raise InvalidInput("say why with --reason")
    return By(actor=author or getpass.getuser(), reason=reason, now=datetime.now(UTC))


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, default=str)
    print()


async def _connect() -> AsyncConnection[Any]:
    url = settings.load().owner_dsn()
    return await AsyncConnection[Any].connect(url, autocommit=True, options=session_options(""))
