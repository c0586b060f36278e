"""Stored readings come back in the order they were received, as columns, whatever they lack."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest

from storage import history

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
INSERT = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def us(seconds: float) -> int:
    return int(at(seconds).timestamp() * 1_000_000)


def read(conn: psycopg.Connection, start_s: float, end_s: float) -> list[history.Slice]:
    history.prepare(conn)
    return [piece for piece in history.slices(conn, at(start_s), at(end_s)) if len(piece)]


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def store(conn: psycopg.Connection, *rows: tuple[float, int, float, Sequence[float | None]]) -> None:
    """Rows of (seconds of its own time, device, seconds of arrival, values)."""
    for number, (ts_s, device, received_s, values) in enumerate(rows):
        conn.execute(INSERT, (at(ts_s), device, number, at(received_s), 2, 1, 7, values))


def test_readings_come_in_the_order_they_were_received(conn: psycopg.Connection) -> None:
    store(conn, (5, 1, 6, [1.0]), (1, 2, 9, [2.0]), (3, 3, 6, [3.0]), (-90_000, 4, 7, [4.0]))

    (piece,) = read(conn, 0, 60)

    assert piece.device_id.tolist() == [3, 1, 4, 2]
    assert piece.values[:, 0].tolist() == [3.0, 1.0, 4.0, 2.0]
    assert piece.received_at.tolist() == [us(6), us(6), us(7), us(9)]
    assert piece.ts.tolist() == [us(3), us(5), us(-90_000), us(1)]


def test_what_was_not_measured_and_channels_added_later_are_nan(conn: psycopg.Connection) -> None:
    store(
        conn, (1, 1, 1, [1.0, None, 3.0]), (2, 1, 2, [None, 2.0, 3.0]), (3, 1, 3, [9.0]), (4, 1, 4, [None, None, 3.0])
    )

    (piece,) = read(conn, 0, 60)

    nan = float("nan")
    expected = [[1.0, nan, 3.0], [nan, 2.0, 3.0], [9.0, nan, nan], [nan, nan, 3.0]]
    np.testing.assert_array_equal(piece.values, expected)
    assert (piece.quality.tolist(), piece.origin.tolist(), piece.unit_grid_id.tolist()) == ([2] * 4, [1] * 4, [7] * 4)
    assert piece.seq.tolist() == [0, 1, 2, 3]


def test_the_end_of_the_span_does_not_belong_to_it(conn: psycopg.Connection) -> None:
    store(conn, (0, 1, 0, [1.0]), (10, 1, 10, [2.0]), (-5, 1, -5, [0.0]))

    (piece,) = read(conn, 0, 10)

    assert piece.values.tolist() == [[1.0]]


def test_slices_follow_one_another_and_leave_nothing_out(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "TARGET_ROWS", 5)
    store(conn, *((n, n % 3, n, [float(n)]) for n in range(100)))

    history.prepare(conn)
    pieces = list(history.slices(conn, at(0), at(100)))

    assert [piece.start for piece in pieces[1:]] == [piece.end for piece in pieces[:-1]]
    assert np.concatenate([piece.values[:, 0] for piece in pieces if len(piece)]).tolist() == list(range(100))
    assert max(len(piece) for piece in pieces[2:]) < 20


def test_a_span_without_readings_is_empty(conn: psycopg.Connection) -> None:
    assert read(conn, 0, 86_400) == []


def test_a_failing_query_is_an_error(conn: psycopg.Connection) -> None:
    conn.execute("DROP TABLE reading CASCADE")

    with pytest.raises(psycopg.errors.UndefinedTable):
        read(conn, 0, 10)
