"""A device's health over HTTP: its battery from the daily roll-ups, and why its messages were refused."""

from datetime import timedelta

import httpx2
import psycopg
import pytest

from devices.profile import shipped
from storage.dead_letters import DeadLetter, record
from tests.integration.api.city import NOW

DAY = """
INSERT INTO reading_1d (device_id, bucket, messages, last_ts, counts, mins, maxs, sums, lasts)
SELECT device_id, %(at)s, 1, %(at)s, '{}', '{}', '{}', '{}', %(lasts)s FROM device WHERE label = 'mc-1'
"""


async def test_the_battery_is_told_from_its_days_and_refusals_with_their_reason(
    own_api: httpx2.AsyncClient, city: str
) -> None:
    names = shipped()["manhole_cover"].channel_names
    with psycopg.connect(city) as conn:
        for day in range(30):
            lasts = [None if name != "battery_pct" else 80.0 - day for name in names]
            conn.execute(DAY, {"at": NOW - timedelta(days=30 - day), "lasts": lasts})
    async with await psycopg.AsyncConnection.connect(city) as conn:
        letters = [
            DeadLetter(topic=f"citygrid/v1/130203/manhole/{label}/telemetry", payload=b"{}", reason="malformed",
                       detail="no ts", item=0, redelivered=False)
            for label in ("mc-1", "mc-11")
        ]  # fmt: skip
        await record(conn, letters, NOW - timedelta(hours=1))

    shown = (await own_api.get("/api/v1/devices/mc-1/health")).json()
    other = (await own_api.get("/api/v1/devices/bus-1/health")).json()

    assert shown["battery"]["days_left"] == pytest.approx(51 - 10)
    assert [(it["reason"], it["detail"]) for it in shown["refused"]] == [("malformed", "no ts")]
    assert (other["battery"]["days_left"], other["battery"]["unknown"], other["refused"]) == (None, "no_levels", [])
