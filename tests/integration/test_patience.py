"""A database that goes silent without closing is hung up on."""

import random

import psycopg
import pytest
from psycopg import AsyncConnection, conninfo
from structlog.testing import capture_logs

from runtime.patience import hung_up
from tests.chaos.proxy import Weather, proxied

pytestmark = pytest.mark.services


async def test_who_waits_for_a_silent_database_gets_an_error(database: str) -> None:
    target = int(conninfo.conninfo_to_dict(database).get("port") or 5432)
    with proxied(target, random.Random(1)) as proxy:
        address = conninfo.make_conninfo(database, host="127.0.0.1", port=proxy.port)
        async with await AsyncConnection.connect(address, autocommit=True) as conn:
            proxy.change(Weather(silent=True))

            with capture_logs() as logs, pytest.raises(psycopg.OperationalError), hung_up(conn, 0.2):
                await conn.execute("SELECT 1")

    assert [line["event"] for line in logs] == ["database_silent"]


async def test_who_is_answered_in_time_keeps_the_connection(database: str) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        with hung_up(conn, 30):
            await conn.execute("SELECT 1")

        assert await (await conn.execute("SELECT 2")).fetchone() == (2,)
