"""`citygrid devices`: register devices, one or ten thousand, and look at them."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from cli import (
    device_about,
    device_batches,
    device_certificates,
    device_commands,
    device_identities,
    device_life,
    device_sheets,
    device_unknown,
    known,
)
from cli.device_about import Firmware, Hardware, Maker, Model, Serial
from core.errors import InvalidInput, NotFound
from devices import battery, service
from devices.about import About
from devices.model import Registration
from runtime import settings
from storage import device_quality
from storage.pool import READER, WRITER, connect
from storage.queries import device_health
from wire import topics
from wire.addresses import NAMINGS, NATIVE
from wire.uplinks import CODECS

app = typer.Typer(no_args_is_help=True, help="Devices: register on components, list, retire.")
app.add_typer(device_identities.credentials, name="credentials")
app.add_typer(device_certificates.app, name="certificates")
app.add_typer(device_identities.gateways, name="gateways")
app.add_typer(device_batches.app, name="batches")
app.add_typer(device_unknown.app, name="unknown")
device_life.install(app)
device_about.install(app)
device_commands.install(app)
device_sheets.install(app)

ACTOR = "command line"
NAMING = ("format", "address", "codec")
OPTIONAL = ("maker", "model", "firmware", "battery_days")
"""Columns that are left out where nobody said anything."""
LIST = """
SELECT d.label, d.profile, d.state, c.code AS component_code, d.district_code, d.interval_s, d.maker, d.model,
       d.firmware, d.format, COALESCE(d.address, d.label) AS address, d.codec, b.days_left AS battery_days,
       s.ts AS last_reading
FROM device d LEFT JOIN component c USING (component_id) LEFT JOIN device_state s USING (device_id)
LEFT JOIN device_battery b USING (device_id)
WHERE (%(profile)s = '' OR d.profile = %(profile)s) AND (%(format)s = '' OR d.format = %(format)s)
  AND (%(maker)s = '' OR d.maker = %(maker)s) AND (%(model)s = '' OR d.model = %(model)s)
  AND (%(firmware)s = '' OR d.firmware = %(firmware)s)
  AND (%(battery_days_below)s::float8 IS NULL
       OR b.days_left < %(battery_days_below)s AND d.state NOT IN ('replaced', 'retired'))
  AND d.label > %(after)s
ORDER BY d.label LIMIT %(limit)s
"""
ONE = """
SELECT d.device_id, d.label, d.profile, d.state, c.code AS component_code, d.district_code, d.interval_s, d.format,
       COALESCE(d.address, d.label) AS address, d.codec, d.maker, d.model, d.serial, d.hardware, d.firmware,
       d.about_at, d.about_by, d.registered_at, s.ts AS last_reading,
       s."values" AS last_values, ST_X(d.geom) AS lon_deg, ST_Y(d.geom) AS lat_deg
FROM device d LEFT JOIN component c USING (component_id) LEFT JOIN device_state s USING (device_id)
WHERE d.label = %(label)s
"""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def register(
    label: Annotated[str, typer.Argument(help="What the sticker says.")],
    profile: Annotated[str, typer.Option(help="Device type: see `citygrid types list`.")],
    component: Annotated[str, typer.Option(help="The component's 16-digit code.")] = "",
    district: Annotated[str, typer.Option(help="Six digits; taken from the component when left out.")] = "",
    lon: Annotated[float | None, typer.Option(help="Longitude, WGS 84 degrees.")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude, WGS 84 degrees.")] = None,
    interval: Annotated[float | None, typer.Option(help="Reporting interval, seconds.")] = None,
    payload: Annotated[str, typer.Option("--format", help="What it speaks: " + ", ".join(NAMINGS))] = NATIVE,
    address: Annotated[str, typer.Option(help="Its name in that format, e.g. a devEUI; default: its label.")] = "",
    codec: Annotated[str, typer.Option(help="What reads its LoRaWAN bytes: " + ", ".join(CODECS))] = "",
    maker: Maker = None,
    model: Model = None,
    serial: Serial = None,
    hardware: Hardware = None,
    firmware: Firmware = None,
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
        about=About(
            maker=maker or "",
            model=model or "",
            serial=serial or "",
            hardware=hardware or "",
            firmware=firmware or "",
        ),
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
def list_devices(  # one argument a filter
    profile: Annotated[str, typer.Option(help="Only this device type.")] = "",
    payload: Annotated[str, typer.Option("--format", help="Only what speaks this.")] = "",
    maker: Annotated[str, typer.Option(help="Only by this maker.")] = "",
    model: Annotated[str, typer.Option(help="Only this model.")] = "",
    firmware: Annotated[str, typer.Option(help="Only with this firmware.")] = "",
    battery_days_below: Annotated[
        float | None, typer.Option(min=0, help="Only those in use whose battery lasts fewer days.")
    ] = None,
    after: Annotated[str, typer.Option(help="Go on after this label.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List devices by label. Example: citygrid devices list --profile manhole_cover --battery-days-below 30."""
    asked = {
        "profile": profile, "format": payload, "after": after, "limit": limit, "maker": maker, "model": model,
        "firmware": firmware, "battery_days_below": battery_days_below,
    }  # fmt: skip
    rows = asyncio.run(_fetch(LIST, asked))
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        filtered = any((profile, payload, maker, model, firmware, battery_days_below, after))
        print("no device is so" if filtered else "no devices: register some with `citygrid devices import FILE`")
        return
    all_native = all(row["format"] == NATIVE for row in rows)
    unsaid = {name for name in OPTIONAL if all(row[name] in ("", None) for row in rows)}
    columns = [name for name in rows[0] if not (all_native and name in NAMING) and name not in unsaid]
    table = Table(*columns)
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


@app.command()
def show(label: str) -> None:
    """Show a device, its last reading, battery and a week of doubts as JSON. Example: citygrid devices show MC-1."""
    print(json.dumps(asyncio.run(_shown(label)), ensure_ascii=False, indent=2, default=str))


async def _register(rows: list[Registration]) -> tuple[int, list[Any]]:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        return await service.register_many(conn, rows, known.types(), now=datetime.now(UTC), actor=ACTOR)


async def _shown(label: str) -> dict[str, Any]:
    rows = await _fetch(ONE, {"label": label})
    if not rows:
        raise NotFound(f"there is no device {label}")
    now = datetime.now(UTC)
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        doubts = await device_quality.recent(conn, rows[0].pop("device_id"), now, 7)
        since = now - timedelta(days=battery.LOOK_BACK_DAYS)
        days, levels = await device_health.battery_levels(conn, label, battery.CHANNEL, since)
    return {**rows[0], "battery": asdict(battery.forecast(days, levels)), "quality_seven_days": doubts}


async def _fetch(query: Any, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    async with (
        await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        await cursor.execute(query, parameters)
        return await cursor.fetchall()
