"""Versions of grids over HTTP: what was imported and found, when it was in force, what moved; components by grid."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import shapely
from shapely.geometry import mapping, shape

from geo.gridfile import Level
from runtime import grid_import, regrid
from storage.pool import OWNER, connect

COMMUNITY = "130203001001"
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


def partition(file: Path, *borders: tuple[float, float]) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"code": f"{COMMUNITY}{number:03d}"},
            "geometry": mapping(shapely.box(118.18 + west * 0.001, 39.63, 118.18 + east * 0.001, 39.631)),
        }
        for number, (west, east) in enumerate(borders, start=1)
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


async def bring(url: str, good: Path, bad: Path) -> None:
    async with await connect(url, role=OWNER, name="test") as conn:
        for file in (bad, good):
            given = grid_import.GridFile(file=file, level=Level.UNIT)
            report = await grid_import.import_grids(conn, given, now=NOW, actor="zhang")
        await regrid.activate(conn, report.version_id or 0, now=NOW, actor="zhang")
        await conn.execute("""
            INSERT INTO component (
                code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom)
            SELECT '1302030401000001', catalogue_id, class_code, '130203', 'verge', 'intact', unit_grid_id, 'test',
                   'SRID=4326;LINESTRING(118.1801 39.6305, 118.1815 39.6305)'
            FROM component_class, unit_grid
            WHERE unit_grid.state = 'valid' AND unit_grid.code LIKE '%001' ORDER BY class_code LIMIT 1
        """)


@pytest.fixture
async def redrawn(own_api: httpx2.AsyncClient, city: str, tmp_path: Path) -> httpx2.AsyncClient:
    """The city's four unit grids, redrawn as three, after a file that was refused."""
    good = partition(tmp_path / "good.geojson", (0, 1), (1, 2.5), (2.5, 4))
    await bring(city, good, partition(tmp_path / "bad.geojson", (0, 1.5), (1, 4)))
    return own_api


async def test_versions_say_when_they_were_in_force_and_what_they_moved(redrawn: httpx2.AsyncClient) -> None:
    items = (await redrawn.get("/api/v1/grids/versions", params={"level": "unit"})).json()["items"]

    assert [(it["state"], it["source"], it["grids"]) for it in items] == [
        ("past", "as found", 4), ("active", "good.geojson", 3), ("refused", "bad.geojson", 2)
    ]  # fmt: skip
    (period,) = items[1]["periods"]
    assert (period["until"], period["moved"]["unit_grids_new"]) == (None, 2)
    assert (items[2]["findings"]["overlap"], items[2]["blocking"]) == (1, 1)
    page = (await redrawn.get("/api/v1/grids/versions", params={"limit": 2})).json()
    rest = (await redrawn.get("/api/v1/grids/versions", params={"limit": 2, "cursor": page["next"]})).json()
    assert [it["version_id"] for it in page["items"] + rest["items"]] == [3, 2, 1]


async def test_findings_are_listed_and_drawn(redrawn: httpx2.AsyncClient) -> None:
    finding, *_ = (await redrawn.get("/api/v1/grids/imports/1/findings")).json()["items"]
    assert (finding["flaw"], finding["blocks"], [code[-3:] for code in finding["codes"]]) == (
        "overlap", True, ["001", "002"]
    )  # fmt: skip

    drawn, *_ = (await redrawn.get("/api/v1/grids/imports/1/findings.geojson")).json()["features"]

    overlap = shapely.box(118.181, 39.63, 118.1815, 39.631)
    assert shapely.hausdorff_distance(shape(drawn["geometry"]), overlap) < 1e-6
    assert (await redrawn.get("/api/v1/grids/imports/99/findings")).status_code == 404
    assert (await redrawn.get("/api/v1/grids/imports/99/findings.geojson")).status_code == 404


async def test_what_moved_is_listed_from_where_to_where(redrawn: httpx2.AsyncClient) -> None:
    items = (await redrawn.get("/api/v1/grids/versions", params={"level": "unit"})).json()["items"]
    period = items[1]["periods"][0]["period_id"]

    page = (await redrawn.get(f"/api/v1/grids/moves/{period}", params={"limit": 1})).json()
    rest = (await redrawn.get(f"/api/v1/grids/moves/{period}", params={"cursor": page["next"]})).json()

    moved = [(it["kind"], it["from_unit_grid"][-3:], it["to_unit_grid"][-3:]) for it in page["items"] + rest["items"]]
    assert moved[0] == ("component", "003", "002")
    devices = (await redrawn.get(f"/api/v1/grids/moves/{period}", params={"kind": "device"})).json()["items"]
    assert {it["kind"] for it in devices} <= {"device"}
    assert (await redrawn.get("/api/v1/grids/moves/9999")).status_code == 404


async def test_components_are_found_by_every_grid_they_touch(redrawn: httpx2.AsyncClient) -> None:
    async def codes(**filters: str) -> list[str]:
        return [it["code"] for it in (await redrawn.get("/api/v1/components", params=filters)).json()["items"]]

    verge = "1302030401000001"
    for number in ("001", "002"):
        assert verge in await codes(unit_grid=f"{COMMUNITY}{number}")
    assert verge not in await codes(unit_grid=f"{COMMUNITY}003")
    assert verge in await codes(patrol="P1")
    assert await codes(unit_grid=f"{COMMUNITY}001", as_of="2026-11-22T04:00:00Z") == []
