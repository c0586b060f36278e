"""Grids from the command line: what is loaded, what is refused, what moves; the exit codes."""

import csv
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyogrio
import pytest
import shapely
from shapely.geometry import mapping
from typer.testing import CliRunner

from cli.main import tree
from core.errors import Conflict
from geo.projection import geometries_from_degrees

AREAS = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
    ('130200', 'city', NULL, '唐山市', 'Tangshan'), ('130203', 'district', '130200', '路北区', 'Lubei District'),
    ('130203001', 'street', '130203', '乔屯街道', 'Qiaotun Subdistrict'),
    ('130203001001', 'community', '130203001', '乔屯楼社区', 'Qiaotunlou Community')
"""
COMMUNITY = "130203001001"
THINGS = """
INSERT INTO component_class (catalogue_id, class_code, major_zh, major_en, name_zh, name_en, geometry_kind, subsystem,
                             department_zh, department_en, source, certainty)
VALUES ('test', '0102', '', '', '井盖', 'Cover', 'point', 'manhole_covers', '', '', '', 'A'),
       ('test', '0401', '', '', '绿带', 'Verge', 'line', 'none', '', '', '', 'A');
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom)
SELECT '130203010200000' || n, 'test', '0102', '130203', 'cover', 'intact',
       (SELECT unit_grid_id FROM unit_grid WHERE state = 'valid' AND ST_Covers(geom, at.point) ORDER BY 1 LIMIT 1),
       'test', at.point
FROM generate_series(1, 3) AS n,
     LATERAL (SELECT ST_SetSRID(ST_MakePoint(118.1795 + n * 0.001, 39.6305), 4326) AS point) AS at;
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom)
SELECT '1302030401000001', 'test', '0401', '130203', 'verge', 'intact',
       (SELECT unit_grid_id FROM unit_grid WHERE state = 'valid' AND code LIKE '%2'), 'test',
       'SRID=4326;LINESTRING(118.1805 39.6305, 118.1825 39.6305)';
INSERT INTO device (label, profile, component_id, district_code, unit_grid_id, state, interval_s, registered_at,
                    registered_by, geom)
SELECT 'MC-' || right(code, 1), 'manhole_cover', component_id, district_code, unit_grid_id, 'in_service', 60, now(),
       'test', geom
FROM component WHERE class_code = '0102';
INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, device_id, component_id, unit_grid_id,
                      patrol_grid_id, district_code, origin, fired_ts, opened_at, evidence, geom, outcome, closed_at)
SELECT d.label || s.stage, 'r', 'minor', '', '', s.stage, d.device_id, d.component_id, d.unit_grid_id,
       u.patrol_grid_id, '130203', 0, now(), now(), '{}', d.geom,
       CASE WHEN s.stage = 'closed' THEN 'handled' END, CASE WHEN s.stage = 'closed' THEN now() END
FROM device AS d JOIN unit_grid AS u USING (unit_grid_id), (VALUES ('closed'), ('handling')) AS s (stage)
WHERE d.label = 'MC-2';
"""


@pytest.fixture
def city(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", database)
    with psycopg.connect(database) as conn:
        conn.execute(AREAS)
    return database


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(tree(), [*arguments, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def asked(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as conn:
        return [row[0] if len(row) == 1 else row for row in conn.execute(query.encode()).fetchall()]


def collection(folder: Path, name: str, *features: tuple[dict[str, Any], shapely.Geometry]) -> str:
    rows = [{"type": "Feature", "properties": given, "geometry": mapping(shape)} for given, shape in features]
    file = folder / name
    file.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    return str(file)


def cell(column: float, width: float = 1) -> shapely.Polygon:
    west = 118.18 + column * 0.001
    return shapely.box(west, 39.63, west + width * 0.001, 39.631)


def units(folder: Path, name: str, *borders: float) -> str:
    """A row of unit grids between borders, numbered from the west."""
    spans = pairwise(borders)
    return collection(
        folder, name,
        *(({"code": f"{COMMUNITY}{n:03d}"}, cell(a, b - a)) for n, (a, b) in enumerate(spans, start=1)),
    )  # fmt: skip


def patrols(folder: Path, name: str, *borders: float) -> str:
    spans = pairwise(borders)
    return collection(
        folder, name,
        *(({"code": f"P{n}", "district_code": "130203"}, cell(a, b - a)) for n, (a, b) in enumerate(spans, start=1)),
    )  # fmt: skip


@pytest.fixture
def gridded(city: str, tmp_path: Path) -> str:
    """Three unit grids in two patrol grids, a cover in the middle of each, a verge along them, a case on the second."""
    run("grids", "import", units(tmp_path, "unit.geojson", 0, 1, 2, 3), "--level", "unit")
    run("grids", "import", patrols(tmp_path, "patrol.geojson", 0, 2, 3), "--level", "patrol")
    with psycopg.connect(city) as conn:
        conn.execute(THINGS)
    return city


def test_the_first_partition_of_a_level_is_in_force_at_once_and_a_survey_finds_its_grids(
    city: str, tmp_path: Path
) -> None:
    unit = collection(
        tmp_path, "u.geojson", ({"BGID": "13020300100101"}, cell(0)), ({"BGID": f"{COMMUNITY}002"}, cell(1))
    )
    survey = tmp_path / "survey.csv"
    survey.write_text("code,x,y\n1302030103000001,118.1805,39.6305\n1302030103000002,118.3,39.6305\n")

    code, report = run("grids", "import", unit, "--level", "unit")
    assert (code, report["state"], report["grids"], report["findings"]) == (0, "active", 2, [])
    assert run("grids", "check") == (0, {"unit_grids": 2, "findings": []})
    code, report = run("components", "import", str(survey))
    assert (code, report["rows_loaded"], [f["reason"] for f in report["findings"]]) == (1, 1, ["outside_grids"])
    assert asked(city, "SELECT u.code FROM component JOIN unit_grid u USING (unit_grid_id)") == [f"{COMMUNITY}001"]


def test_a_blocking_finding_keeps_the_whole_partition_out_until_somebody_accepts_it(city: str, tmp_path: Path) -> None:
    unit = collection(
        tmp_path, "u.geojson",
        ({"code": f"{COMMUNITY}001"}, cell(0)), ({"code": f"{COMMUNITY}002"}, cell(0.9)), ({"code": "12"}, cell(2)),
    )  # fmt: skip
    places = tmp_path / "findings.geojson"

    code, report = run("grids", "import", unit, "--level", "unit", "--geojson", str(places))

    assert (code, report["state"], report["counts"]) == (1, "refused", {"bad_code": 1, "overlap": 1})
    assert asked(city, "SELECT count(*) FROM unit_grid") == [0]
    overlap = json.loads(places.read_text())["features"][1]
    assert shapely.hausdorff_distance(shapely.geometry.shape(overlap["geometry"]), cell(0.9, 0.1)) < 1e-6
    with pytest.raises(Conflict, match="refused"):
        run("grids", "activate", str(report["version_id"]))

    code, report = run("grids", "import", unit, "--level", "unit", "--accept", "the survey of 2026 is being mended")

    assert (code, report["state"], report["grids"]) == (0, "active", 2)
    assert asked(city, "SELECT accepted FROM grid_version ORDER BY version_id") == [
        "",
        "the survey of 2026 is being mended",
    ]


def test_a_dry_run_tells_and_keeps_nothing(city: str, tmp_path: Path) -> None:
    code, report = run("grids", "import", units(tmp_path, "u.geojson", 0, 1, 2), "--level", "unit", "--dry-run")

    assert (code, report["version_id"], report["state"]) == (0, None, "active")
    assert asked(city, "SELECT count(*) FROM grid_version") == [0]


def test_a_geopackage_in_gauss_kruger_with_headings_of_its_own_is_read(city: str, tmp_path: Path) -> None:
    file = tmp_path / "grids.gpkg"
    shapes = geometries_from_degrees("EPSG:4548", np.asarray([cell(0), cell(1)], dtype=object))
    pyogrio.raw.write(
        file, shapely.to_wkb(shapes), [np.asarray([f"{COMMUNITY}001", f"{COMMUNITY}002"], dtype=object)], ["WGDM"],
        geometry_type="Polygon", crs="EPSG:4548", driver="GPKG",
    )  # fmt: skip
    words = tmp_path / "mapping.yaml"
    words.write_text("columns: {code: WGDM}\n")

    code, report = run("grids", "import", str(file), "--level", "unit", "--mapping", str(words))

    assert (code, report["crs"], report["grids"], report["findings"]) == (0, "EPSG:4548", 2, [])
    assert asked(city, "SELECT bool_and(abs(ST_X(ST_Centroid(geom)) - 118.181) < 0.001) FROM unit_grid") == [True]


def test_unit_grids_are_held_against_the_communities_that_were_imported(city: str, tmp_path: Path) -> None:
    outlines = collection(
        tmp_path, "c.geojson",
        ({"code": COMMUNITY, "name": "一社区"}, cell(0, 2)), ({"code": "130203001002"}, cell(2, 2)),
    )  # fmt: skip
    assert run("grids", "import", outlines, "--level", "community")[1]["state"] == "active"

    code, report = run("grids", "import", units(tmp_path, "u.geojson", 0, 1, 2.5), "--level", "unit")

    assert (code, report["counts"]) == (1, {"outside_parent": 1})
    run("grids", "import", units(tmp_path, "u.geojson", 0, 1, 2), "--level", "unit")
    drawn = asked(city, "SELECT name_zh, ST_Area(geom) * 1e6 FROM area WHERE level = 'community' ORDER BY area_code")
    assert [(name, round(area, 3)) for name, area in drawn] == [("一社区", 2.0), ("130203001002", 2.0)]


def test_patrol_grids_are_held_against_the_unit_grids(city: str, tmp_path: Path) -> None:
    run("grids", "import", units(tmp_path, "u.geojson", 0, 1, 2, 3), "--level", "unit")

    code, report = run("grids", "import", patrols(tmp_path, "p.geojson", 0, 1.4, 2.6), "--level", "patrol")

    assert (code, report["counts"]) == (1, {"gap": 1, "cuts_grid": 2})


def test_a_redrawn_partition_moves_what_stands_in_it_and_says_what(gridded: str, tmp_path: Path) -> None:
    _, report = run("grids", "import", units(tmp_path, "new.geojson", 0, 1, 1.4, 3), "--level", "unit")
    version, moved = str(report["version_id"]), tmp_path / "moved.csv"
    assert report["state"] == "draft"
    expected = {
        "unit_grids_new": 2, "unit_grids_gone": 2, "unit_grids_kept": 1, "components": 2, "devices": 1, "incidents": 1,
        "outside": 0,
    }  # fmt: skip

    _, dry = run("grids", "activate", version, "--dry-run")
    assert {name: dry["moved"][name] for name in expected} == expected
    assert dry["period_id"] is None
    assert asked(gridded, "SELECT count(*) FROM unit_grid") == [3]

    _, done = run("grids", "activate", version, "--moves", str(moved))
    assert done["moved"] == dry["moved"]
    rows = list(csv.DictReader(moved.open(encoding="utf-8-sig")))
    assert [(row["kind"], row["from_unit_grid"][-3:], row["to_unit_grid"][-3:]) for row in rows] == [
        ("component", "002", "003"), ("component", "002", "003"), ("device", "002", "003"), ("incident", "002", "003"),
    ]  # fmt: skip
    held = "SELECT u.code FROM {} JOIN unit_grid u USING (unit_grid_id) WHERE u.state = 'valid' ORDER BY 1"
    assert [code[-3:] for code in asked(gridded, held.format("device"))] == ["001", "003", "003"]
    assert [code[-3:] for code in asked(gridded, held.format("component"))] == ["001", "003", "003", "003"]


def test_history_keeps_the_grid_of_its_time_and_open_cases_follow(gridded: str, tmp_path: Path) -> None:
    _, report = run("grids", "import", units(tmp_path, "new.geojson", 0, 1, 1.4, 3), "--level", "unit")
    run("grids", "activate", str(report["version_id"]))

    now_in = (
        "SELECT i.stage, right(u.code, 1), u.state FROM incident i JOIN unit_grid u USING (unit_grid_id) ORDER BY 1"
    )
    assert asked(gridded, now_in) == [("closed", "2", "void"), ("handling", "3", "valid")]
    told = asked(gridded, "SELECT detail->>'from_unit_grid', detail->>'to_unit_grid' FROM incident_event")
    assert told == [(f"{COMMUNITY}002", f"{COMMUNITY}003")]
    was = "SELECT right(u.code, 1) FROM component_version v JOIN unit_grid u USING (unit_grid_id) ORDER BY v.code"
    assert asked(gridded, was) == ["2", "3", "2"]


def test_a_rollback_brings_the_very_same_grids_back(gridded: str, tmp_path: Path) -> None:
    state = "SELECT unit_grid_id, code, patrol_grid_id, state FROM unit_grid WHERE state = 'valid' ORDER BY code"
    homes = "SELECT label, unit_grid_id FROM device ORDER BY 1"
    touched = "SELECT * FROM component_grid ORDER BY 1, 2"
    before = [asked(gridded, query) for query in (state, homes, touched)]
    _, report = run("grids", "import", units(tmp_path, "new.geojson", 0, 1.2, 1.4, 3), "--level", "unit")
    run("grids", "activate", str(report["version_id"]))
    assert [asked(gridded, query) for query in (state, homes)] != before[:2]

    code, back = run("grids", "rollback", "--level", "unit")

    assert (code, back["moved"]["unit_grids_new"]) == (0, 3)
    assert [asked(gridded, query) for query in (state, homes, touched)] == before


def test_the_grids_of_a_past_moment_can_be_asked_for(gridded: str, tmp_path: Path) -> None:
    (moment,) = asked(gridded, "SELECT clock_timestamp()")
    _, report = run("grids", "import", units(tmp_path, "new.geojson", 0, 3), "--level", "unit")
    run("grids", "activate", str(report["version_id"]))

    def at(*when: str) -> list[tuple[str, str]]:
        result = CliRunner().invoke(tree(), ["grids", "export", "--level", "unit", *when], catch_exceptions=False)
        return [(it["id"][-3:], it["properties"]["patrol_code"]) for it in json.loads(result.stdout)["features"]]

    assert at("--at", moment.isoformat()) == [("001", "P1"), ("002", "P1"), ("003", "P2")]
    assert at() == [("001", "P1")]
    listed = run("grids", "versions", "--level", "unit")[1]
    assert [(row["state"], row["periods"][0]["until"] is None) for row in listed] == [("active", True), ("past", False)]


def test_new_patrol_grids_hand_over_unit_grids_and_what_stands_there(gridded: str, tmp_path: Path) -> None:
    _, report = run("grids", "import", patrols(tmp_path, "new.geojson", 0, 1, 3), "--level", "patrol")

    _, done = run("grids", "activate", str(report["version_id"]))

    counted = {name: done["moved"][name] for name in ("unit_grids_kept", "components", "devices", "incidents")}
    assert counted == {"unit_grids_kept": 3, "components": 2, "devices": 1, "incidents": 1}
    patrol = "SELECT i.stage, p.code, p.state FROM incident i JOIN patrol_grid p USING (patrol_grid_id) ORDER BY 1"
    assert asked(gridded, patrol) == [("closed", "P1", "void"), ("handling", "P2", "valid")]


def test_a_line_belongs_to_every_grid_it_touches_however_it_is_changed(gridded: str) -> None:
    held = """
        SELECT right(u.code, 1), round(g.share::numeric, 2) FROM component_grid g JOIN unit_grid u USING (unit_grid_id)
        ORDER BY 1
    """
    shares = [(name, float(share)) for name, share in asked(gridded, held)]
    assert shares == [("1", 0.25), ("3", 0.25)]
    touched = "SELECT count(*), count(DISTINCT component_id) FROM component_in_grid"
    assert asked(gridded, touched) == [(6, 4)]

    with psycopg.connect(gridded) as conn:
        conn.execute(
            "UPDATE component SET geom = 'SRID=4326;LINESTRING(118.1812 39.6305, 118.1825 39.6305)'"
            " WHERE class_code = '0401'"
        )
    assert [name for name, _ in asked(gridded, held)] == ["3"]
    with psycopg.connect(gridded) as conn:
        conn.execute("DELETE FROM component WHERE class_code = '0401'")
    assert asked(gridded, held) == []


def test_a_case_that_was_on_its_way_while_grids_changed_opens_in_the_new_ones(gridded: str, tmp_path: Path) -> None:
    _, report = run("grids", "import", units(tmp_path, "new.geojson", 0, 1, 1.4, 3), "--level", "unit")
    run("grids", "activate", str(report["version_id"]))

    with psycopg.connect(gridded) as conn:
        conn.execute("""
            INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, unit_grid_id, district_code, origin,
                                  fired_ts, opened_at, evidence, geom)
            SELECT 'late', 'r', 'minor', '', '', 'reported', u.unit_grid_id, '130203', 0, now(), now(), '{}', d.geom
            FROM device d, unit_grid u WHERE d.label = 'MC-2' AND u.code LIKE '%2' AND u.state = 'void'
        """)
    late = """
        SELECT right(u.code, 1), u.state, i.patrol_grid_id = u.patrol_grid_id
        FROM incident i JOIN unit_grid u USING (unit_grid_id) WHERE cause = 'late'
    """
    assert asked(gridded, late) == [("3", "valid", True)]


def test_the_catalogue_is_printed_whole() -> None:
    code, classes = run("components", "classes")

    assert (code, len(classes)) == (0, 116)
