"""A minute of a shard is written once, and the dashboards' views take it apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from psycopg import AsyncConnection

from storage import ingest_minutes
from storage.ingest_minutes import Minute

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MINUTE = Minute(
    minute=AT,
    shard="130203",
    epoch=3,
    process="host:1",
    by_lane={"live": 600, "alarm": 2},
    stored=590,
    repeated=10,
    refused={"malformed": 2},
    transitions=1,
    retries=0,
    batches=60,
    step_seconds={"store": 1.5, "decode": 0.5},
    lag_s=0.2,
    waiting=7,
    broker_queued=None,
)


async def test_a_minute_is_written_once_and_seen_by_lane_step_and_reason(database: str) -> None:
    async with await AsyncConnection.connect(database) as conn:
        await ingest_minutes.insert(conn, MINUTE)
        await ingest_minutes.insert(conn, replace(MINUTE, stored=0))

        shards = await (
            await conn.execute("SELECT received, refused, stored, busy_s FROM dash.ingest_shards")
        ).fetchall()
        lanes = await (await conn.execute("SELECT lane, messages FROM dash.ingest_lanes ORDER BY 1")).fetchall()
        steps = await (await conn.execute("SELECT step, busy_s FROM dash.ingest_steps ORDER BY 1")).fetchall()
        reasons = await (await conn.execute("SELECT reason, messages FROM dash.ingest_refusals")).fetchall()

    assert shards == [(602, 2, 590, 2.0)]
    assert lanes == [("alarm", 2), ("live", 600)]
    assert steps == [("decode", 0.5), ("store", 1.5)]
    assert reasons == [("malformed", 2)]


async def test_two_carriers_of_a_shard_in_one_minute_are_two_rows_and_old_ones_go(database: str) -> None:
    async with await AsyncConnection.connect(database) as conn:
        await ingest_minutes.insert(conn, MINUTE)
        await ingest_minutes.insert(conn, replace(MINUTE, epoch=4, process="host:2"))
        await ingest_minutes.insert(conn, replace(MINUTE, minute=AT - timedelta(days=400)))
        await ingest_minutes.delete_before(conn, AT - timedelta(days=365))

        rows = await (await conn.execute("SELECT epoch FROM ingest_minute ORDER BY epoch")).fetchall()

    assert rows == [(3,), (4,)]
