"""The independent checker (a program): the ledgers of what was published against what the database holds.

It knows every message that was sent and imports nothing of the code under test: plain SQL on two tables. A message
the broker acknowledged must be in `reading` exactly once, with the device and value it was sent with, or, when it was
bad on purpose, in `dead_letter` exactly once. A message that was never acknowledged may be there, once. Nothing else
may be.
"""

import argparse
import io
import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg

from tests.chaos.ledger import ACKNOWLEDGED_MS, MADE_MS, Ledger, Numbers, device, hundredths, is_bad

READINGS = """
COPY (SELECT r.seq, substr(d.label, 4)::int, (extract(epoch FROM r.ts) * 1000)::bigint,
             round((r."values"[1] - 11) * 100)::int
      FROM reading r JOIN device d USING (device_id)
      WHERE r.seq >= {first} AND r.seq < {upto} AND r.ts >= to_timestamp({since}) AND d.label LIKE 'MC-%') TO STDOUT CSV
"""
LETTERS = "SELECT payload, seen FROM dead_letter"
SEQUENCE = re.compile(rb'"seq":(\d+)')
COLUMNS = ["number", "device", "made_ms", "hundredths"]
EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the messages of one ledger."""

    sent: int
    acknowledged: int
    stored: int
    dead_lettered: int
    lost: int
    """Acknowledged by the broker and nowhere."""
    doubled: int
    """Copies too many."""
    unexplained: int
    """Stored though never sent, or in the wrong place: a good message among the dead letters, a bad one stored."""
    altered: int
    """Stored under another device, time or value."""
    lost_numbers: list[int]
    misplaced_numbers: list[int]


def check(database: str, ledger: Ledger) -> Verdict:
    """Compare one ledger with the database."""
    count = ledger.made()
    numbers: Numbers = np.arange(ledger.first, ledger.first + count)
    made_ms = ledger.rows[:count, MADE_MS]
    acknowledged = ledger.rows[:count, ACKNOWLEDGED_MS] > 0
    upto = _end(ledger)
    with psycopg.connect(database) as conn:
        stored = _readings(conn, ledger.first, upto, since_s=int(made_ms.min(initial=0) // 1000) - 1)
        letters = _letters(conn, ledger.first, upto)
    known = stored[stored.number < ledger.first + count]
    place = known.number.to_numpy() - ledger.first
    right = (
        (known.device.to_numpy() == device(numbers, ledger.devices)[place])
        & (known.made_ms.to_numpy() == made_ms[place])
        & (known.hundredths.to_numpy() == hundredths(numbers)[place])
    )
    in_readings = np.bincount(place, minlength=count)
    in_letters = np.bincount(letters[letters < ledger.first + count] - ledger.first, minlength=count)
    bad = is_bad(numbers)
    misplaced = numbers[np.where(bad, in_readings, in_letters) > 0]
    lost = numbers[acknowledged & (in_readings + in_letters == 0)]
    strangers = int(
        np.count_nonzero(stored.number >= ledger.first + count) + np.count_nonzero(letters >= ledger.first + count)
    )
    return Verdict(
        sent=count,
        acknowledged=int(np.count_nonzero(acknowledged)),
        stored=len(stored),
        dead_lettered=len(letters),
        lost=len(lost),
        doubled=int(np.maximum(in_readings - 1, 0).sum() + np.maximum(in_letters - 1, 0).sum()),
        unexplained=len(misplaced) + strangers,
        altered=int(np.count_nonzero(~right)),
        lost_numbers=lost[:EXAMPLES].tolist(),
        misplaced_numbers=misplaced[:EXAMPLES].tolist(),
    )


def _end(ledger: Ledger) -> int:
    """Numbers up to here belong to this ledger: each has a range of its own."""
    return ledger.first + len(ledger.rows)


def _readings(conn: psycopg.Connection, first: int, upto: int, since_s: int) -> pd.DataFrame:
    text = io.BytesIO()
    with conn.cursor().copy(READINGS.format(first=first, upto=upto, since=since_s).encode()) as copy:
        for block in copy:
            text.write(block)
    text.seek(0)
    return pd.read_csv(text, names=COLUMNS, dtype=np.int64)


def _letters(conn: psycopg.Connection, first: int, upto: int) -> Numbers:
    found = (SEQUENCE.search(payload) for payload, _ in conn.execute(LETTERS))
    numbers = np.array([int(match[1]) for match in found if match], dtype=np.int64)
    return numbers[(numbers >= first) & (numbers < upto)]


def main() -> int:
    """Print one line of JSON a ledger; 0 when nothing is lost, doubled, unexplained or altered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("ledgers", type=Path, nargs="+")
    options = parser.parse_args()
    verdicts = [check(options.database, Ledger.open(path)) for path in options.ledgers]
    for verdict in verdicts:
        print(json.dumps(asdict(verdict)))
    return int(any(one.lost or one.doubled or one.unexplained or one.altered for one in verdicts))


if __name__ == "__main__":
    sys.exit(main())
