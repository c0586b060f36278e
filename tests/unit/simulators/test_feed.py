import hashlib
import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.errors import InvalidInput
from simulators.feed import TICK_MS, Feed, Message
from tests.unit.simulators.fleets import MIDNIGHT, NOON, PROFILES, Bench, messages, setup, small_roster

GOLDEN = Path(__file__).parents[2] / "golden" / "simulators" / "demo-seed-7.sha256"


def _digest(seconds: float, seed: int = 7) -> str:
    digest = hashlib.sha256()
    for message in messages(Feed(setup(seed=seed)), seconds):
        digest.update(message.topic.encode() + b"\n" + message.payload + b"\n")
    return digest.hexdigest()


def test_the_feed_of_a_seed_is_the_golden_one_byte_for_byte() -> None:
    assert _digest(120) == GOLDEN.read_text(encoding="ascii").strip()


def test_what_a_cut_off_device_kept_comes_later_on_the_backlog_lane_and_once() -> None:
    feed = Feed(setup("healthy", each=200))
    kept: list[Message] = []
    released: list[Message] = []
    while feed.elapsed_s < 200:
        tick = feed.advance()
        assert {m.device for m in tick.released} <= {m.device for m in tick.messages}
        kept, released = kept + tick.kept, released + tick.released

    left = feed.release()

    assert kept
    assert all(m.topic.endswith("/backlog") for m in kept)
    assert Counter(released + left) == Counter(kept)
    assert feed.release() == []


def test_a_faults_onset_is_an_alarm_and_nothing_else_is() -> None:
    feed = Feed(setup(per_minute=60))
    alarms: list[tuple[int, int]] = []
    onsets: list[tuple[int, int]] = []
    for number in range(120_000 // TICK_MS):
        tick = feed.advance()
        onsets += [(number, fault.device) for fault in tick.started if not fault.kind.silent]
        alarms += [(number, m.device) for m in tick.messages if m.topic.endswith("/alarm")]

    assert alarms
    assert sorted(alarms) == sorted(onsets)


def test_another_seed_gives_another_feed() -> None:
    assert _digest(10) != _digest(10, seed=8)


def test_a_device_counts_its_messages_without_gaps_or_repeats() -> None:
    good = [m for m in messages(Feed(setup()), 120) if not m.defect]

    by_device = {device: [m.seq for m in good if m.device == device] for device in {m.device for m in good}}

    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in by_device.values())


def test_no_identity_is_published_twice() -> None:
    counts = Counter((m.device, m.ts_ms, m.seq) for m in messages(Feed(setup(per_minute=60)), 120))

    assert counts.most_common(1)[0][1] == 1


def test_every_device_reports_at_its_interval_but_for_drop_outs() -> None:
    devices = small_roster()
    good = messages(Feed(setup("healthy")), 100)

    for device in range(len(devices)):
        stamps = [m.ts_ms for m in good if m.device == device]
        gaps_s = np.diff(stamps) / 1000
        assert set(np.round(gaps_s / devices.interval_s[device], 2)) <= {1.0, 2.0}


def test_the_load_is_even_over_a_second() -> None:
    feed = Feed(setup("healthy", each=500))
    messages(feed, 20)
    per_tick = [len(feed.advance().messages) for _ in range(1000 // TICK_MS * 10)]

    assert max(per_tick) < 5 * np.mean(per_tick)


def test_a_bus_moves_along_its_line_at_a_plausible_speed_in_its_bearing() -> None:
    good = [m for m in messages(Feed(setup("healthy")), 200) if m.topic.endswith("/BUS-0/telemetry")]
    bodies = [json.loads(m.payload)["values"] for m in good]

    for one, two in itertools.pairwise(bodies):
        north_m = (two["lat_deg"] - one["lat_deg"]) * 111_132
        east_m = (two["lon_deg"] - one["lon_deg"]) * 111_132 * np.cos(np.radians(one["lat_deg"]))
        assert np.hypot(north_m, east_m) <= 43.5 / 3.6 * 10 + 20
    assert {round(body["bearing_deg"]) for body in bodies} <= {90, 270, 0, 180, 67, 247}


def test_every_channel_is_within_the_profile_s_plausible_range() -> None:
    devices = small_roster()
    for start in (NOON, MIDNIGHT):
        for message in messages(Feed(setup(start=start, per_minute=60)), 120):
            if message.defect:
                continue
            values = json.loads(message.payload)["values"]
            ranges = {c.name: (c.min, c.max) for c in PROFILES[devices.profile[message.device]].channels}
            assert set(values) <= set(ranges)  # a device need not have every sensor of its type
            assert all(ranges[name][0] <= value <= ranges[name][1] for name, value in values.items())


def test_lamps_burn_at_midnight_and_not_at_noon() -> None:
    def burning(start: float) -> set[bool]:
        good = [m for m in messages(Feed(setup("healthy", start=start)), 30) if "/streetlight/" in m.topic]
        return {json.loads(m.payload)["values"]["power_w"] > 20 for m in good}

    assert burning(NOON) == {False}
    assert burning(MIDNIGHT) == {True}


@pytest.mark.parametrize("hour", range(0, 24, 6))
def test_a_healthy_fleet_trips_no_default_rule_at_any_hour(hour: int) -> None:
    start = NOON + hour * 3600

    fired = Bench(small_roster(30)).run(Feed(setup("healthy", start=start, each=30)), start, 90)

    assert fired == []


def test_switching_the_lamps_on_at_dusk_trips_no_rule() -> None:
    start = NOON + 7.85 * 3600  # the light falls below 20 lx within the quarter of an hour after 19:51

    fired = Bench(small_roster(3)).run(Feed(setup("healthy", start=start, each=3)), start, 900)

    assert fired == []


def _readings(feed: Feed, label: str, seconds: float) -> list[dict[str, float]]:
    until_s = feed.elapsed_s + seconds
    told: list[Message] = []
    while feed.elapsed_s < until_s:
        told += [m for m in feed.advance().messages if m.topic.split("/")[4] == label and not m.defect]
    return [json.loads(m.payload)["values"] for m in told]


def test_a_lamp_that_is_told_to_dim_shows_it_at_once_and_its_photocell_takes_over_again() -> None:
    feed = Feed(setup("healthy"))
    label = next(name for name in small_roster().label if name.startswith("STR"))

    feed.obey(label, "lamp_dim", {"dimming_pct": 40})
    told = _readings(feed, label, 1)
    feed.obey(label, "lamp_auto", {})
    free = _readings(feed, label, 1)

    assert (told[0]["commanded_on"], told[0]["dimming_pct"]) == (1, 40)
    assert told[0]["power_w"] > 10
    assert free[0]["dimming_pct"] != 40


def test_a_device_that_is_told_to_report_seldom_does() -> None:
    feed = Feed(setup("healthy"))
    label = small_roster().label[0]
    often = len(_readings(feed, label, 60))

    feed.obey(label, "set_interval", {"interval_s": 600})

    assert often > 0
    assert _readings(feed, label, 590) == []


def test_what_is_not_simulated_is_refused() -> None:
    feed = Feed(setup("healthy"))
    cover = next(name for name in small_roster().label if name.startswith("MAN"))

    with pytest.raises(InvalidInput, match="not simulated"):
        feed.obey(cover, "lamp_on", {})
    with pytest.raises(InvalidInput, match="no device"):
        feed.obey("NOBODY", "lamp_on", {})
