"""A layer leaves as a file of each format with all it has: codes as text, times with their zone, no formulas."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pyarrow.parquet
import pyogrio
import pytest
import shapely
from typer.testing import CliRunner

from cli import export as command
from tests.integration.api.city import CODES

ODD = """
UPDATE component SET name = '=HYPERLINK("http://x","井盖")',
       note = E'two\\nlines, "quoted"' WHERE code = '1302030101000001';
UPDATE component SET surveyed_on = '2026-01-31' WHERE code = '1302030101000002';
"""
HELD = {"components": 6, "devices": 5, "unit_grids": 4, "patrol_grids": 2, "areas": 5, "incidents": 3}


async def exported(api: httpx2.AsyncClient, name: str, **asked: str) -> bytes:
    answer = await api.get(f"/api/v1/exports/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="citygrid-{name}"'
    return answer.content


def rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("kind", ["csv", "geojson"])
@pytest.mark.parametrize("layer", HELD)
async def test_every_layer_leaves_whole(api: httpx2.AsyncClient, layer: str, kind: str):
    body = await exported(api, f"{layer}.{kind}")

    found = rows(body) if kind == "csv" else json.loads(body)["features"]
    assert len(found) == HELD[layer]


async def test_a_geopackage_holds_codes_as_text_and_times_in_utc(api: httpx2.AsyncClient, tmp_path: Path):
    file = tmp_path / "incidents.gpkg"
    file.write_bytes(await exported(api, "incidents.gpkg", crs="4548"))

    meta, _, geometry, columns = pyogrio.raw.read(file)
    found = dict(zip(meta["fields"].tolist(), columns, strict=True))
    assert meta["crs"] == "EPSG:4548"
    assert sorted(found["component_code"].tolist()) == CODES[:3]
    assert found["is_open"].sum() == 2
    assert (str(meta["dtypes"][meta["fields"].tolist().index("opened_at")]), len(geometry)) == ("datetime64[ms]", 3)


async def test_geoparquet_says_what_its_geometry_is(own_api: httpx2.AsyncClient, city: str, tmp_path: Path):
    with psycopg.connect(city) as conn:
        conn.execute(ODD)
    file = tmp_path / "components.parquet"
    file.write_bytes(await exported(own_api, "components.parquet"))

    table = pyarrow.parquet.read_table(file)
    about = json.loads(table.schema.metadata[b"geo"])
    first = table.to_pylist()[0]
    assert about["version"] == "1.1.0"
    assert about["columns"]["geometry"]["crs"]["id"] == {"authority": "EPSG", "code": 4326}
    assert (first["code"], first["name"]) == (CODES[0], '=HYPERLINK("http://x","井盖")')
    assert (first["note"], first["surveyed_on"], first["competent"]) == ('two\nlines, "quoted"', None, "城管局")
    assert shapely.from_wkb(first["geometry"]).equals(shapely.Point(118.1802, 39.6305))
    assert first["since"].tzinfo is not None


async def test_a_csv_is_text_in_two_languages_and_no_cell_is_a_formula(own_api: httpx2.AsyncClient, city: str):
    with psycopg.connect(city) as conn:
        conn.execute(ODD)
    first = rows(await exported(own_api, "components.csv"))[0]
    chinese = rows(await exported(own_api, "components.csv", headings="zh"))[1]

    assert (first["code"], first["name"]) == (CODES[0], '\'=HYPERLINK("http://x","井盖")')
    assert (first["note"], first["wkt"]) == ('two\nlines, "quoted"', "POINT(118.1802 39.6305)")
    assert first["since"].endswith("Z")
    assert (chinese["部件标识码"], chinese["初始日期"], chinese["权属单位"]) == (CODES[1], "2026-01-31", "自来水公司")


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ({"filter": "state = 'damaged'"}, CODES[1:2]),
        ({"bbox": "118.1804,39.63,118.1808,39.631"}, CODES[1:2]),
        ({"class_code": "0137"}, []),
        ({"district_code": "130203", "class_code": "0101"}, CODES),
        ({"as_of": "2020-01-01T00:00:00Z"}, []),
    ],
)
async def test_what_is_asked_for_leaves_and_nothing_else(
    api: httpx2.AsyncClient, asked: dict[str, Any], codes: list[str]
):
    assert [row["code"] for row in rows(await exported(api, "components.csv", **asked))] == codes


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing.csv", 404), ("components.dwg", 404), ("components.csv?crs=9999", 400),
        ("components.csv?filter=x", 400),
        ("areas.csv?class_code=0101", 400), ("devices.csv?as_of=2020-01-01T00:00:00Z", 400),
    ],
)  # fmt: skip
async def test_what_cannot_be_exported_is_refused(api: httpx2.AsyncClient, path: str, status: int):
    assert (await api.get(f"/api/v1/exports/{path}")).status_code == status


def test_the_command_writes_the_same_files(shared_city: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CITYGRID_DATABASE_URL", shared_city)
    file = tmp_path / "covers.gpkg"
    done = CliRunner().invoke(
        command.app, ["components", str(file), "--where", "state <> 'damaged'", "--class", "0101", "--crs", "EPSG:4490"]
    )

    assert (done.exit_code, done.stdout) == (0, f"{file}: 5 components\n"), done.output
    assert pyogrio.read_info(file)["crs"] == "EPSG:4490"
    assert [path.name for path in tmp_path.iterdir()] == ["covers.gpkg"]
