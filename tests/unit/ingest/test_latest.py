"""What is newest is written down in slices, nothing is forgotten, and what is on record is never claimed too early."""

import numpy as np
import pytest

from core.frame import Frame
from core.quality import Quality
from ingest import latest
from ingest.latest import BUSY_US, IDLE_US, Newest, Unwritten
from tests.builders import START_US, frame

SECOND_US = 1_000_000


def reading(slot: int, ts_us: int, value: float = 1.0, quality: int = 0) -> Frame:
    return frame("manhole_cover", [(slot, 0, {"tilt_deg": value})], quality=Quality(quality), start_us=ts_us)


def write_all(unwritten: Unwritten, now_us: int) -> list[Newest]:
    written: list[Newest] = []
    while (due := unwritten.due(now_us, busy=False)) is not None:
        unwritten.written(due, unwritten.kept_with(due, now_us))
        written.append(due)
    return written


def test_only_the_newest_reading_of_a_device_is_written() -> None:
    unwritten = Unwritten(kept_us=START_US)
    unwritten.note([reading(3, START_US, 1.0)], START_US)
    unwritten.note([reading(3, START_US + 1, 2.0)], START_US + 5)

    (only,) = write_all(unwritten, START_US + IDLE_US)

    assert only.frame.slot.tolist() == [3]
    assert only.frame.column("tilt_deg").tolist() == [2.0]
    assert only.received_us.tolist() == [START_US + 5]


def test_a_late_reading_is_not_the_newest() -> None:
    unwritten = Unwritten(kept_us=START_US)
    unwritten.note([reading(3, START_US, 1.0), reading(3, START_US - 9, 7.0, int(Quality.LATE))], START_US)

    (only,) = write_all(unwritten, START_US + IDLE_US)

    assert only.frame.column("tilt_deg").tolist() == [1.0]


def test_under_load_it_waits_longer_than_at_rest() -> None:
    unwritten = Unwritten(kept_us=START_US)
    unwritten.note([reading(1, START_US)], START_US)
    first = unwritten.due(START_US + IDLE_US, busy=False)
    assert first is not None
    unwritten.written(first, unwritten.kept_with(first, START_US + IDLE_US))
    unwritten.note([reading(1, START_US + 1)], START_US + IDLE_US)
    later = START_US + 3 * IDLE_US

    assert unwritten.due(later, busy=True) is None
    assert unwritten.due(later + BUSY_US, busy=True) is not None
    assert unwritten.due(later, busy=False) is not None


def test_what_is_due_stays_due_until_it_was_committed() -> None:
    unwritten = Unwritten(kept_us=START_US)
    unwritten.note([reading(1, START_US)], START_US)

    once, twice = (unwritten.due(START_US + IDLE_US, busy=False) for _ in range(2))

    assert once is twice is not None


def test_a_slice_is_bounded_and_only_the_last_moves_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "SLICE_ROWS", 2)
    unwritten = Unwritten(kept_us=START_US)
    unwritten.note([reading(slot, START_US) for slot in range(3)], START_US)
    now_us = START_US + SECOND_US

    first = unwritten.due(now_us, busy=False)
    assert first is not None
    assert (len(first), unwritten.kept_with(first, now_us)) == (2, START_US)
    unwritten.written(first, START_US)
    second = unwritten.due(now_us, busy=False)
    assert second is not None
    assert (len(second), unwritten.kept_with(second, now_us)) == (1, now_us)


def test_what_arrives_while_slices_are_written_is_not_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "SLICE_ROWS", 1)
    unwritten = Unwritten(kept_us=START_US)
    unwritten.note([reading(slot, START_US) for slot in range(2)], START_US)
    cut_us = START_US + SECOND_US
    first = unwritten.due(cut_us, busy=False)
    unwritten.written(first, unwritten.kept_with(first, cut_us))
    unwritten.note([reading(0, START_US + 7)], cut_us + 10)

    second = unwritten.due(cut_us + 20, busy=False)

    assert unwritten.kept_with(second, cut_us + 20) == cut_us


def test_a_clock_set_back_takes_the_record_back_with_it() -> None:
    unwritten = Unwritten(kept_us=START_US)
    back_us = START_US - 3600 * SECOND_US

    assert unwritten.kept_with(None, back_us) == back_us
    unwritten.written(None, back_us)
    unwritten.note([reading(1, START_US)], back_us)
    due = unwritten.due(back_us + 1, busy=False)
    assert due is not None
    assert unwritten.kept_with(due, back_us + 1) <= back_us + 1


def test_the_rest_is_all_that_was_not_written() -> None:
    unwritten = Unwritten(kept_us=START_US)
    unwritten.note([reading(1, START_US)], START_US)
    unwritten.due(START_US + IDLE_US, busy=False)
    unwritten.note([reading(2, START_US)], START_US + IDLE_US)

    slots = np.concatenate([part.frame.slot for part in unwritten.rest()])

    assert slots.tolist() == [1, 2]


def test_memory_is_bounded_by_the_fleet_not_by_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "COMPACT_ROWS", 10)
    unwritten = Unwritten(kept_us=START_US)
    for n in range(100):
        unwritten.note([reading(n % 3, START_US + n)], START_US)

    assert sum(len(part) for part in unwritten.rest()) == 3
