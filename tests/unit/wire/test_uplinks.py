"""Codecs of LoRaWAN payloads: what the makers' bytes measure, and which byte is at fault when they do not."""

import pytest

from core.errors import InvalidInput
from core.units import conversion
from devices.profile import shipped
from wire.record import Measured, Uplink
from wire.uplinks import CODECS, decode

CHANNELS = {channel.name: channel.unit for profile in shipped().values() for channel in profile.channels}


def read(codec: str, data: str) -> dict[str, tuple[float, str]]:
    measured = decode(codec, Uplink(port=85, data=bytes.fromhex(data)))
    return {one.name: (one.value, one.unit) for one in measured}


@pytest.mark.parametrize(
    ("codec", "data", "expected"),
    [
        pytest.param(
            "milesight_em320_tilt",
            "01 75 64 03 D4 0000 0100 5046",
            {"battery_pct": (100.0, "%"), "tilt_deg": (0.0, "deg")},
            id="a flat cover's z axis stands at 90 degrees, flags set",
        ),
        pytest.param(
            "milesight_em320_tilt",
            "03 D4 2823 0000 2923",
            {"tilt_deg": (45.0, "deg")},
            id="a displaced cover, z at 45 degrees with its flag",
        ),
        pytest.param("milesight_em320_tilt", "03 D4 0000 0000 B0B9", {"tilt_deg": (180.0, "deg")}, id="upside down"),
        pytest.param(
            "milesight_em500_swl",
            "01 75 64 03 77 02 00",
            {"battery_pct": (100.0, "%"), "water_m": (2.0, "cm")},
            id="water",
        ),
        pytest.param(
            "milesight_em400_mud",
            "01 75 5C 03 67 01 01 04 82 44 08 05 00 01",
            {
                "battery_pct": (92.0, "%"),
                "temperature_degc": (25.7, "degC"),
                "distance_m": (2116.0, "mm"),
                "tipped": (1.0, ""),
            },
            id="distance",
        ),
        pytest.param(
            "milesight_em400_mud",
            "83 67 E8 00 01 84 82 41 06 01",
            {"temperature_degc": (23.2, "degC"), "distance_m": (1601.0, "mm")},
            id="alarms carry the same readings",
        ),
        pytest.param("milesight_em400_mud", "03 67 F6 FF", {"temperature_degc": (-1.0, "degC")}, id="below zero"),
        pytest.param(
            "milesight_em400_mud",
            "FF 0B FF FF 01 01 FF 16 67 49 D1 90 54 69 00 31 FF 09 01 10 FF 0A 01 01 FF 0F 00 FF FF 01 00",
            {},
            id="what a device says of itself after a join measures nothing",
        ),
        pytest.param(
            "cayenne_lpp",
            "03 67 01 10 05 67 00 FF",
            {"temperature_degc": (27.2, "degC"), "temperature_5": (25.5, "degC")},
            id="the first temperature is the device's",
        ),
        pytest.param(
            "cayenne_lpp",
            "01 88 06 76 5F F2 96 0A 00 03 E8",
            {"lat_deg": (42.3519, "deg"), "lon_deg": (-87.9094, "deg"), "altitude_1": (10.0, "m")},
            id="position",
        ),
        pytest.param(
            "cayenne_lpp",
            "06 71 04 D2 FB 2E 00 00 02 65 00 64 01 00 01 03 02 FF 9C",
            {
                "acceleration_x_6": (1.234, ""),
                "acceleration_y_6": (-1.234, ""),
                "acceleration_z_6": (0.0, ""),
                "daylight_lux": (100.0, "lx"),
                "digital_input_1": (1.0, ""),
                "analog_input_3": (-1.0, ""),
            },
            id="types without a channel of ours keep their own name",
        ),
    ],
)
def test_bytes_measure_what_their_maker_says(codec: str, data: str, expected: dict[str, tuple[float, str]]) -> None:
    assert read(codec, data) == expected


@pytest.mark.parametrize(
    ("codec", "data", "words"),
    [
        ("milesight_em500_swl", "", "no bytes"),
        ("milesight_em500_swl", "01 75 64 03", "byte 3: a channel without a type"),
        ("milesight_em500_swl", "01 75 64 03 77 02", "byte 5: 2 bytes wanted, 1 left"),
        ("milesight_em500_swl", "01 75 64 03 D4 00 00", "byte 3: the device has no channel 0x03 of type 0xd4"),
        ("milesight_em500_swl", "20 CE 9E 74 46 63 02 00", "byte 0: stored readings are not read"),
        ("milesight_em400_mud", "05 00 02", "byte 2: a position is 0 or 1, not 2"),
        ("milesight_em320_tilt", "03 D4 0000 0000 0080", "byte 2: an axis stands -90 to 90 degrees"),
        ("cayenne_lpp", "03 67 01", "byte 2: 2 bytes wanted, 1 left"),
        ("cayenne_lpp", "03 67 01 10 03", "byte 4: a channel without a type"),
        ("cayenne_lpp", "03 C8 01", "byte 1: Cayenne LPP has no type 200"),
        ("cayenne_lpp", "", "no bytes"),
        ("morse", "00", "no uplink codec 'morse'"),
        ("", "00", "no codec registered"),
    ],
)
def test_bytes_that_cannot_be_read_are_refused_with_their_position(codec: str, data: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read(codec, data)


@pytest.mark.parametrize("codec", CODECS)
def test_what_a_codec_gives_are_channels_of_our_profiles(codec: str) -> None:
    assert CODECS[codec].gives <= set(CHANNELS)


@pytest.mark.parametrize(
    "one", [Measured(name="water_m", value=2.0, unit="cm"), Measured(name="tilt_deg", value=1.0, unit="deg")]
)
def test_units_of_codecs_turn_into_the_channels_units(one: Measured) -> None:
    assert conversion(one.unit, CHANNELS[one.name]) is not None
