"""`citygrid limits`: by when each class must be dealt with, as the city has it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from psycopg import AsyncConnection

from alerts import city_time, due, limits, rulebook
from alerts.limits import CityLimit, RowMistake
from core.errors import InvalidInput
from runtime import settings
from storage.pool import OWNER, connect

app = typer.Typer(no_args_is_help=True, help="The city's time limits by class and filing condition.")

T = TypeVar("T")


@app.command(name="import")
def import_command(
    file: Annotated[Path | None, typer.Argument(help="CSV file of limits; `check` says what it has.")] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="Take the table that comes with CityGrid.")] = False,
    by: Annotated[str, typer.Option(help="Who does it, for the audit log.")] = "limits import",
) -> None:
    """Put a table in the place of the city's; open cases keep theirs. Example: citygrid limits import limits.csv.

    Exit code 1, and nothing changed, when a line is wrong.
    """
    if (file is None) == (not shipped):
        raise InvalidInput("say which: a file, or --shipped")
    table = list(limits.shipped().by_key.values()) if file is None else _read(file)

    async def work(conn: AsyncConnection) -> int:
        return await city_time.replace_limits(conn, table, actor=by, now=datetime.now(UTC))

    print(f"{in_transaction(work)} limits of {len({limit.class_code for limit in table})} classes are in force")


@app.command(name="list")
def list_command(
    class_code: Annotated[str, typer.Option("--class", help="Only this class; an event class begins with E.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the city's limits with their sources. Example: citygrid limits list --class 0101."""
    found = [limit for limit in in_transaction(city_time.city_limits) if class_code in {"", limit.class_code}]
    if as_json:
        print(json.dumps([_row(limit) for limit in found], ensure_ascii=False))
        return
    for limit in found:
        print(f"{limit.class_code:<6} {limit.condition:<18} {due.text_of(limit.stages):<24} {limit.condition_zh}")
    if not found:
        print("none: rules use their own deadlines; see `citygrid limits import`")


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="CSV file; default: what the city has.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rule file or folder; default: the rule book in use.")] = None,
) -> None:
    """Say what is wrong in a file, and which rules have no limit. Example: citygrid limits check limits.csv.

    Exit code 1 when a line is wrong or a rule's class and condition has no limit.
    """
    table = limits.table(_read(file) if file else in_transaction(city_time.city_limits))
    missing = [
        f"{rule.name}: {why}"
        for rule in rulebook.load(rules or settings.load().rules_dir or rulebook.DEFAULT).rules
        if (why := limits.lacking(rule.raises.class_code, rule.raises.condition, table))
    ]
    print(f"{len(table.by_key)} limits; {len(missing)} rules without one")
    for sentence in missing:
        print(sentence)
    if missing:
        raise typer.Exit(1)


def in_transaction(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Do something in one transaction as the owner of the database."""

    async def run() -> T:
        async with await connect(settings.load().owner_dsn(), role=OWNER, name="limits") as conn:
            return await work(conn)

    return asyncio.run(run())


def report(file: Path, mistakes: list[RowMistake]) -> None:
    """Print the mistakes of a file and end with exit code 1 when there are any."""
    for mistake in mistakes:
        print(f"{file}:{mistake.line}: {mistake.column}: {mistake.detail}")
    if mistakes:
        raise typer.Exit(1)


def text_of(file: Path) -> str:
    """Give a file's text; raises `InvalidInput` when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read as UTF-8 text: {error}") from error


def _read(file: Path) -> list[CityLimit]:
    found, mistakes = limits.read(text_of(file))
    report(file, mistakes)
    return found


def _row(limit: CityLimit) -> dict[str, Any]:
    return {
        "kind": limit.kind, "class_code": limit.class_code, "condition": limit.condition,
        "condition_zh": limit.condition_zh, "condition_en": limit.condition_en,
        "stages": due.to_json(limit.stages), "closing_zh": limit.closing_zh, "source": limit.source,
        "certainty": limit.certainty,
    }  # fmt: skip
