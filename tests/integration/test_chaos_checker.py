"""The checker of `make chaos` finds what is wrong, of each kind."""

from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from tests import small_city
from tests.chaos.checker import Verdict, check
from tests.chaos.ledger import ACKNOWLEDGED_MS, MADE_MS, Ledger, device, hundredths, is_bad

FIRST, COUNT, DEVICES = 100_000_000, 200, 5
MADE = 1_763_784_000_000
REGISTER = """
INSERT INTO device (label, profile, district_code, unit_grid_id, state, interval_s, registered_at, registered_by, geom)
SELECT 'MC-' || lpad(n::text, 6, '0'), 'manhole_cover', '130203', 1, 'in_service', 3600, now(), 'test',
       ST_SetSRID(ST_MakePoint(118.18, 39.64), 4326)
FROM generate_series(1, 5) AS n
"""
STORE = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
SELECT to_timestamp(%(made_ms)s / 1000.0), device_id, %(number)s, now(), 0, 0, 1, ARRAY[%(tilt)s]
FROM device WHERE label = %(label)s
"""
SET_ASIDE = """
INSERT INTO dead_letter (digest, topic, reason, detail, payload, truncated, first_seen, last_seen, seen)
VALUES (%(digest)s, 't', 'malformed', '', %(payload)s, false, now(), now(), 1)
"""


class Town:
    """A database that holds exactly what a ledger says, until told otherwise."""

    def __init__(self, database: str, ledger: Ledger) -> None:
        self.database, self.ledger = database, ledger
        with psycopg.connect(database) as conn:
            conn.execute(REGISTER)
            for number in range(FIRST, FIRST + COUNT):
                self.store(conn, number)

    def store(self, conn: psycopg.Connection, number: int, **other: Any) -> None:
        one = np.array([number])
        if is_bad(one)[0]:
            payload = f'{{"ts":x,"seq":{number}}}'.encode()
            conn.execute(SET_ASIDE, {"digest": str(number).encode(), "payload": payload} | other)
            return
        label = f"MC-{device(one, DEVICES)[0]:06d}"
        tilt = 11 + float(hundredths(one)[0]) / 100
        made_ms = MADE + number - FIRST
        conn.execute(STORE, {"made_ms": made_ms, "number": number, "tilt": tilt, "label": label} | other)

    def change(self, statement: str) -> None:
        with psycopg.connect(self.database) as conn:
            conn.execute(statement.encode())

    def verdict(self) -> Verdict:
        return check(self.database, self.ledger)

    def faults(self) -> tuple[int, int, int, int]:
        found = self.verdict()
        return found.lost, found.doubled, found.unexplained, found.altered


@pytest.fixture
def town(database: str, tmp_path: Path) -> Town:
    small_city.build(database)
    ledger = Ledger.create(tmp_path / "ledger.npy", FIRST, DEVICES)
    ledger.rows[:COUNT, MADE_MS] = MADE + np.arange(COUNT)
    ledger.rows[:COUNT, ACKNOWLEDGED_MS] = MADE + 1000
    return Town(database, ledger)


def test_what_is_there_exactly_once_is_in_order(town: Town) -> None:
    found = town.verdict()

    assert (found.sent, found.acknowledged, found.stored, found.dead_lettered) == (200, 200, 198, 2)
    assert town.faults() == (0, 0, 0, 0)


def test_an_acknowledged_message_that_is_nowhere_is_lost(town: Town) -> None:
    town.change(f"DELETE FROM reading WHERE seq = {FIRST + 7}")
    town.change("DELETE FROM dead_letter")

    assert town.faults() == (3, 0, 0, 0)
    assert town.verdict().lost_numbers[0] == FIRST + 7


def test_what_was_never_acknowledged_may_be_missing(town: Town) -> None:
    town.ledger.rows[7, ACKNOWLEDGED_MS] = 0
    town.change(f"DELETE FROM reading WHERE seq = {FIRST + 7}")

    assert town.faults() == (0, 0, 0, 0)


def test_a_message_stored_under_a_second_date_is_doubled_and_altered(town: Town) -> None:
    with psycopg.connect(town.database) as conn:
        town.store(conn, FIRST + 7, made_ms=MADE + 5000)

    assert town.faults() == (0, 1, 0, 1)


def test_a_reading_under_another_device_is_altered(town: Town) -> None:
    town.change(f"UPDATE reading SET device_id = device_id % 5 + 1 WHERE seq = {FIRST + 7}")

    assert town.faults() == (0, 0, 0, 1)


def test_another_value_is_altered(town: Town) -> None:
    town.change(f'UPDATE reading SET "values" = ARRAY[99.5] WHERE seq = {FIRST + 7}')

    assert town.faults() == (0, 0, 0, 1)


def test_a_reading_nobody_sent_is_unexplained(town: Town) -> None:
    with psycopg.connect(town.database) as conn:
        town.store(conn, FIRST + COUNT)

    assert town.faults() == (0, 0, 1, 0)


def test_a_good_message_among_the_dead_letters_is_unexplained(town: Town) -> None:
    town.change(f"DELETE FROM reading WHERE seq = {FIRST + 7}")
    with psycopg.connect(town.database) as conn:
        conn.execute(SET_ASIDE, {"digest": b"x", "payload": f'{{"seq":{FIRST + 7}}}'.encode()})

    assert town.faults() == (0, 0, 1, 0)
