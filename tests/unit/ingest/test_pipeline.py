"""Steps 2 to 4: what is stored, what is refused, and why."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.fleet import Fleet
from core.origin import Origin
from core.quality import Quality
from devices.profile import shipped
from ingest import pipeline, quality
from ingest.directory import Directory, make
from ingest.message import Batch, RawMessage, Reason
from ingest.validate import Tolerance
from tests.builders import fleet

NOW_US = 1_800_000_000_000_000
NOW_MS = NOW_US // 1000
LIMITS = pipeline.Limits(payload_bytes=1000, tolerance=Tolerance(behind_us=365 * 86_400_000_000))


class EastIsGridTwo:
    """Points east of 118.19 degrees are in grid 2, the others in grid 1."""

    def locate(self, lon_deg: Any, lat_deg: Any) -> Any:
        return np.where(lon_deg > 118.19, 2, 1).astype(np.int32)


def city(devices: Fleet, accepts: bool = True) -> Directory:
    profiles = {name: shipped()[name] for name in devices.profiles}
    return make(devices, profiles, [accepts] * len(devices), EastIsGridTwo())


COVERS = city(fleet("manhole_cover", 3))
TOPIC = "citygrid/v1/130202/manhole/dev-1/telemetry"


def run(*messages: tuple[str, Any], directory: Directory = COVERS, newest_us: int = 0) -> Any:
    raw = [
        RawMessage(topic, body if isinstance(body, bytes) else json.dumps(body).encode(), None, False)
        for topic, body in messages
    ]
    batch = Batch(messages=raw, connection=1, backlog=0)
    memory = quality.Memory(newest_us=np.full(len(directory.fleet), newest_us, dtype=np.int64))
    passed = pipeline.run(batch, directory, memory, NOW_US, LIMITS)
    return passed.frames, passed.refusals


def reading(**changes: Any) -> dict[str, Any]:
    return {"ts": NOW_MS, "seq": 1, "values": {"tilt_deg": 3.5}} | changes


def test_a_reading_becomes_one_row_with_its_channels_in_the_profiles_order() -> None:
    (frame,), refusals = run((TOPIC, reading(values={"battery_pct": 90, "tilt_deg": 3.5}, origin="simulated")))

    assert refusals == []
    assert frame.profile == "manhole_cover"
    assert (frame.slot[0], frame.ts_us[0], frame.seq[0]) == (0, NOW_US, 1)
    assert frame.origin[0] == Origin.SIMULATED
    assert frame.column("tilt_deg")[0] == 3.5
    assert frame.column("battery_pct")[0] == 90
    assert np.isnan(frame.column("water_m")[0])


@pytest.mark.parametrize(
    "ts",
    ["2027-01-15T08:00:00Z", "2027-01-15T16:00:00+08:00", "2027-01-15T08:00:00.000000+00:00", NOW_MS],
)
def test_times_in_text_and_milliseconds_mean_the_same_instant(ts: str | int) -> None:
    (frame,), _ = run((TOPIC, reading(ts=ts)))

    assert frame.ts_us[0] == NOW_US


@pytest.mark.parametrize(
    ("topic", "body", "reason"),
    [
        ("citygrid/v1/130202/manhole/dev-1/status", reading(), Reason.UNKNOWN_TOPIC),
        ("citygrid/v1/130202/manhole/dev-9/telemetry", reading(), Reason.UNKNOWN_DEVICE),
        ("citygrid/v1/130203/manhole/dev-1/telemetry", reading(), Reason.WRONG_TOPIC),
        (TOPIC, b"x" * 1001, Reason.OVERSIZED),
        (TOPIC, b"{not json", Reason.MALFORMED),
        (TOPIC, b"\xff\xfe", Reason.MALFORMED),
        (TOPIC, b"", Reason.MALFORMED),
        (TOPIC, {"values": {"tilt_deg": 1}}, Reason.MALFORMED),
        (TOPIC, reading(values={"tilt": 1}), Reason.MALFORMED),
        (TOPIC, reading(values={"tilt_deg": "3"}), Reason.MALFORMED),
        (TOPIC, reading(origin="dreamt"), Reason.MALFORMED),
        (TOPIC, reading(seq=2**31), Reason.MALFORMED),
        (TOPIC, reading(ts="yesterday"), Reason.BAD_TIME),
        (TOPIC, reading(ts="2027-01-15T08:00:00"), Reason.BAD_TIME),
        (TOPIC, reading(ts=-1), Reason.BAD_TIME),
        (TOPIC, reading(ts=10**18), Reason.BAD_TIME),
        (TOPIC, reading(ts=NOW_MS + 301_000), Reason.FUTURE),
        (TOPIC, reading(ts=NOW_MS - 366 * 86_400_000), Reason.TOO_OLD),
        (TOPIC, reading(values={"tilt_deg": 181}), Reason.IMPOSSIBLE),
        (TOPIC, reading(values={"tilt_deg": None}), Reason.EMPTY),
        (TOPIC, reading(values={}), Reason.EMPTY),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_its_reason(topic: str, body: Any, reason: Reason) -> None:
    frames, (refusal,) = run((topic, body))

    assert frames == ()
    assert (refusal.message, refusal.reason) == (0, reason)


def test_good_messages_beside_a_bad_one_are_kept() -> None:
    (frame,), (refusal,) = run((TOPIC, reading()), (TOPIC, b"{"), (TOPIC, reading(seq=2)))

    assert frame.seq.tolist() == [1, 2]
    assert refusal.message == 1


def test_good_channels_beside_an_impossible_one_are_kept_and_flagged() -> None:
    (frame,), (refusal,) = run((TOPIC, reading(values={"tilt_deg": -1234, "water_m": 0.4})))

    assert np.isnan(frame.column("tilt_deg")[0])
    assert frame.column("water_m")[0] == 0.4
    assert frame.quality[0] == Quality.OUT_OF_RANGE
    assert refusal.detail == "tilt_deg = -1234 deg is outside 0 to 180"


def test_a_batch_message_keeps_its_good_items() -> None:
    (frame,), (refusal,) = run((TOPIC, [reading(seq=1), reading(seq=2, ts=-1), reading(seq=3)]))

    assert frame.seq.tolist() == [1, 3]
    assert (refusal.item, refusal.reason) == (1, Reason.BAD_TIME)


def test_a_gateway_reports_for_the_devices_of_its_district_only() -> None:
    directory = city(fleet(["manhole_cover", "camera"], district_code=["130202", "130203"]))
    items = [
        reading(device="dev-1"),
        {"ts": NOW_MS, "device": "dev-2", "values": {"online": True}},
        reading(device="dev-7"),
        reading(),
    ]

    (frame,), refusals = run(("citygrid/v1/130202/gateway/gw-1/telemetry", items), directory=directory)

    assert frame.slot.tolist() == [0]
    assert [(r.item, r.reason) for r in refusals] == [
        (1, Reason.WRONG_TOPIC),
        (2, Reason.UNKNOWN_DEVICE),
        (3, Reason.UNKNOWN_DEVICE),
    ]


def test_a_registered_gateway_reports_for_the_devices_listed_under_it_only() -> None:
    directory = replace(
        city(fleet(["manhole_cover", "manhole_cover"], district_code=["130202", "130202"])),
        behind_gateway={"gw-1": frozenset({"dev-1"}), "gw-2": frozenset()},
    )
    items = [reading(device="dev-1"), reading(device="dev-2")]

    kept, refused = [], []
    for gateway in ("gw-1", "gw-2"):
        frames, refusals = run((f"citygrid/v1/130202/gateway/{gateway}/telemetry", items), directory=directory)
        kept.append([frame.slot.tolist() for frame in frames])
        refused.append([(r.item, r.reason) for r in refusals])

    assert kept == [[[0]], []]
    assert refused == [[(1, Reason.WRONG_TOPIC)], [(0, Reason.WRONG_TOPIC), (1, Reason.WRONG_TOPIC)]]


def test_a_message_repeated_in_a_batch_is_one_row() -> None:
    (frame,), _ = run((TOPIC, reading()), (TOPIC, reading()))

    assert len(frame) == 1


def test_without_seq_equal_values_are_one_reading_and_other_values_another() -> None:
    bare = {"ts": NOW_MS, "values": {"tilt_deg": 1}}

    (frame,), _ = run((TOPIC, bare), (TOPIC, bare), (TOPIC, bare | {"values": {"water_m": 1}}))

    assert len(frame) == 2


def test_rows_of_a_device_ascend_in_time_whatever_their_order_of_arrival() -> None:
    (frame,), _ = run((TOPIC, reading(ts=NOW_MS)), (TOPIC, reading(ts=NOW_MS - 5000)))

    assert frame.ts_us.tolist() == [NOW_US - 5_000_000, NOW_US]


def test_a_sentinel_is_no_measurement_and_no_refusal() -> None:
    (frame,), refusals = run((TOPIC, reading(values={"tilt_deg": 65535, "water_m": 0.4})))

    assert refusals == []
    assert np.isnan(frame.column("tilt_deg")[0])
    assert (frame.column("water_m")[0], frame.quality[0]) == (0.4, Quality.SENTINEL)


def test_a_device_that_says_only_that_it_has_no_sensor_is_heard() -> None:
    (frame,), refusals = run((TOPIC, reading(values={"tilt_deg": -9999})))

    assert refusals == []
    assert np.isnan(frame.values).all()
    assert frame.quality[0] == Quality.SENTINEL


@pytest.mark.parametrize("ts", [0, 61_000, "2000-01-01T00:00:05Z", "2014-12-31T23:59:59Z"])
def test_a_message_of_a_clock_that_was_never_set_is_dated_by_its_arrival(ts: Any) -> None:
    (frame,), refusals = run((TOPIC, reading(ts=ts)))

    assert refusals == []
    assert (frame.ts_us[0], frame.quality[0]) == (NOW_US, Quality.CLOCK_UNSET | Quality.ARRIVAL_TIME)


def test_messages_of_a_clock_that_was_never_set_are_told_apart_by_what_it_said() -> None:
    (frame,), _ = run((TOPIC, reading(ts=1000)), (TOPIC, reading(ts=2000)), (TOPIC, reading(ts=1000)))

    assert len(frame) == 2


def test_a_refusal_names_the_device_only_when_it_lost_its_whole_message() -> None:
    _, refusals = run(
        (TOPIC, reading(values={"tilt_deg": -1234, "water_m": 0.4})),
        (TOPIC, reading(values={"tilt_deg": -1234})),
        (TOPIC, reading(ts=NOW_MS + 86_400_000)),
        (TOPIC, reading(ts=-1)),
        (TOPIC, b"{"),
        (TOPIC.replace("dev-1", "dev-9"), reading()),
    )

    assert sorted((r.message, r.slot) for r in refusals) == [(0, -1), (1, 0), (2, 0), (3, 0), (4, 0), (5, -1)]


def test_a_reading_older_than_the_newest_known_is_marked_late() -> None:
    (frame,), _ = run((TOPIC, reading(ts=NOW_MS - 5000)), (TOPIC, reading()), newest_us=NOW_US - 1)

    assert frame.quality.tolist() == [Quality.LATE | Quality.OUT_OF_ORDER, Quality.GOOD]


def test_a_clock_a_little_ahead_is_flagged() -> None:
    (frame,), _ = run((TOPIC, reading(ts=NOW_MS + 60_000)))

    assert frame.quality[0] == Quality.CLOCK_AHEAD


def test_a_retired_device_is_refused() -> None:
    frames, (refusal,) = run((TOPIC, reading()), directory=city(fleet("manhole_cover"), accepts=False))

    assert frames == ()
    assert refusal.reason == Reason.NOT_IN_SERVICE


def test_what_moves_is_located_by_its_reading_and_what_stands_by_the_registry() -> None:
    directory = city(fleet(["bus", "manhole_cover"]))
    bus = {"ts": NOW_MS, "values": {"lon_deg": 118.2, "lat_deg": 39.6}}

    frames, _ = run(
        ("citygrid/v1/130202/bus/dev-1/telemetry", bus),
        ("citygrid/v1/130202/manhole/dev-2/telemetry", reading()),
        directory=directory,
    )

    assert {frame.profile: frame.unit_grid_id.tolist() for frame in frames} == {"bus": [2], "manhole_cover": [0]}
