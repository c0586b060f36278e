"""A city's own device type needs no code: its city loads, and a simulator sends what it measures."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from psycopg import AsyncConnection

from devices.profile import shipped
from devices.typelint import findings
from runtime import city
from runtime.settings import Settings
from simulators import launch, scenario
from simulators.feed import Feed
from simulators.scenario import Plan
from tests.e2e import town

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TYPE = """
profile = "well_meter"
version = 1
kind = "well"
name_zh = "水井表"
name_en = "well meter"
interval_s = 5
sentinels = [-9999]
classes = ["0102"]
channel = [
    {name = "level_m", unit = "m", min = 0, max = 20, name_zh = "水位", name_en = "level", sent = {unit = "cm"}},
    {name = "strokes", unit = "1", min = 0, max = 100000, name_zh = "次数", name_en = "strokes", counter = true},
]
"""


async def test_a_city_with_a_type_of_its_own_loads_and_lives(database: str, tmp_path: Path) -> None:
    types = tmp_path / "types"
    types.mkdir()
    (types / "well_meter.toml").write_text(TYPE, encoding="utf-8")
    kinds = city.kinds(Settings(profiles_dir=types))
    assert findings(kinds.profiles["well_meter"], shipped()) == []
    folder = tmp_path / "city"
    town.write(folder)
    listed = folder / "devices.csv"
    listed.write_text(listed.read_text(encoding="utf-8").replace("manhole_cover", "well_meter"), encoding="utf-8")

    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        await city.load_city(conn, folder, now=NOW, actor="test", kinds=kinds)
        held = await conn.execute("SELECT count(*) FROM device WHERE profile = 'well_meter'")
        assert await held.fetchone() == (20,)

    played = launch.load_city(listed, kinds.profiles)
    plan = Plan(seed=7, start_epoch_s=NOW.timestamp(), per_minute=0, until_s=10)
    feed = Feed(
        launch.make_setup(
            played, scenario.named("demo"), plan, zone="Asia/Shanghai", rate_scale=1.0, payload_limit_bytes=100_000
        )
    )
    said = [message for _ in range(100) for message in feed.advance().messages if "/well/" in message.topic]
    values = [msgspec.json.decode(message.payload)["values"] for message in said if not message.defect]
    assert values
    assert all(200 <= it["level_m"] <= 900 and it["strokes"] % 1 == 0 for it in values), "as they are sent: in cm"
