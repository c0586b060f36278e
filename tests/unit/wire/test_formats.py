"""Which format a topic belongs to, by MQTT's rules for filters."""

import pytest

from wire.formats import FORMATS, of_topic


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("application/app/device/24e124713d111111/event/up", "chirpstack"),
        ("application//device//event/", "chirpstack"),
        ("application/app/device/24e124713d111111/command/down", None),
        ("application/app/device/24e124713d111111/event/up/again", None),
        ("v3/covers@tangshan/devices/mc-1", "things_stack"),
        ("v3/covers@tangshan/devices/mc-1/down/sent", "things_stack"),
        ("v3/covers@tangshan/devicesmc-1", None),
        ("CAM-7/onvif-ej", "onvif"),
        ("CAM-7/onvif-ej/Device/Trigger\nRelay/&1", "onvif"),
        ("site/CAM-7/onvif-ej/Device", None),
        ("spBv1.0/plant/DDATA/node-1/pump", "sparkplug"),
        ("spBv1x0/plant/DDATA/node-1/pump", None),
        ("spBv1.0/plant/NCMD/node-1", None),
        ("citygrid/v1/130203/camera/CAM-7/event", "native_events"),
        ("citygrid/v1/130203/manhole/MC-1/telemetry", None),
        ("", None),
    ],
)
def test_a_topic_belongs_to_the_format_whose_filter_it_matches(topic: str, name: str | None) -> None:
    known = of_topic(topic)

    assert (known.name if known else None) == name


def test_no_two_formats_share_a_name() -> None:
    assert len({known.name for known in FORMATS}) == len(FORMATS)
