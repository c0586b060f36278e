"""A file whose coordinates are not what they were said to be is refused whole, with the reading that fits."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from numpy.typing import NDArray
from psycopg import AsyncConnection

from components_registry.service import Survey, import_survey
from components_registry.traps import DatumTrap
from geo import gcj02
from geo.projection import from_degrees
from storage import grids

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
EAST, WEST = "130203", "130202"
BORDER = 118.18
COUNT = 400


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    """A city of two districts, a grid each, side by side: 3.4 km wide, 4.4 km high."""
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        rows = [("130200", "city", "", "唐山市")]
        for district, name in ((EAST, "路北区"), (WEST, "路南区")):
            rows += [
                (district, "district", "130200", name), (f"{district}001", "street", district, "街道"),
                (f"{district}001001", "community", f"{district}001", "社区"),
            ]  # fmt: skip
        await grids.upsert_areas(
            connection,
            [grids.AreaRow(area_code=a, level=b, parent_code=c, name_zh=d, name_en=d) for a, b, c, d in rows],
        )
        boxes = {EAST: shapely.box(BORDER, 39.62, 118.20, 39.66), WEST: shapely.box(118.16, 39.62, BORDER, 39.66)}
        await grids.upsert_unit_grids(
            connection,
            [
                grids.UnitGridRow(
                    code=f"{district}001001001", community_code=f"{district}001001", patrol_code="",
                    area_m2=10_000.0, wkb=shapely.to_wkb(box),
                )
                for district, box in boxes.items()
            ],
        )  # fmt: skip
        yield connection


def places() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chance = np.random.default_rng(7)
    return chance.uniform(118.161, 118.199, COUNT), chance.uniform(39.621, 39.659, COUNT)


def codes(lon: NDArray[np.float64]) -> list[str]:
    return [f"{EAST if at >= BORDER else WEST}0103{serial:06d}" for serial, at in enumerate(lon, start=1)]


def written(folder: Path, x: NDArray[np.float64], y: NDArray[np.float64], crs: str) -> Path:
    """A GeoPackage that has the true codes at `x`, `y`, and says they are in `crs`."""
    file = folder / "survey.gpkg"
    pyogrio.raw.write(
        file, shapely.to_wkb(shapely.points(x, y)), [np.asarray(codes(places()[0]), object)], ["code"],
        driver="GPKG", geometry_type="Point", crs=crs,
    )  # fmt: skip
    return file


async def load(conn: AsyncConnection, file: Path, **options: Any) -> int:
    report = await import_survey(conn, Survey(file=file, **options), now=NOW, actor="me")
    return report.loaded


async def test_true_positions_are_no_trap(conn: AsyncConnection, tmp_path: Path) -> None:
    assert await load(conn, written(tmp_path, *places(), "EPSG:4490")) == COUNT


@pytest.mark.parametrize("district", ["near the border", "surveyed before"])
async def test_the_offset_of_a_map_service_is_found(conn: AsyncConnection, tmp_path: Path, district: str) -> None:
    if district == "surveyed before":
        await load(conn, written(tmp_path, *places(), "EPSG:4326"))
        await conn.execute("UPDATE unit_grid SET geom = ST_Expand(geom, 0.1)")  # districts tell nothing now

    file = written(tmp_path, *gcj02.shifted(*places()), "EPSG:4326")

    with pytest.raises(DatumTrap, match=r"GCJ-02, \d+ m off here.*--crs GCJ-02"):
        await load(conn, file)
    if district == "surveyed before":
        await conn.execute("UPDATE unit_grid SET geom = ST_Expand(geom, -0.1)")
    assert await load(conn, file, crs="GCJ-02") > COUNT * 0.99


async def test_a_trusted_file_is_loaded_where_it_says(conn: AsyncConnection, tmp_path: Path) -> None:
    file = written(tmp_path, *gcj02.shifted(*places()), "EPSG:4326")

    assert COUNT / 2 < await load(conn, file, trusted=True) < COUNT


def metres(crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return from_degrees(crs, *places())


TRAPS = {
    "swapped degrees": (lambda: places()[::-1], "EPSG:4326", "axes are swapped.*--crs EPSG:4326 --axes ne"),
    "swapped metres": (lambda: metres("EPSG:4548")[::-1], "EPSG:4548", "axes are swapped.*--crs EPSG:4548 --axes ne"),
    "wrong zone": (lambda: metres("EPSG:4548"), "EPSG:4549", "the zone is another.*--crs EPSG:4548 --axes en"),
    "zone number missing": (lambda: metres("EPSG:4548"), "EPSG:4527", "the zone is another.*--crs EPSG:4548"),
    "zone number too much": (lambda: metres("EPSG:4527"), "EPSG:4548", "the zone is another.*--crs EPSG:4527"),
    "degrees for metres": (places, "EPSG:4548", "numbers are degrees, not metres.*--crs EPSG:4326"),
    "metres for degrees": (lambda: metres("EPSG:4548"), "EPSG:4326", "numbers are metres, not degrees.*EPSG:4548"),
}


@pytest.mark.parametrize(("made", "said", "answer"), TRAPS.values(), ids=TRAPS)
async def test_a_file_in_another_system_than_said_is_refused_with_the_right_one(
    conn: AsyncConnection, tmp_path: Path, made: Any, said: str, answer: str
) -> None:
    with pytest.raises(DatumTrap, match=f"nothing was loaded.*{answer}"):
        await load(conn, written(tmp_path, *made(), said))
    assert await (await conn.execute("SELECT count(*) FROM component")).fetchone() == (0,)
