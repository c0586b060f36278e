"""New grids come into force while readings flow: none is lost, and each has the grid of its time."""

import asyncio
import json
import uuid
from pathlib import Path

import aiomqtt
import psycopg
import shapely
from shapely.geometry import mapping

from devices import service
from devices.profile import shipped
from geo.gridfile import Level
from runtime import grid_import, regrid
from storage.pool import OWNER, connect
from storage.signals import REGISTRY
from tests import small_city
from tests.running_ingest import Running, now, rows, until
from wire import broker as broker_address

READINGS = 300


def halves(file: Path) -> Path:
    """The city in two unit grids instead of four; the second one reaches over three of the old ones."""
    borders = ((118.18, 118.185), (118.185, 118.20))
    features = [
        {
            "type": "Feature",
            "properties": {"code": f"13020300100110{number}"},
            "geometry": mapping(shapely.box(west, 39.63, east, 39.65)),
        }
        for number, (west, east) in enumerate(borders, start=1)
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


async def regridded(city: str, file: Path, running: Running) -> regrid.Regridding:
    """Import and put in force, and have the signal heard as the ingest's listener hears it."""
    listener = await psycopg.AsyncConnection.connect(city, autocommit=True)
    await listener.execute(f"LISTEN {REGISTRY}")
    async with await connect(city, role=OWNER, name="test") as conn:
        given = grid_import.GridFile(file=file, level=Level.UNIT)
        report = await grid_import.import_grids(conn, given, now=now(), actor="test")
        await conn.commit()
        done = await regrid.activate(conn, report.version_id or 0, now=now(), actor="test")
        await conn.commit()
    async for _ in listener.notifies(timeout=10, stop_after=1):
        running.keeper.read_registry()
    await listener.close()
    return done


async def test_readings_flow_on_while_grids_change_and_keep_the_grid_of_their_time(
    database: str, broker: str, tmp_path: Path
) -> None:
    small_city.build(database)
    rows(database, "SELECT setval(pg_get_serial_sequence('unit_grid', 'unit_grid_id'), 100)")
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await service.publish_profiles(conn, shipped())
        fleet = [*small_city.covers(5), small_city.bus()]
        await service.register_many(conn, fleet, shipped(), now=small_city.REGISTERED_AT, actor="test")
    running = Running(broker, database, f"test-{uuid.uuid4().hex[:8]}")
    await running.carrying()
    address = broker_address.parse(broker)
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password, timeout=60,
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as gateway:  # fmt: skip

        async def publish(first: int, last: int) -> None:
            for seq in range(first, last):
                for kind, label, values in (
                    ("manhole", "MC-1", {"tilt_deg": 1.0}),
                    ("bus", "BUS-1", {"lon_deg": 118.1975, "lat_deg": 39.64, "speed_kmh": 30.0}),
                ):
                    body = {"ts": int(now().timestamp() * 1000), "seq": seq, "values": values}
                    topic = f"citygrid/v1/130203/{kind}/{label}/telemetry"
                    await gateway.publish(topic, json.dumps(body).encode(), qos=1)

        await publish(0, 20)
        await until(database, "SELECT count(*) FROM reading", 40)
        done, _ = await asyncio.gather(
            regridded(database, halves(tmp_path / "units.geojson"), running), publish(20, READINGS - 20)
        )
        await until(database, "SELECT count(*) FROM reading", 2 * (READINGS - 20))
        await publish(READINGS - 20, READINGS)

    await until(database, "SELECT count(*) FROM reading", 2 * READINGS)
    await running.stop()
    refused = "SELECT count(*) FROM dead_letter WHERE topic LIKE '%/MC-1/%' OR topic LIKE '%/BUS-1/%'"
    assert rows(database, refused) == [(0,)]
    assert (done.counts["devices"], done.counts["components"]) == (6, 40)
    ends = """
        SELECT d.label, (array_agg(u.code ORDER BY r.ts, r.seq))[1],
               (array_agg(u.code ORDER BY r.ts DESC, r.seq DESC))[1]
        FROM reading r JOIN device d USING (device_id) JOIN unit_grid u ON u.unit_grid_id = r.unit_grid_id
        GROUP BY 1 ORDER BY 1
    """
    assert rows(database, ends) == [
        ("BUS-1", "130203001001004", "130203001001102"), ("MC-1", "130203001001002", "130203001001102"),
    ]  # fmt: skip
