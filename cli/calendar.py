"""`citygrid calendar`: when the city works, and which days are off or made up for."""  # the command's name

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection

from alerts import calendar_file, city_time
from alerts.calendar_file import Content
from cli.limits import in_transaction, report, text_of
from core.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, help="The city's working hours, holidays, make-up days and planting seasons.")


@app.command(name="import")
def import_command(
    file: Annotated[Path | None, typer.Argument(help="CSV file: hours, planting, off, work.")] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="Take the calendar that comes with CityGrid.")] = False,
    by: Annotated[str, typer.Option(help="Who does it, for the audit log.")] = "calendar import",
) -> None:
    """Take in a calendar: the days of its years, its hours, its seasons. Example: citygrid calendar import 2027.csv.

    Exit code 1, and nothing changed, when a line is wrong. Clocks that run are not moved.
    """
    if (file is None) == (not shipped):
        raise InvalidInput("say which: a file, or --shipped")
    content = calendar_file.shipped() if file is None else _read(file)

    async def work(conn: AsyncConnection) -> None:
        await city_time.import_calendar(conn, content, actor=by, now=datetime.now(UTC))

    in_transaction(work)
    years = sorted({day.year for day in content.days})
    print(f"{len(content.days)} days of {', '.join(map(str, years)) or 'no year'} taken in")


@app.command()
def show(
    year: Annotated[int | None, typer.Option(help="Of which year; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the city's calendar, and up to when it is known. Example: citygrid calendar show --year 2026."""
    content = in_transaction(city_time.calendar_content)
    days = {day: entry for day, entry in content.days.items() if year in {None, day.year}}
    if as_json:
        print(json.dumps(_as_json(content, days), ensure_ascii=False))
        return
    for hours, told in content.hours:
        span = f"{_month_day(hours.season.since)}..{_month_day(hours.season.until)}"
        print(f"weekday {hours.weekday + 1}  {hours.opens:%H:%M}-{hours.closes:%H:%M}  {span}  {told.source}")
    for season, told in content.planting:
        print(f"planting  {_month_day(season.since)}..{_month_day(season.until)}  {told.source}")
    for day, (works, told) in sorted(days.items()):
        print(f"{day}  {'worked' if works else 'off':<6}  {told.name_zh}  {told.source}")
    print(_known(content.days))


def _known(days: Iterable[date]) -> str:
    newest = max((day.year for day in days), default=None)
    if newest is None:
        return "no holidays are known: every weekday counts as worked"
    return f"holidays are known up to {newest}; after that every weekday counts as worked"


def _read(file: Path) -> Content:
    content, mistakes = calendar_file.read(text_of(file))
    report(file, mistakes)
    return content


def _month_day(at: tuple[int, int]) -> str:
    return f"{at[0]:02d}-{at[1]:02d}"


def _as_json(content: Content, days: dict[date, Any]) -> dict[str, Any]:
    return {
        "hours": [
            {"weekday": hours.weekday + 1, "opens": f"{hours.opens:%H:%M}", "closes": f"{hours.closes:%H:%M}"}
            for hours, _ in content.hours
        ],
        "planting": [[_month_day(season.since), _month_day(season.until)] for season, _ in content.planting],
        "days": [
            {"day": str(day), "works": works, "name_zh": told.name_zh, "source": told.source}
            for day, (works, told) in sorted(days.items())
        ],
    }
