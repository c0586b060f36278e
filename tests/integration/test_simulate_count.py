"""The counting of lost and doubled messages, against a real database: it must find what is wrong."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg import Connection

from runtime.demo.count import Count, Counter
from simulators.feed import Message
from simulators.ledger import WINDOW_MS, Ledger

pytestmark = pytest.mark.services

START_MS = 1_795_320_000_000
STORE = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
VALUES (timestamptz 'epoch' + %s * interval '1 millisecond', %s, %s, now(), 0, 1, 0, '{1}')
"""
LETTER = """
INSERT INTO dead_letter (digest, topic, reason, detail, payload, truncated, first_seen, last_seen, seen)
VALUES (%s, %s, 'malformed', '', %s, false, now(), now(), 1)
"""
FACT = """
INSERT INTO event (ts, device_id, kind, seq, received_at, quality, origin, unit_grid_id, detail)
VALUES (timestamptz 'epoch' + %s * interval '1 millisecond', %s, 'vehicle', %s, now(), 0, 1, 0, '{}')
"""
FLEET = np.array([11, 12], dtype=np.int32)


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with psycopg.connect(database) as conn:
        yield conn


def _good(count: int) -> list[Message]:
    return [Message("t", b"", n % 2, START_MS + n * 10, n, "") for n in range(count)]


def _facts(count: int) -> list[Message]:
    return [Message("t", b"", n % 2, START_MS + n * 10, n, "", "vehicle") for n in range(count)]


def _bad(number: int) -> Message:
    payload = b'{"ts":%d,"seq":%d,"values":' % (START_MS, number) + b" " * 500
    return Message(f"t/{number}", payload, 0, START_MS, number, "malformed")


def _store(conn: Connection, messages: list[Message]) -> None:
    for message in messages:
        conn.execute(STORE, (message.ts_ms, int(FLEET[message.device]), message.seq))


def _counted(conn: Connection, folder: Path, sent: list[Message]) -> Count:
    ledger = Ledger(folder)
    ledger.accept(sent)
    for message in sent:
        ledger.sent(message)
    counter = Counter(since_ms=START_MS, device_ids=FLEET)
    counter.add(ledger.close())
    return counter.check(conn)


def test_what_is_stored_once_is_neither_lost_nor_doubled(conn: Connection, tmp_path: Path) -> None:
    _store(conn, _good(50))

    assert _counted(conn, tmp_path, _good(50)) == Count(sent=50, stored=50)


def test_a_missing_row_is_lost(conn: Connection, tmp_path: Path) -> None:
    _store(conn, _good(50)[1:])

    assert _counted(conn, tmp_path, _good(50)) == Count(sent=50, stored=49, lost=1)


def test_a_row_that_was_never_sent_is_a_double(conn: Connection, tmp_path: Path) -> None:
    _store(conn, _good(51))

    assert _counted(conn, tmp_path, _good(50)) == Count(sent=50, stored=51, duplicated=1)


def test_an_identity_stored_twice_is_a_double(conn: Connection, tmp_path: Path) -> None:
    conn.execute("DROP INDEX reading_identity")
    _store(conn, [*_good(50), _good(1)[0]])

    assert _counted(conn, tmp_path, _good(50)) == Count(sent=50, stored=51, duplicated=1)


def test_other_devices_and_times_are_nobody_s_business(conn: Connection, tmp_path: Path) -> None:
    _store(conn, _good(10))
    conn.execute(STORE, (START_MS, 99, 1))
    conn.execute(STORE, (START_MS - 1, 11, 1))

    assert _counted(conn, tmp_path, _good(10)) == Count(sent=10, stored=10)


def test_a_bad_message_must_be_a_dead_letter(conn: Connection, tmp_path: Path) -> None:
    conn.execute(LETTER, (b"1", "t/1", _bad(1).payload))

    assert _counted(conn, tmp_path, [_bad(1), _bad(2)]) == Count(bad_sent=2, dead_letters=1, lost=1)


def test_the_measurable_part_of_a_bad_message_may_be_stored(conn: Connection, tmp_path: Path) -> None:
    conn.execute(LETTER, (b"1", "t/1", _bad(1).payload))
    _store(conn, [_bad(1)])

    assert _counted(conn, tmp_path, [_bad(1)]) == Count(bad_sent=1, dead_letters=1, stored=1)


def test_complete_windows_are_counted_and_deleted_as_the_run_goes_on(conn: Connection, tmp_path: Path) -> None:
    first = Message("t", b"", 0, START_MS, 1, "")
    second = Message("t", b"", 0, START_MS + WINDOW_MS, 2, "")
    ledger, counter = Ledger(tmp_path), Counter(since_ms=START_MS, device_ids=FLEET)
    ledger.accept([first, second])
    assert ledger.take_complete() == []
    ledger.sent(first)

    counter.add(ledger.take_complete())
    missing = counter.check(conn)
    _store(conn, [first])
    found = counter.check(conn)

    assert (missing, found) == (Count(sent=1, lost=1), Count(sent=1, stored=1))
    assert list(tmp_path.iterdir()) == []


def test_facts_are_looked_for_where_facts_are_stored(conn: Connection, tmp_path: Path) -> None:
    _store(conn, _good(3))
    for fact in _facts(5)[1:]:
        conn.execute(FACT, (fact.ts_ms, int(FLEET[fact.device]), fact.seq))
    conn.execute(FACT, (START_MS, 11, 99))

    counted = _counted(conn, tmp_path, [*_good(3), *_facts(5)])

    assert counted == Count(sent=8, stored=8, lost=1, duplicated=1)
