"""`citygrid devices`: register devices, one or ten thousand, and look at them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from cli import device_batches, device_commands, device_identities, device_life, device_sheets, device_unknown, known
from core.errors import InvalidInput, NotFound
from devices import service
from devices.model import Registration
from devices.profile import shipped
from runtime import settings
from storage import device_quality
from storage.pool import READER, WRITER, connect
from wire import topics
from wire.addresses import NAMINGS, NATIVE
from wire.uplinks import CODECS

app = typer.Typer(no_args_is_help=True, help="Devices: register on components, list, retire.")
app.add_typer(device_identities.credentials, name="credentials")
app.add_typer(device_identities.gateways, name="gateways")
app.add_typer(device_batches.app, name="batches")
app.add_typer(device_unknown.app, name="unknown")
device_life.install(app)
device_commands.install(app)
device_sheets.install(app)

ACTOR = "command line"
NAMING = ("format", "address", "codec")
LIST = """
SELECT d.label, d.profile, d.state, c.code AS component_code, d.district_code, d.interval_s, d.format,
       COALESCE(d.address, d.label) AS address, d.codec, s.ts AS last_reading
FROM device d LEFT JOIN component c USING (component_id) LEFT JOIN device_state s USING (device_id)
WHERE (%(profile)s = '' OR d.profile = %(profile)s) AND (%(format)s = '' OR d.format = %(format)s)
  AND d.label > %(after)s
ORDER BY d.label LIMIT %(limit)s
"""
ONE = """
SELECT d.device_id, d.label, d.profile, d.state, c.code AS component_code, d.district_code, d.interval_s, d.format,
       COALESCE(d.address, d.label) AS address, d.codec, d.registered_at, s.ts AS last_reading,
       s."values" AS last_values, ST_X(d.geom) AS lon_deg, ST_Y(d.geom) AS lat_deg
FROM device d LEFT JOIN component c USING (component_id) LEFT JOIN device_state s USING (device_id)
WHERE d.label = %(label)s
"""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def register(
    label: Annotated[str, typer.Argument(help="What the sticker says.")],
    profile: Annotated[str, typer.Option(help="Device type: " + ", ".join(sorted(shipped())))],
    component: Annotated[str, typer.Option(help="The component's 16-digit code.")] = "",
    district: Annotated[str, typer.Option(help="Six digits; taken from the component when left out.")] = "",
    lon: Annotated[float | None, typer.Option(help="Longitude, WGS 84 degrees.")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude, WGS 84 degrees.")] = None,
    interval: Annotated[float | None, typer.Option(help="Reporting interval, seconds.")] = None,
    payload: Annotated[str, typer.Option("--format", help="What it speaks: " + ", ".join(NAMINGS))] = NATIVE,
    address: Annotated[str, typer.Option(help="Its name in that format, e.g. a devEUI; default: its label.")] = "",
    codec: Annotated[str, typer.Option(help="What reads its LoRaWAN bytes: " + ", ".join(CODECS))] = "",
) -> None:
    """Register one device.

    Example: citygrid devices register MC-000123 --profile manhole_cover --component 1302030102000001
    Example: citygrid devices register MC-000124 --profile manhole_cover --component 1302030102000002
    --format chirpstack --address 24e124713d111111 --codec milesight_em320_tilt
    """
    row = Registration(
        label=label,
        profile=profile,
        component_code=component,
        district_code=district,
        lon_deg=lon,
        lat_deg=lat,
        interval_s=interval,
        format=payload,
        address=address,
        codec=codec,
    )
    _, findings = asyncio.run(_register([row]))
    if findings:
        raise InvalidInput(findings[0].detail)
    registered = asyncio.run(_fetch(ONE, {"label": label}))[0]
    if NAMINGS[payload].by_label:
        topic = topics.telemetry(registered["district_code"], known.types()[profile].kind, label)
        print(f"{label} is registered; it publishes to {topic}")
    else:
        print(f"{label} is registered; {payload} calls it {registered['address']}")


@app.command(name="list")
def list_devices(
    profile: Annotated[str, typer.Option(help="Only this device type.")] = "",
    payload: Annotated[str, typer.Option("--format", help="Only what speaks this.")] = "",
    after: Annotated[str, typer.Option(help="Go on after this label.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List devices by label. Example: citygrid devices list --profile bus --limit 20."""
    rows = asyncio.run(_fetch(LIST, {"profile": profile, "format": payload, "after": after, "limit": limit}))
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        print("no devices: register some with `citygrid devices import FILE`")
        return
    all_native = all(row["format"] == NATIVE for row in rows)
    columns = [name for name in rows[0] if not (all_native and name in NAMING)]
    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in columns))
    Console().print(table)


@app.command()
def show(label: str) -> None:
    """Show a device, its last reading and seven days of doubts as JSON. Example: citygrid devices show MC-000123."""
    print(json.dumps(asyncio.run(_shown(label)), ensure_ascii=False, indent=2, default=str))


async def _register(rows: list[Registration]) -> tuple[int, list[Any]]:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        return await service.register_many(conn, rows, known.types(), now=datetime.now(UTC), actor=ACTOR)


async def _shown(label: str) -> dict[str, Any]:
    rows = await _fetch(ONE, {"label": label})
    if not rows:
        raise NotFound(f"there is no device {label}")
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        doubts = await device_quality.recent(conn, rows[0].pop("device_id"), datetime.now(UTC), 7)
    return {**rows[0], "quality_seven_days": doubts}


async def _fetch(query: Any, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    async with (
        await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        await cursor.execute(query, parameters)
        return await cursor.fetchall()
