"""Every panel of every dashboard asks something the migrated database can answer, and asks schema `dash` only."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from core.origin import Origin
from dashboards import build
from devices.health import health
from storage import rollups
from tests.dash_city import fill
from tests.grafana_macros import expand, seconds

FILES = sorted(build.FOLDER.glob("*.json"))
CHOSEN = {
    "__interval": "5m",
    "district": ["130203"],
    "patrol": ["P1", "P2", "P3"],
    "profile": ["manhole_cover"],
    "device": "cover-1",
    "channel": "tilt_deg",
}


def read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def panels() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every query of every panel: a name for it, the panel, the SQL."""
    for file in FILES:
        for panel in read(file)["panels"]:
            for target in panel["targets"]:
                yield f"{file.stem} / {panel['title']}", panel, target["rawSql"]


def variables() -> Iterator[tuple[str, str]]:
    for file in FILES:
        for variable in read(file).get("templating", {}).get("list", []):
            yield f"{file.stem} / {variable['name']}", variable["query"]


@pytest.fixture
async def dash_reader(database: str) -> AsyncIterator[AsyncConnection[dict[str, Any]]]:
    """A connection that may read schema `dash` and nothing else, on a city with data in it."""
    role = sql.Identifier(f"dash_only_{conninfo_to_dict(database)['dbname']}")
    async with await AsyncConnection.connect(database, autocommit=True) as owner:
        await fill(owner)
        await rollups.refresh(owner, datetime.now(UTC))
        await owner.execute(sql.SQL("CREATE ROLE {}").format(role))
        await owner.execute(sql.SQL("GRANT USAGE ON SCHEMA dash TO {}").format(role))
        await owner.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA dash TO {}").format(role))
        try:
            async with await AsyncConnection.connect(database, autocommit=True, row_factory=dict_row) as reader:
                await reader.execute(sql.SQL("SET ROLE {}").format(role))
                yield reader
        finally:
            await owner.execute(sql.SQL("DROP OWNED BY {}").format(role))
            await owner.execute(sql.SQL("DROP ROLE {}").format(role))


def range_of(panel: dict[str, Any]) -> tuple[datetime, datetime]:
    end = datetime.now(UTC) + timedelta(minutes=1)
    return end - timedelta(seconds=seconds(panel.get("timeFrom", "1d"))), end


@pytest.mark.services
async def test_every_panel_gives_rows_to_a_role_that_sees_only_dash(
    dash_reader: AsyncConnection[dict[str, Any]],
) -> None:
    empty: list[str] = []
    for name, panel, text in panels():
        cursor = await dash_reader.execute(expand(text, *range_of(panel), CHOSEN).encode())
        if not await cursor.fetchall():
            empty.append(name)

    assert empty == []


@pytest.mark.services
async def test_every_variable_offers_the_value_the_panels_were_tried_with(
    dash_reader: AsyncConnection[dict[str, Any]],
) -> None:
    offered: dict[str, set[str]] = {}
    for name, text in variables():
        cursor = await dash_reader.execute(expand(text, *range_of({}), CHOSEN).encode())
        offered[name.split(" / ")[1]] = {str(next(iter(row.values()))) for row in await cursor.fetchall()}

    assert {name for name, values in offered.items() if not set(_listed(CHOSEN[name])) <= values} == set()
    assert set(offered) == set(CHOSEN) - {"__interval"}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.services
async def test_a_role_with_dash_only_may_read_no_table(dash_reader: AsyncConnection[dict[str, Any]]) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await dash_reader.execute("SELECT 1 FROM public.incident")


@pytest.mark.services
async def test_the_reader_role_may_read_every_view_of_dash(database: str) -> None:
    async with await AsyncConnection.connect(database, options="-c role=citygrid_reader") as reader:
        views = await (
            await reader.execute("SELECT table_name FROM information_schema.views WHERE table_schema = 'dash'")
        ).fetchall()
        for (view,) in views:
            await reader.execute(sql.SQL("SELECT * FROM dash.{} LIMIT 0").format(sql.Identifier(view)))

    assert len(views) >= 10


@pytest.mark.services
async def test_the_city_row_counts_what_is_there(dash_reader: AsyncConnection[dict[str, Any]]) -> None:
    row = await (await dash_reader.execute("SELECT * FROM dash.city")).fetchone()

    assert row is not None
    assert {key: value for key, value in row.items() if key != "messages_per_s"} == {
        "components": 3,
        "unit_grids": 3,
        "patrol_grids": 3,
        "devices": 4,
        "online": 1,
        "late": 1,
        "silent": 1,
        "never": 1,
        "open": 3,
        "critical": 1,
        "overdue": 1,
    }


@pytest.mark.services
async def test_health_in_the_view_is_health_in_the_code(dash_reader: AsyncConnection[dict[str, Any]]) -> None:
    rows = await (
        await dash_reader.execute("SELECT health, last_received_at, interval_s, now() AS now FROM dash.devices")
    ).fetchall()

    expected = [str(health(row["last_received_at"], row["interval_s"], row["now"])) for row in rows]
    assert [row["health"] for row in rows] == expected
    assert set(expected) == {"online", "late", "silent", "never"}


@pytest.mark.services
async def test_the_view_knows_every_origin(database: str) -> None:
    async with await AsyncConnection.connect(database) as conn:
        names = [
            (await (await conn.execute("SELECT dash.origin_name(%s::smallint)", (int(origin),))).fetchone())
            for origin in Origin
        ]

    assert names == [(origin.name.lower(),) for origin in Origin]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_grafanas_schema_library_reads_and_writes_the_same_dashboard(file: Path) -> None:
    document = read(file)

    parsed = Dashboard.from_json(document)

    assert json.loads(json.dumps(parsed, cls=JSONEncoder)) == document


def test_the_json_is_what_the_code_builds() -> None:
    assert {file.name: file.read_text(encoding="utf-8") for file in FILES} == build.documents()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_has_a_fixed_uid_no_id_our_tag_and_one_source(file: Path) -> None:
    document = read(file)

    assert document["uid"] == file.stem
    assert "id" not in document
    assert document["tags"] == ["citygrid"]
    sources = {target["datasource"]["uid"] for panel in document["panels"] for target in panel["targets"]}
    assert sources == {"citygrid"}
    ids = [panel["id"] for panel in document["panels"]]
    assert ids == list(range(1, len(ids) + 1))


def test_every_title_is_chinese_and_english() -> None:
    titles = [read(file)["title"] for file in FILES] + [panel["title"] for _, panel, _ in panels()]

    spoken = [title for title in titles if not title.startswith("$device")]
    assert [t for t in spoken if not (re.search(r"[\u4e00-\u9fff]", t) and re.search(r"[A-Za-z]{3}", t))] == []


def test_every_question_about_readings_or_ingest_bounds_time() -> None:
    unbounded = [
        name
        for name, _, text in panels()
        if re.search(r"dash\.(readings|ingest|dead_letters)", text) and not re.search(r"\$__timeFilter|now\(\)", text)
    ]

    assert unbounded == []
