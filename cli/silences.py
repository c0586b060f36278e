"""`citygrid silences`: what is held back on purpose, by whom, why and until when."""

import asyncio
import getpass
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

from alerts import notation, silences
from alerts.silences import Wish
from cli.moment import instant
from core.errors import InvalidInput
from runtime import settings
from storage.pool import READER, WRITER, connect
from storage.queries import silences as queries

app = typer.Typer(no_args_is_help=True, help="Silences and maintenance windows: list, add, end.")

Reason = Annotated[str, typer.Option(help="Why; kept in the audit log.")]
Author = Annotated[str, typer.Option(help="Who does it; not given = who is logged in.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_silences(
    expired: Annotated[bool, typer.Option("--expired", help="Also those that are over.")] = False,
    muted: Annotated[bool, typer.Option("--muted", help="Instead, the cases that are held back now.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most rows, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what is held back on purpose, the newest first; with --muted, the cases that are.

    Examples: citygrid silences list

    citygrid silences list --muted --json
    """
    rows = asyncio.run(_list(expired=expired, muted=muted, limit=limit))
    if as_json:
        print(json.dumps({"items": rows}, ensure_ascii=False, default=_shown, indent=1))
    elif muted:
        table = Table("fired", "rule", "device", "held back by", "why")
        for row in rows:
            device = row["device_label"] or ""
            table.add_row(_local(row["fired_ts"]), row["rule"], device, row["muted_by"], row["reason"])
        Console().print(table)
    else:
        table = Table("id", "state", "what", "from", "until", "author", "reason", "holds back")
        for row in rows:
            table.add_row(
                str(row["silence_id"]), row["state"], _what(row), _local(row["starts_at"]), _local(row["ends_at"]),
                row["author"], row["reason"], str(row["holds_back"]),
            )  # fmt: skip
        Console().print(table)


@app.command()
def add(
    matchers: Annotated[list[str] | None, typer.Argument(help='As in Alertmanager: alertname="LampDark".')] = None,
    reason: Reason = "",
    length: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 7d.")] = "2h",
    start: Annotated[str, typer.Option("--from", help="When it begins, RFC 3339; not given = now.")] = "",
    area: Annotated[
        list[str] | None, typer.Option(help="Code of a district, street, community or patrol grid; may be repeated.")
    ] = None,
    polygon: Annotated[Path | None, typer.Option(help="GeoJSON file with a Polygon, WGS 84.")] = None,
    windows: Annotated[Path | None, typer.Option(help="YAML file with `time_intervals`: a maintenance window.")] = None,
    author: Author = "",
    as_json: AsJson = False,
) -> None:
    """Hold back the cases that match all matchers, in any of the areas, for a time; the running ingest takes it up.

    Examples: citygrid silences add 'alertname=~"Lamp.*"' --area 130202 --for 3h --reason "works on the cable"

    citygrid silences add --polygon site.geojson --windows nights.yaml --for 30d --reason "road works at night"
    """
    now = datetime.now(UTC)
    starts_at = instant(start, now) if start else now
    wish = Wish(
        matchers=matchers or [],
        areas=area or [],
        polygon=_polygon(polygon) if polygon else None,
        windows=_windows(windows) if windows else None,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(microseconds=notation.duration_us(length)),
        author=author or getpass.getuser(),
        reason=reason,
    )
    silence_id = asyncio.run(_add(wish, now))
    if as_json:
        print(json.dumps({"silence_id": silence_id, "ends_at": wish.ends_at.isoformat()}))
    else:
        print(f"silence {silence_id} holds until {_local(wish.ends_at)}")


@app.command()
def end(silence: int, reason: Reason = "", author: Author = "") -> None:
    """End a silence now: what it holds back opens if its rule still fires.

    Example: citygrid silences end 3 --reason "works are done"
    """
    asyncio.run(_end(silence, author or getpass.getuser(), reason))
    print(f"silence {silence} is over")


def _what(row: dict[str, Any]) -> str:
    parts = [*row["matchers"], *(f"in {code}" for code in row["areas"])]
    parts += ["in a polygon"] if row["polygon"] else []
    parts += ["at set times"] if row["windows"] else []
    return ", ".join(parts)


def _polygon(path: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path}: {error}") from error
    if isinstance(content, dict) and content.get("type") == "FeatureCollection" and len(content["features"]) == 1:
        content = content["features"][0]
    if isinstance(content, dict) and content.get("type") == "Feature":
        content = content["geometry"]
    if not isinstance(content, dict):
        raise InvalidInput(f"{path}: holds no GeoJSON geometry")
    return content


def _windows(path: Path) -> list[dict[str, Any]]:
    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506  # texts only
    except (OSError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path}: {error}") from error
    found = content.get("time_intervals") if isinstance(content, dict) else None
    if not isinstance(found, list):
        raise InvalidInput(f"{path}: needs a list `time_intervals:`")
    return found


def _local(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M")


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def _list(*, expired: bool, muted: bool, limit: int) -> list[dict[str, Any]]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        if muted:
            return await queries.muted(conn, {"standing": True}, limit=limit)
        state = None if expired else "in_force"
        return await queries.find(conn, {}, state=state, now=datetime.now(UTC), limit=limit)


async def _add(wish: Wish, now: datetime) -> int:
    loaded = settings.load()
    async with await connect(loaded.writer_dsn(), role=WRITER, name="cli") as conn:
        return await silences.create(conn, wish, loaded.timezone, now)


async def _end(silence_id: int, author: str, reason: str) -> None:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        await silences.end(conn, silence_id, author, reason, datetime.now(UTC))
