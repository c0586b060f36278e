"""Silences: created, ended, listed, audited, and taken up by who carries readings."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from psycopg import AsyncConnection
from typer.testing import CliRunner

from alerts import mute_store, rulebook, silences
from alerts.case import Change, Muting, Opening, Recovery
from alerts.engine import Kind, Proof, Transition
from alerts.mute import Standing, Subject, muted_by
from alerts.silences import Wish
from cli.silences import app
from core.errors import Conflict, InvalidInput, NotFound
from storage import signals
from storage.queries import silences as queries
from tests import builders

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ZONE = "Asia/Shanghai"
WISH = Wish(
    matchers=['alertname=~"Lamp.*"'],
    starts_at=NOW,
    ends_at=NOW + timedelta(hours=2),
    author="Li",
    reason="works on the cable",
)
SQUARE = {"type": "Polygon", "coordinates": [[[118, 39.5], [118.2, 39.5], [118.2, 39.7], [118, 39.7], [118, 39.5]]]}


def subject(**labels: str) -> Subject:
    return Subject(cause="c", labels={"alertname": "LampDark", **labels}, lon_deg=118.1, lat_deg=39.6)


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("SET timezone = 'UTC'")
        yield connection


async def create(conn: AsyncConnection, **more: Any) -> int:
    return await silences.create(conn, replace(WISH, **more), ZONE, NOW)


async def holds(conn: AsyncConnection, at: datetime, **labels: str) -> bool:
    found = await silences.in_force(conn, ZONE, at)
    return muted_by(subject(**labels), at, found, Standing()) is not None


async def test_a_silence_holds_as_it_was_written(conn: AsyncConnection) -> None:
    await create(conn)

    assert await holds(conn, NOW)
    assert not await holds(conn, NOW, alertname="CoverDisplaced")
    assert not await holds(conn, NOW + timedelta(hours=2))


async def test_a_silence_of_a_polygon_holds_where_it_lies(conn: AsyncConnection) -> None:
    await create(conn, matchers=[], polygon=SQUARE)

    (silence,) = await silences.in_force(conn, ZONE, NOW)
    assert silence.covers(subject(), NOW)
    assert not silence.covers(replace(subject(), lon_deg=118.3), NOW)


async def test_a_maintenance_window_keeps_the_citys_time(conn: AsyncConnection) -> None:
    nights = [{"times": [{"start_time": "17:30", "end_time": "18:30"}]}]
    await create(conn, windows=nights)

    assert not await holds(conn, NOW)  # 17:00 in Tangshan
    assert await holds(conn, NOW + timedelta(minutes=30))


@pytest.mark.parametrize("code", ["130202", "130202001", "130202001001", "PG-1"])
async def test_a_silence_of_an_area_holds_in_its_unit_grids(conn: AsyncConnection, code: str) -> None:
    await conn.execute(
        """
        INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
            ('130202', 'district', NULL, '路南区', 'Lunan'), ('130202001', 'street', '130202', '街', 'Street'),
            ('130202001001', 'community', '130202001', '社区', 'Community')
        """
    )
    square = "ST_Multi(ST_MakeEnvelope(118, 39.5, 118.01, 39.51, 4326))"
    await conn.execute(
        f"INSERT INTO patrol_grid (code, district_code, name_zh, name_en, team, geom) "
        f"VALUES ('PG-1', '130202', '一', 'one', 'team', {square})".encode()
    )
    cursor = await conn.execute(
        """
        INSERT INTO unit_grid (code, community_code, patrol_grid_id, area_m2, geom)
        SELECT '130202001001099', '130202001001', patrol_grid_id, 10000, ST_MakeEnvelope(118, 39.5, 118.01, 39.51, 4326)
        FROM patrol_grid WHERE code = 'PG-1'
        RETURNING unit_grid_id
        """
    )
    row = await cursor.fetchone()
    assert row is not None

    await create(conn, areas=[code])

    (silence,) = await silences.in_force(conn, ZONE, NOW)
    assert silence.covers(replace(subject(), unit_grid_id=row[0]), NOW)
    assert not silence.covers(subject(), NOW)


async def test_an_ended_silence_holds_no_more_and_is_kept(conn: AsyncConnection) -> None:
    number = await create(conn)
    await silences.end(conn, number, "Wang", "done", NOW + timedelta(minutes=10))

    assert not await holds(conn, NOW + timedelta(minutes=10))
    (row,) = await queries.find(conn, {}, state="expired", now=NOW + timedelta(minutes=10), limit=9)
    assert (row["ended_by"], row["ended_reason"], row["author"]) == ("Wang", "done", "Li")


async def test_every_change_is_audited_with_author_and_reason(conn: AsyncConnection) -> None:
    number = await create(conn)
    await silences.end(conn, number, "Wang", "done", NOW)

    cursor = await conn.execute("SELECT actor, action, subject, detail ->> 'reason' FROM audit ORDER BY audit_id")
    assert (await cursor.fetchall())[-2:] == [
        ("Li", "silence.create", f"silence {number}", "works on the cable"),
        ("Wang", "silence.end", f"silence {number}", "done"),
    ]


async def test_a_silence_that_is_over_cannot_be_ended(conn: AsyncConnection) -> None:
    number = await create(conn)
    await silences.end(conn, number, "Wang", "done", NOW)

    with pytest.raises(Conflict):
        await silences.end(conn, number, "Wang", "again", NOW)
    with pytest.raises(NotFound):
        await silences.end(conn, number + 1, "Wang", "which", NOW)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"matchers": []}, "everything"),
        ({"matchers": ['team=""']}, "everything"),
        ({"matchers": ['alertname=~"("']}, "regular expression"),
        ({"ends_at": NOW}, "ends_at"),
        ({"author": " "}, "author"),
        ({"reason": ""}, "reason"),
        ({"areas": ["999999"]}, "999999"),
        ({"windows": []}, "windows"),
        ({"windows": [{"times": [{"start_time": "25:00", "end_time": "26:00"}]}]}, "25:00"),
        ({"polygon": {"type": "Point", "coordinates": [118, 39]}}, "Polygon"),
        ({"polygon": {"type": "Polygon", "coordinates": "x"}}, "polygon"),
    ],
)
async def test_a_wrong_silence_is_refused(conn: AsyncConnection, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        await create(conn, **wrong)
    assert await silences.in_force(conn, ZONE, NOW) == ()


async def test_who_carries_readings_is_told(conn: AsyncConnection, database: str) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute(f"LISTEN {signals.SILENCES}".encode())
        await create(conn)

        heard = [notice.channel async for notice in listener.notifies(timeout=10, stop_after=1)]

    assert heard == [signals.SILENCES]


def changes(*kinds: str) -> list[Change]:
    rule = rulebook.load(rulebook.DEFAULT).rules[0]
    transition = Transition(
        kind=Kind.FIRED, rule=rule, slot=0, ts_us=builders.START_US, since_us=builders.START_US, origin=0,
        unit_grid_id=0, lon_deg=118.1, lat_deg=39.6,
        proof=Proof(channel="tilt_deg", comparison="tilt_deg > 15", threshold=15.0, value=20.0),
    )  # fmt: skip
    made: dict[str, Change] = {
        "mute": Muting(cause="c", rule=rule, transition=transition, by="silence:1", reason="works"),
        "open": Opening(cause="c", rule=rule, transition=transition, members=(0,)),
        "recover": Recovery(cause="c", rule=rule, transition=transition),
    }
    return [made[kind] for kind in kinds]


@pytest.mark.parametrize(
    ("steps", "outcomes"),
    [
        ([["mute"]], [None]),
        ([["mute"], ["mute"]], [None]),
        ([["mute"], ["open"]], ["opened"]),
        ([["mute"], ["recover"]], ["recovered"]),
        ([["mute", "recover", "mute"]], ["recovered", None]),
        ([["open"], ["recover"]], []),
    ],
)
async def test_what_is_held_back_is_recorded_with_what_became_of_it(
    conn: AsyncConnection, steps: list[list[str]], outcomes: list[str | None]
) -> None:
    for step in steps:
        await mute_store.record(conn, changes(*step), builders.fleet(), NOW)

    rows = await queries.muted(conn, {}, limit=9)
    assert [row["outcome"] for row in reversed(rows)] == outcomes
    assert all((row["muted_by"], row["reason"]) == ("silence:1", "works") for row in rows)


@pytest.fixture
def run(conn: AsyncConnection, database: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    del conn
    monkeypatch.setenv("CITYGRID_DATABASE_URL", database)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_the_command_adds_lists_and_ends(run: Callable[..., Result]) -> None:
    added = json.loads(
        run("add", "alertname=LampDark", "--for", "3h", "--reason", "works", "--author", "Li", "--json").stdout
    )
    (row,) = json.loads(run("list", "--json").stdout)["items"]

    assert (row["silence_id"], row["author"], row["state"]) == (added["silence_id"], "Li", "active")
    assert "│ Li " in run("list").stdout
    assert run("end", str(added["silence_id"]), "--reason", "done").exit_code == 0
    assert json.loads(run("list", "--json").stdout)["items"] == []
    assert len(json.loads(run("list", "--expired", "--json").stdout)["items"]) == 1


def test_the_command_reads_areas_and_times_from_files(run: Callable[..., Result], tmp_path: Any) -> None:
    (tmp_path / "site.geojson").write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": SQUARE}))
    (tmp_path / "nights.yaml").write_text(
        "time_intervals:\n  - weekdays: ['sunday']\n    times: [{start_time: '02:00', end_time: '04:00'}]\n"
    )

    added = run(
        "add", "--polygon", str(tmp_path / "site.geojson"), "--windows", str(tmp_path / "nights.yaml"), "--for", "30d",
        "--reason", "road works",
    )  # fmt: skip

    assert added.exit_code == 0
    (row,) = json.loads(run("list", "--json").stdout)["items"]
    assert row["polygon"]["type"] == "Polygon"
    assert row["windows"] == [{"weekdays": ["sunday"], "times": [{"start_time": "02:00", "end_time": "04:00"}]}]
