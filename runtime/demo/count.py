"""Counts what a run lost or doubled: the simulators' ledger against what the database holds. Nothing is assumed.

Lost: sent good but not in `reading` (a fact: in `event`), or sent bad but not in `dead_letter`. Duplicated: rows of the
run's devices and time in these tables beyond one for each good message sent (a bad message's measurable part may be
stored too, once).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from simulators.ledger import BadSent, Sent, Window

MAKE_SENT = """
CREATE TEMPORARY TABLE IF NOT EXISTS sent (ts timestamptz, device_id int, seq int, is_bad boolean)
"""
EMPTY_SENT = "TRUNCATE sent"
FILL_SENT = """
INSERT INTO sent (ts, device_id, seq, is_bad)
SELECT timestamptz 'epoch' + ts_ms * interval '1 millisecond', device_id, seq, is_bad
FROM unnest(%(ts_ms)s::bigint[], %(device_id)s::int[], %(seq)s::int[], %(is_bad)s::boolean[])
     AS s (ts_ms, device_id, seq, is_bad)
"""
ANALYZE_SENT = "ANALYZE sent"
COMPARE = """
WITH stored AS MATERIALIZED (
    SELECT device_id, ts, seq, count(*) AS copies
    FROM reading
    WHERE ts >= timestamptz 'epoch' + %(from_ms)s * interval '1 millisecond'
      AND ts < timestamptz 'epoch' + %(to_ms)s * interval '1 millisecond'
      AND device_id = ANY(%(fleet)s)
    GROUP BY device_id, ts, seq
), matched AS (
    SELECT sent.is_bad, stored.copies
    FROM sent LEFT JOIN stored USING (device_id, ts, seq)
)
SELECT (SELECT coalesce(sum(copies), 0) FROM stored)::bigint,
       (SELECT count(*) FROM matched WHERE copies IS NOT NULL AND NOT is_bad),
       (SELECT count(*) FROM matched WHERE copies IS NULL AND NOT is_bad),
       (SELECT count(*) FROM matched WHERE copies IS NOT NULL AND is_bad)
"""
# A simulated fact's seq is its own in the whole run, so that (device, ts, seq) names it without its kind.
COMPARE_FACTS = """
WITH stored AS MATERIALIZED (
    SELECT device_id, ts, seq
    FROM event
    WHERE ts >= timestamptz 'epoch' + %(from_ms)s * interval '1 millisecond'
      AND ts < timestamptz 'epoch' + %(to_ms)s * interval '1 millisecond'
      AND device_id = ANY(%(fleet)s)
)
SELECT (SELECT count(*) FROM stored),
       (SELECT count(*) FROM sent WHERE (device_id, ts, seq) IN (SELECT device_id, ts, seq FROM stored))
"""
FIND_LETTERS = """
SELECT count(*)
FROM unnest(%(topic)s::text[], %(head)s::bytea[]) AS s (topic, head)
WHERE EXISTS (
    SELECT FROM dead_letter AS d
    WHERE d.topic = s.topic AND d.last_seen >= timestamptz 'epoch' + %(from_ms)s * interval '1 millisecond'
      AND substring(d.payload FROM 1 FOR octet_length(s.head)) = s.head
)
"""
DEVICE_IDS = "SELECT label, device_id FROM device WHERE label = ANY(%(label)s)"


WINDOWS_RECHECKED = 10
"""A window that still misses messages after ten more have come is taken as it is: they are lost (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What became of messages; counts add up."""

    sent: int = 0
    stored: int = 0
    """Rows in `reading` and `event`, every one."""
    lost: int = 0
    duplicated: int = 0
    bad_sent: int = 0
    dead_letters: int = 0
    unacknowledged: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            sent=self.sent + other.sent,
            stored=self.stored + other.stored,
            lost=self.lost + other.lost,
            duplicated=self.duplicated + other.duplicated,
            bad_sent=self.bad_sent + other.bad_sent,
            dead_letters=self.dead_letters + other.dead_letters,
            unacknowledged=self.unacknowledged + other.unacknowledged,
        )


@dataclass(slots=True, kw_only=True)
class Counter:
    """Counts windows once they are whole; keeps those that still miss something for a later look."""

    since_ms: int
    """Start of the run: what is older is somebody else's."""
    device_ids: NDArray[np.int32]
    """Key of each simulated device, in the roster's order."""
    settled: Count = field(default_factory=Count)
    _waiting: list[Window] = field(default_factory=list[Window])

    def add(self, windows: list[Window]) -> None:
        """Take windows over, to be counted at the next `check`."""
        self._waiting += windows

    def check(self, conn: Connection) -> Count:
        """Count the windows that are not settled; give the sum over the whole run so far.

        An exception leaves settled what was settled; the rest is counted by the next call.
        """
        still: list[tuple[Window, Count]] = []
        for window in tuple(self._waiting):
            count = count_window(conn, window, self.device_ids, self.since_ms)
            if count.lost:
                still.append((window, count))
            else:
                self._settle(window, count)
        while len(still) > WINDOWS_RECHECKED:
            self._settle(*still.pop(0))
        return sum((count for _, count in still), self.settled)

    def _settle(self, window: Window, count: Count) -> None:
        self.settled += count
        self._waiting.remove(window)
        window.delete()


def device_ids(conn: Connection, labels: tuple[str, ...]) -> NDArray[np.int32]:
    """Give the key of each labelled device, -1 for one that is not registered."""
    known: Mapping[str, int] = dict(conn.execute(DEVICE_IDS, {"label": list(labels)}).fetchall())
    return np.array([known.get(label, -1) for label in labels], dtype=np.int32)


def count_window(conn: Connection, window: Window, fleet: NDArray[np.int32], since_ms: int) -> Count:
    """Compare one window of the ledger with the database."""
    good, bad = window.good(), window.bad()
    span = {"from_ms": max(window.from_ms, since_ms), "to_ms": window.to_ms}
    conn.execute(MAKE_SENT)
    conn.execute(EMPTY_SENT)
    conn.execute(FILL_SENT, _columns(good["ts_ms"], fleet[good["device"]], good["seq"], is_bad=False))
    bad_devices = np.array([row.device for row in bad], dtype=np.intp)
    bad_ts = np.array([row.ts_ms for row in bad], dtype=np.int64)
    bad_seq = np.array([row.seq for row in bad], dtype=np.int64)
    conn.execute(FILL_SENT, _columns(bad_ts, fleet[bad_devices], bad_seq, is_bad=True))
    conn.execute(ANALYZE_SENT)
    row = conn.execute(COMPARE, {**span, "fleet": fleet.tolist()}).fetchone()
    assert row is not None
    rows, found, missing, of_bad = row
    letters = _letters(conn, bad, span["from_ms"])
    facts = window.facts()
    fact_rows, facts_found = _facts(conn, facts, fleet, span)
    conn.commit()
    return Count(
        sent=len(good) + len(facts),
        stored=rows + fact_rows,
        lost=missing + len(facts) - facts_found + len(bad) - letters,
        duplicated=rows - found - of_bad + fact_rows - facts_found,
        bad_sent=len(bad),
        dead_letters=letters,
        unacknowledged=window.unacknowledged,
    )


def _facts(conn: Connection, facts: Sent, fleet: NDArray[np.int32], span: Mapping[str, int]) -> tuple[int, int]:
    """Give how many facts are stored in the span, and how many of those that were sent."""
    conn.execute(EMPTY_SENT)
    conn.execute(FILL_SENT, _columns(facts["ts_ms"], fleet[facts["device"]], facts["seq"], is_bad=False))
    row = conn.execute(COMPARE_FACTS, {**span, "fleet": fleet.tolist()}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _columns(
    ts_ms: NDArray[np.int64], device_id: NDArray[np.int32], seq: NDArray[np.int64], *, is_bad: bool
) -> dict[str, list[int] | list[bool]]:
    return {
        "ts_ms": ts_ms.tolist(),
        "device_id": device_id.tolist(),
        "seq": seq.tolist(),
        "is_bad": [is_bad] * len(ts_ms),
    }


def _letters(conn: Connection, bad: list[BadSent], from_ms: int) -> int:
    """Give how many of the bad messages are dead letters."""
    if not bad:
        return 0
    row = conn.execute(
        FIND_LETTERS,
        {"topic": [b.topic for b in bad], "head": [bytes.fromhex(b.head_hex) for b in bad], "from_ms": from_ms},
    ).fetchone()
    assert row is not None
    return int(row[0])
