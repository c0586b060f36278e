"""Readings leave the database as they went in: as a CSV file, and as a table of quantiles."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from typer.testing import CliRunner

from cli import readings
from core.errors import InvalidInput, NotFound
from storage import export
from tests import small_city

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STORE = """
INSERT INTO profile_channel VALUES
    ('camera', 1, 'online', '1', '在线', 'online'), ('camera', 2, 'loss', '1', '丢包', 'loss');
INSERT INTO device (label, profile, district_code, state, interval_s, registered_at, registered_by, geom)
SELECT 'CAM-' || n, 'camera', '130203', 'in_service', 10, now(), 'test', ST_SetSRID(ST_MakePoint(118, 39), 4326)
FROM generate_series(1, 2) AS n;
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
SELECT %(now)s::timestamptz - make_interval(mins => n), d.device_id, n, now(), 0, 1, 0, ARRAY[1, NULLIF(n, 3)]
FROM generate_series(1, 5) AS n, device d;
"""


@pytest.fixture
def city(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    small_city.build(database)
    with psycopg.ClientCursor(conn := psycopg.connect(database)) as cursor:
        cursor.execute(STORE, {"now": NOW})
        conn.commit()
    conn.close()
    monkeypatch.setenv("CITYGRID_DATABASE_URL", database)
    return database


def command(*arguments: str) -> str:
    result = CliRunner().invoke(readings.app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_export_holds_every_reading_of_the_span_in_the_citys_time(city: str, tmp_path: Path) -> None:
    file = tmp_path / "cameras.csv.gz"
    command("export", str(file), "--profile", "camera", "--from", "2026-11-22T11:56:00Z", "--to", NOW.isoformat())

    table = pd.read_csv(file)

    assert list(table.columns) == ["ts", "device", "origin", "quality", "online", "loss"]
    assert len(table) == 8
    assert table["ts"][0] == "2026-11-22 19:56:00+08:00"
    assert table["loss"].isna().sum() == 2
    assert set(table["origin"]) == {"simulated"}


def test_a_large_export_comes_in_pieces(city: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PIECE_ROWS", 3)
    span = export.Span(profile="camera", label="CAM-1", start=NOW - timedelta(hours=1), end=NOW)
    with psycopg.connect(city) as conn:
        pieces = list(export.pieces(conn, span, "UTC"))

    assert [len(piece) for piece in pieces] == [3, 2]
    assert pd.concat(pieces)["device"].unique().tolist() == ["CAM-1"]


def test_a_description_gives_the_quantiles_of_each_channel(city: str) -> None:
    told = json.loads(
        command("describe", "--profile", "camera", "--from", "2026-11-22T00:00:00Z", "--to", NOW.isoformat(), "--json")
    )

    assert told["loss"]["count"] == 8
    assert (told["loss"]["min"], told["loss"]["50%"], told["loss"]["max"]) == (1, 3, 5)


def test_an_unknown_profile_names_the_known_ones(city: str) -> None:
    with psycopg.connect(city) as conn, pytest.raises(NotFound, match="known: camera"):
        export.channels(conn, "toaster")


@pytest.mark.parametrize("text", ["yesterday", "2026-11-22T08:00:00", "5 minutes"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="write 24h"):
        readings.instant(text, NOW)
