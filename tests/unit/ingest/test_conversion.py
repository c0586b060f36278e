"""A type that is sent in another unit: every road into the frame gives the channel's own unit."""

import json

import numpy as np
import pytest

from devices.profile import parse
from ingest import pipeline, quality
from ingest.directory import make
from ingest.message import Batch, RawMessage
from ingest.validate import Tolerance
from tests.builders import START_US, fleet
from tests.unit.devices.test_types import WELL

LIMITS = pipeline.Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=86_400_000_000))
DIRECTORY = make(fleet("well"), {"well": parse(WELL, "well.toml")}, [True], None)
OWN = "citygrid/v1/130202/well/dev-1/"
SAID = {"ts": START_US // 1000, "values": {"depth_m": 400}}


def depths(topic: str, body: object) -> list[float]:
    message = RawMessage(topic=topic, payload=json.dumps(body).encode(), packet_id=None, redelivered=False)
    batch = Batch(messages=[message], connection=1, backlog=0)
    memory = quality.Memory(newest_us=np.zeros(1, dtype=np.int64))
    passed = pipeline.run(batch, DIRECTORY, memory, START_US, LIMITS)
    assert passed.refusals == []
    return [value for frame in passed.frames for value in frame.values[:, 0].round(6).tolist()]


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        (OWN + "telemetry", SAID),
        (OWN + "telemetry", [SAID]),
        ("citygrid/v1/130202/gateway/GW-1/telemetry", {**SAID, "device": "dev-1"}),
        (OWN + "senml", [{"bn": "dev-1/", "bt": START_US / 1e6, "n": "depth_m", "v": 400}]),
        (OWN + "senml", [{"bn": "dev-1/", "bt": START_US / 1e6, "n": "depth_m", "v": 1.8, "u": "m"}]),
    ],
    ids=["own", "list", "gateway", "senml without a unit", "senml with one"],
)
def test_half_centimetres_above_a_zero_become_metres_unless_the_message_says_its_unit(topic: str, body: object) -> None:
    assert depths(topic, body) == [1.8]


def test_a_sentinel_is_one_as_it_is_sent_and_what_is_not_measured_stays_so() -> None:
    assert np.isnan(depths(OWN + "telemetry", {**SAID, "values": {"depth_m": 65535}})).all()
