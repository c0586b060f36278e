"""LoRaWAN devices in the pipeline: found by devEUI, read by their own codec, in our channels' units."""

import json
from typing import Any

import numpy as np
import pytest

from devices.profile import shipped
from ingest import pipeline, quality
from ingest.directory import Directory, Spoken, make
from ingest.message import Batch, RawMessage, Reason
from ingest.validate import Tolerance
from tests.builders import fleet

NOW_US = 1_800_000_000_000_000
TIME = "2027-01-15T07:59:58.775023242+00:00"
LIMITS = pipeline.Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=365 * 86_400_000_000))
LEVEL, TILT, BARE = "24e124713d111111", "24e124713d222222", "24e124713d333333"


def city() -> Directory:
    devices = fleet("manhole_cover", 4)
    spoken = [
        Spoken(0, "chirpstack", LEVEL, "milesight_em500_swl"),
        Spoken(1, "things_stack", TILT, "milesight_em320_tilt"),
        Spoken(2, "chirpstack", BARE, ""),
    ]
    return make(devices, {"manhole_cover": shipped()["manhole_cover"]}, [True] * 4, None, spoken)


def run(topic: str, body: dict[str, Any]) -> Any:
    directory = city()
    raw = RawMessage(topic, json.dumps(body).encode(), None, False)
    memory = quality.Memory(newest_us=np.zeros(len(directory.fleet), dtype=np.int64))
    batch = Batch(messages=[raw], connection=1, backlog=0)
    return pipeline.run(batch, directory, memory, NOW_US, LIMITS)


def chirpstack(dev_eui: str, **up: Any) -> Any:
    body = {"deviceInfo": {"devEui": dev_eui}, "time": TIME, "fPort": 85} | up
    return run(f"application/app/device/{dev_eui}/event/up", body)


def refusals(passed: Any) -> list[tuple[Reason, str]]:
    return [(refusal.reason, refusal.detail) for refusal in passed.refusals]


def test_centimetres_of_a_level_sensor_become_metres_of_our_channel() -> None:
    passed = chirpstack(LEVEL, fCnt=17, data="AXVkA3fIAA==")  # 01 75 64 | 03 77 c8 00: 100 %, 200 cm

    (frame,) = passed.frames
    assert (frame.slot[0], frame.ts_us[0], frame.seq[0]) == (0, NOW_US - 1_224_977, 17)
    assert (frame.column("water_m")[0], frame.column("battery_pct")[0]) == (2.0, 100.0)
    assert np.isnan(frame.column("tilt_deg")[0])


def test_a_decoded_object_needs_no_codec() -> None:
    passed = chirpstack(BARE, object={"tilt_deg": 12.5, "temperature": -3, "firmware": 7})

    (frame,) = passed.frames
    assert (frame.column("tilt_deg")[0], frame.column("temperature_degc")[0]) == (12.5, -3.0)
    assert passed.unmapped == {"chirpstack": 1}


def test_the_things_stack_finds_its_own_devices_only() -> None:
    up = {"f_port": 85, "f_cnt": 3, "frm_payload": "A9QAAAEAUEY=", "received_at": TIME}
    body = {"end_device_ids": {"device_id": "mc", "dev_eui": TILT.upper()}, "uplink_message": up}

    (frame,) = run("v3/covers@tangshan/devices/mc/up", body).frames

    assert (frame.slot[0], frame.column("tilt_deg")[0]) == (1, 0.0)
    assert refusals(chirpstack(TILT, data="A9QAAAEAUEY=")) == [
        (Reason.UNKNOWN_DEVICE, f"{TILT} is not registered as chirpstack")
    ]


@pytest.mark.parametrize(
    ("dev_eui", "data", "reason", "words"),
    [
        (LEVEL, "AXVkA3fI", Reason.MALFORMED, "0175640377c8: byte 5: 2 bytes wanted, 1 left"),
        (BARE, "AXVk", Reason.UNKNOWN_QUANTITY, "017564: the device has no codec registered for its bytes"),
    ],
)
def test_bytes_that_cannot_be_read_are_refused_and_shown(dev_eui: str, data: str, reason: Reason, words: str) -> None:
    passed = chirpstack(dev_eui, data=data)

    assert list(passed.frames) == []
    assert refusals(passed) == [(reason, words)]


def test_what_a_device_says_of_itself_is_neither_stored_nor_refused() -> None:
    passed = chirpstack(LEVEL, data="/wv//wEB")  # ff 0b ff | ff 01 01: switched on, protocol version

    assert (list(passed.frames), passed.refusals) == ([], [])


def test_an_object_of_unknown_quantities_is_refused_with_their_names() -> None:
    passed = chirpstack(BARE, object={"snow_cm": 3})

    assert refusals(passed) == [(Reason.UNKNOWN_QUANTITY, "manhole_cover measures none of: snow_cm")]
