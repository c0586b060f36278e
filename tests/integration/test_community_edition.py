"""What changes where the Timescale licence edition runs: the columnstore, and nothing a reader could see."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection, Connection

from storage import retention, rollups

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
INSERT = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
VALUES (%(ts)s, %(device_id)s, 0, %(ts)s, 0, 0, 0, ARRAY[%(value)s::double precision])
"""
COMPRESS = "SELECT compress_chunk(c) FROM show_chunks('reading') AS c"
HOUR = "SELECT counts, mins, maxs, sums, lasts FROM reading_1h WHERE device_id = 1"


@pytest.fixture
def community(database: str) -> str:
    with Connection.connect(database) as conn:
        licence = conn.execute("SHOW timescaledb.license").fetchone()
    if licence != ("timescale",):
        pytest.skip("needs a PostgreSQL with the Timescale licence edition in CITYGRID_TEST_DATABASE_URL")
    return database


def test_the_apache_edition_records_the_community_migration_as_skipped(database: str) -> None:
    with Connection.connect(database) as conn:
        licence = conn.execute("SHOW timescaledb.license").fetchone()
        skipped = conn.execute("SELECT skipped FROM schema_migration WHERE name = 'community_edition'").fetchone()

    assert skipped == (licence == ("apache",),)


def test_readings_move_to_the_columnstore_by_policy(community: str) -> None:
    with Connection.connect(community) as conn:
        jobs = conn.execute(
            "SELECT config ->> 'compress_after' FROM timescaledb_information.jobs"
            " WHERE proc_name = 'policy_compression' AND hypertable_name = 'reading'"
        ).fetchall()

    assert jobs == [("7 days",)]


async def test_a_late_reading_into_the_columnstore_is_stored_once_and_rolled_up(community: str) -> None:
    early = NOW - timedelta(days=10)
    async with await AsyncConnection.connect(community) as conn:
        await conn.execute(INSERT, {"ts": early, "device_id": 1, "value": 3.0})
        await rollups.refresh(conn, NOW)
        await conn.execute(COMPRESS)

        await conn.execute(INSERT, {"ts": early + timedelta(minutes=1), "device_id": 1, "value": 5.0})
        await rollups.refresh(conn, NOW)

        assert await (await conn.execute(HOUR)).fetchall() == [([2], [3.0], [5.0], [8.0], [5.0])]
        with pytest.raises(psycopg.errors.UniqueViolation):
            await conn.execute(INSERT, {"ts": early, "device_id": 1, "value": 3.0})


async def test_compressed_readings_are_dropped_like_others(community: str) -> None:
    async with await AsyncConnection.connect(community) as conn:
        await conn.execute(INSERT, {"ts": NOW - timedelta(days=50), "device_id": 1, "value": 3.0})
        await conn.execute(COMPRESS)

        done = await retention.enforce(conn, retention.Keep(readings=30, fine=90), NOW)

    assert done.reading_chunks == 1
