"""Counts of components by unit grid, and the names search knows: right after any kind of write."""

import math
from typing import Any

import psycopg
import pytest

from tests import small_city

KEPT = (
    "SELECT unit_grid_id, components, broken FROM grid_tally WHERE components > 0 OR broken > 0 ORDER BY unit_grid_id"
)
COUNTED = """
SELECT unit_grid_id, count(*)::int, (count(*) FILTER (WHERE state IN ('damaged', 'missing')))::int
FROM component WHERE unit_grid_id IS NOT NULL GROUP BY unit_grid_id ORDER BY unit_grid_id
"""
UNKNOWN = "SELECT DISTINCT name FROM component WHERE name <> '' EXCEPT SELECT name FROM component_name"
ROW = """
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom)
VALUES (%(code)s, 'test', '0137', '130203', %(name)s, %(state)s, %(grid)s, 'test',
        ST_SetSRID(ST_MakePoint(118.181, 39.64), 4326))
ON CONFLICT (code) DO UPDATE
SET name = EXCLUDED.name, state = EXCLUDED.state, unit_grid_id = EXCLUDED.unit_grid_id
"""


@pytest.fixture
def conn(database: str):
    small_city.build(database)
    with psycopg.connect(database) as conn:
        yield conn


def agrees(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Give the tally, which must be what counting gives; no name may be unknown to search."""
    kept = conn.execute(KEPT).fetchall()
    assert kept == conn.execute(COUNTED).fetchall()
    assert conn.execute(UNKNOWN).fetchall() == []
    return kept


def put(conn: psycopg.Connection, number: int, *, grid: int | None, name: str = "路灯", state: str = "intact") -> None:
    conn.execute(ROW, {"code": f"1302030137{number:06d}", "name": name, "state": state, "grid": grid})


def test_what_is_loaded_is_tallied(conn: psycopg.Connection):
    assert agrees(conn) == [(1, 10, 0), (2, 10, 0), (3, 10, 0), (4, 10, 0)]


def test_new_changed_moved_and_removed_components_move_the_tally(conn: psycopg.Connection):
    put(conn, 1, grid=1, state="missing")
    assert agrees(conn)[0] == (1, 11, 1)
    put(conn, 1, grid=1, state="intact", name="路灯甲")
    assert agrees(conn)[0] == (1, 11, 0)
    put(conn, 1, grid=2, state="damaged")
    assert agrees(conn)[:2] == [(1, 10, 0), (2, 11, 1)]
    put(conn, 1, grid=None)
    assert agrees(conn)[:2] == [(1, 10, 0), (2, 10, 0)]
    put(conn, 1, grid=3)
    conn.execute("DELETE FROM component WHERE code = '1302030137000001' OR unit_grid_id = 4")
    assert agrees(conn) == [(1, 10, 0), (2, 10, 0), (3, 10, 0)]


def test_a_re_gridding_and_a_mass_change_are_one_statement_each(conn: psycopg.Connection):
    conn.execute("UPDATE component SET unit_grid_id = 1 + (unit_grid_id + 1) % 3, state = 'damaged'")
    assert agrees(conn) == [(1, 10, 10), (2, 10, 10), (3, 20, 20)]
    conn.execute("UPDATE component SET note = 'seen'")
    assert agrees(conn) == [(1, 10, 10), (2, 10, 10), (3, 20, 20)]


def test_a_copy_is_a_write_too(conn: psycopg.Connection):
    columns = "code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom"
    with conn.cursor() as cursor, cursor.copy(f"COPY component ({columns}) FROM STDIN") as copy:
        copy.write("1302030137000009\ttest\t0137\t130203\t路灯乙\tmissing\t2\ttest\tSRID=4326;POINT(118.181 39.64)\n")
    assert agrees(conn)[1] == (2, 11, 1)


def test_what_is_rolled_back_was_never_counted(conn: psycopg.Connection):
    conn.commit()
    put(conn, 1, grid=1)
    conn.rollback()
    assert agrees(conn)[0] == (1, 10, 0)


def test_the_middle_of_a_grid_follows_its_outline(conn: psycopg.Connection):
    conn.execute("UPDATE unit_grid SET geom = ST_Translate(geom, 0, 0.01) WHERE unit_grid_id = 1")
    row = conn.execute("SELECT middle_x >> 8, middle_y >> 8 FROM unit_grid WHERE unit_grid_id = 1").fetchone()

    y = (1 - math.asinh(math.tan(math.radians(39.65))) / math.pi) / 2
    assert row == (int((118.1825 + 180) / 360 * 2**14), int(y * 2**14))
