"""What a batch leaves for the roll-ups: each bucket it touched, with each device once."""

import numpy as np

from core.origin import Origin
from core.quality import Quality
from storage import marks
from tests.builders import START_US, fleet, frame

FLEET = fleet(count=4, first_id=11)


def marked(*frames, received_us: int = START_US):
    return [
        (mark.bucket_us - START_US, mark.device_ids.tolist(), mark.messages)
        for mark in marks.of(frames, FLEET, received_us)
    ]


def test_a_device_is_named_once_however_often_it_reported():
    rows = frame("manhole_cover", [(0, 0, {}), (2, 1, {}), (0, 2, {})])

    assert marked(rows) == [(0, [11, 13], 3)]


def test_each_bucket_gets_its_mark_in_order_of_time():
    rows = frame("manhole_cover", [(1, 301, {}), (0, 0, {}), (2, -1, {}), (0, 299, {})])

    assert marked(rows) == [(-300_000_000, [13], 1), (0, [11], 2), (300_000_000, [12], 1)]


def test_frames_of_several_profiles_share_a_mark():
    assert marked(frame("a", [(0, 0, {})]), frame("b", [(3, 0, {})])) == [(0, [11, 14], 2)]


def test_no_rows_leave_no_marks():
    assert marked() == []
    assert marked(frame("a", []).take(np.zeros(0, dtype=bool))) == []


def test_lag_leaves_out_what_is_late_or_replayed():
    on_time = frame("a", [(0, 0, {}), (1, 1, {})])
    late = frame("a", [(2, 0, {})], quality=Quality.LATE)
    replayed = frame("a", [(3, 0, {})], origin=Origin.REPLAYED)

    (mark,) = marks.of([on_time, late, replayed], FLEET, START_US + 3_000_000)

    assert (mark.messages, mark.late, mark.lag_sum_s, mark.lag_max_s) == (4, 1, 5.0, 3.0)
