"""Laws of the decoder: whatever the bytes, every message ends as rows or as refusals, and nothing is raised."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.profile import shipped
from ingest import pipeline, quality
from ingest.directory import make
from ingest.message import Batch, RawMessage
from ingest.validate import Tolerance
from tests.builders import fleet
from wire import native_v1

NOW_US = 1_800_000_000_000_000
LIMITS = pipeline.Limits(payload_bytes=2000, tolerance=Tolerance(behind_us=365 * 86_400_000_000))
FLEET = fleet(["manhole_cover", "bus"])
DIRECTORY = make(FLEET, {name: shipped()[name] for name in FLEET.profiles}, [True, True], None)
TOPICS = [
    "citygrid/v1/130202/manhole/dev-1/telemetry",
    "citygrid/v1/130202/bus/dev-2/telemetry",
    "citygrid/v1/130202/gateway/gw/telemetry",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
channels = st.sampled_from(["tilt_deg", "water_m", "lon_deg", "lat_deg", "off_route_m", "nonsense"])
items = st.fixed_dictionaries(
    {},
    optional={
        "ts": st.integers(NOW_US // 1000 - 10_000, NOW_US // 1000) | scalars,
        "seq": st.integers(-5, 2**40) | scalars,
        "origin": st.sampled_from(["live", "simulated", "x"]) | scalars,
        "device": st.sampled_from(["dev-1", "dev-2", "dev-3"]) | scalars,
        "values": st.dictionaries(channels, st.floats(-10, 200) | scalars, max_size=6) | scalars,
    },
)
payloads = st.binary(max_size=200) | (items | st.lists(items, max_size=4)).map(lambda body: json.dumps(body).encode())


def run(messages: list[tuple[str, bytes]]) -> Any:
    batch = Batch(messages=[RawMessage(t, p, None, False) for t, p in messages], connection=1, backlog=0)
    passed = pipeline.run(batch, DIRECTORY, quality.Memory(), NOW_US, LIMITS)
    return passed.frames, passed.refusals


messages = st.tuples(st.sampled_from(TOPICS) | st.text(max_size=30), payloads)


@given(messages)
def test_a_message_ends_as_rows_or_as_refusals_and_never_as_nothing(message: tuple[str, bytes]) -> None:
    frames, refusals = run([message])

    is_empty_list = message[0] in TOPICS and message[1].strip() == b"[]"
    assert frames or refusals or is_empty_list


@given(st.lists(messages, max_size=8))
def test_rows_ascend_in_time_and_hold_only_finite_numbers(several: list[tuple[str, bytes]]) -> None:
    frames, _ = run(several)

    for frame in frames:
        assert (np.diff(frame.ts_us) >= 0).all()
        assert np.isfinite(frame.values[~np.isnan(frame.values)]).all()


@given(
    st.integers(1_500_000_000_000, NOW_US // 1000),
    st.integers(0, 2**31 - 1),
    st.sampled_from(["live", "simulated", "replayed"]),
    st.dictionaries(st.sampled_from(["tilt_deg", "water_m", "battery_pct"]), st.floats(0, 10), min_size=1),
)
def test_what_is_encoded_is_decoded_alike(ts_ms: int, seq: int, origin: str, values: dict[str, float]) -> None:
    wide = pipeline.Limits(payload_bytes=2000, tolerance=Tolerance(behind_us=NOW_US))
    message = RawMessage(TOPICS[0], native_v1.encode(ts_ms, seq, origin, values), None, False)
    batch = Batch(messages=[message], connection=1, backlog=0)

    passed = pipeline.run(batch, DIRECTORY, quality.Memory(), NOW_US, wide)
    (frame,) = passed.frames

    assert passed.refusals == []
    assert (frame.ts_us[0], frame.seq[0], frame.origin[0]) == (ts_ms * 1000, seq, native_v1.ORIGINS[origin])
    assert {name: frame.column(name)[0] for name in values} == values
