"""Each doubt is flagged when its rule says so, and not otherwise; what is remembered is the last believable value."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.quality import Quality
from devices.profile import Channel
from ingest import quality
from ingest.quality import Memory
from tests.builders import START_US, frame

JUMP, RESET, DISORDER, GOOD = Quality.SUSPECT_JUMP, Quality.COUNTER_RESET, Quality.OUT_OF_ORDER, Quality.GOOD


def channel(name: str, **rules: Any) -> Channel:
    return Channel(name=name, unit="1", min=-1e6, max=1e6, name_zh="", name_en="", **rules)


CHANNELS = (channel("level", max_step_per_s=1.0), channel("count", counter=True), channel("free"))
CHECKS = quality.checks(CHANNELS)
Row = tuple[int, float, Mapping[str, float]]


def flags(*messages: Sequence[Row], memory: Memory | None = None) -> list[int]:
    """Mark messages of rows (slot, second, values) in one batch; the flags in the order of the rows given."""
    rows = [row for message in messages for row in message]
    numbers = [number for number, message in enumerate(messages) for _ in message]
    made = frame("made_up", rows, channels=[c.name for c in CHANNELS])
    order = np.lexsort((made.seq, made.slot, made.ts_us))
    ordered = replace(made, message=np.array(numbers, dtype=np.int32)).take(order)
    memory = memory or Memory()
    memory.make_room(10)
    changes = quality.mark(ordered, CHECKS, memory)
    quality.commit(memory, [ordered], changes)
    return ordered.quality[np.argsort(order)].tolist()


def level(*readings: tuple[float, float], slot: int = 0) -> list[list[Row]]:
    """One message a reading (second, value)."""
    return [[(slot, second, {"level": value})] for second, value in readings]


def test_a_change_no_faster_than_allowed_is_believed() -> None:
    assert flags(*level((0, 5.0), (10, 15.0), (20, 5.0))) == [GOOD, GOOD, GOOD]


def test_a_spike_is_flagged_and_what_follows_is_held_against_what_stood_before_it() -> None:
    assert flags(*level((0, 5.0), (10, 500.0), (20, 6.0))) == [GOOD, JUMP, GOOD]


def test_a_step_that_lasts_is_believed_once_it_has_had_the_time() -> None:
    assert flags(*level((0, 0.0), (10, 25.0), (20, 25.0), (30, 25.0))) == [GOOD, JUMP, JUMP, GOOD]


def test_two_readings_of_one_instant_are_held_a_second_apart() -> None:
    assert flags(*level((0, 0.0), (0, 1.0), (0, 2.5))) == [GOOD, GOOD, JUMP]


def test_a_channel_that_was_not_measured_in_between_is_held_against_its_last_value() -> None:
    silent: list[Row] = [(0, 5, {"free": 1.0})]

    assert flags(*level((0, 0.0)), silent, *level((10, 100.0))) == [GOOD, GOOD, JUMP]


def test_devices_are_not_held_against_each_other() -> None:
    assert flags(*level((0, 0.0)), *level((1, 100.0), slot=1), *level((2, 0.5))) == [GOOD, GOOD, GOOD]


def test_a_counter_that_falls_began_anew_and_goes_on_from_there() -> None:
    counted: list[list[Row]] = [[(0, float(second), {"count": value})] for second, value in enumerate([7, 9, 2, 3, 3])]

    assert flags(*counted) == [GOOD, GOOD, RESET, GOOD, GOOD]


def test_a_counter_with_a_fastest_change_knows_a_jump_from_a_reset() -> None:
    checks = quality.checks([channel("count", counter=True, max_step_per_s=1.0)])
    made = frame("made_up", [(0, s, {"count": v}) for s, v in ((0, 10.0), (10, 90.0), (20, 12.0), (30, 1.0))])
    memory = Memory(newest_us=np.zeros(1, np.int64))

    quality.mark(made, checks, memory)

    assert made.quality.tolist() == [GOOD, JUMP, GOOD, RESET]


def test_a_reading_overtaken_by_a_later_one_is_out_of_order_and_proves_no_jump() -> None:
    assert flags(*level((10, 0.0), (5, 100.0), (20, 1.0))) == [GOOD, DISORDER, GOOD]


def test_the_items_of_one_message_are_in_no_order() -> None:
    assert flags([(0, 10, {"level": 1.0}), (0, 5, {"level": 0.0})]) == [GOOD, GOOD]


def test_messages_of_one_instant_are_in_no_order() -> None:
    assert flags(*level((5, 1.0), (5, 0.5), (6, 1.0), (6, 1.5), (5, 1.0))) == [GOOD, GOOD, GOOD, GOOD, DISORDER]


def test_nothing_is_remembered_before_the_commit() -> None:
    memory = Memory(newest_us=np.zeros(1, np.int64))
    first = frame("made_up", [(0, 0, {"level": 0.0})], channels=[c.name for c in CHANNELS])
    quality.mark(first, CHECKS, memory)

    again = frame("made_up", [(0, 1, {"level": 500.0})], channels=[c.name for c in CHANNELS])
    quality.mark(again, CHECKS, memory)

    assert again.quality.tolist() == [GOOD]


def test_a_batch_delivered_again_is_flagged_no_more_than_before_and_changes_nothing() -> None:
    memory = Memory()
    first = flags(*level((0, 0.0), (10, 5.0)), memory=memory)
    held = memory.of("made_up", "level").copy()

    flags(*level((0, 0.0), (10, 5.0)), memory=memory)

    assert first == [GOOD, GOOD]
    assert memory.of("made_up", "level").tolist() == held.tolist()
    assert memory.newest_us[0] == START_US + 10_000_000


def test_memory_grows_with_the_fleet_and_forgets_nothing() -> None:
    memory = Memory()
    flags(*level((0, 0.0)), memory=memory)
    memory.make_room(1000)

    assert flags(*level((10, 500.0)), *level((10, 500.0), slot=9), memory=memory) == [JUMP, GOOD]


@pytest.mark.parametrize("value", [-9999.0, 0.0])
def test_sentinels_become_nan_where_they_are_sentinels(value: float) -> None:
    prepared = quality.checks([channel("a", sentinels=(-9999.0, 0.0)), channel("b")])
    values = np.array([[value, value], [1.0, value]])

    touched = quality.blank_sentinels(values, prepared)

    assert touched.tolist() == [True, False]
    np.testing.assert_array_equal(values, [[np.nan, value], [1.0, value]])
