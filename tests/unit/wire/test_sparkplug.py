"""What we send to Sparkplug edge nodes, and how much we take from them at once."""

import pytest

from core.errors import InvalidInput
from wire import protobuf, sparkplug


def test_a_rebirth_is_asked_for_by_the_command_of_the_specification() -> None:
    topic, payload = sparkplug.rebirth_request("Tangshan/cabinet-7", 1_795_320_000_123_456)

    (_, _, timestamp), (_, _, metric) = protobuf.fields(payload)
    assert topic == "spBv1.0/Tangshan/NCMD/cabinet-7"
    assert timestamp == 1_795_320_000_123
    assert isinstance(metric, bytes)
    assert {number: value for number, _, value in protobuf.fields(metric)} == {
        1: b"Node Control/Rebirth",
        3: 1_795_320_000_123,
        4: 11,
        14: 1,
    }


def test_metrics_without_end_are_refused_before_they_are_read() -> None:
    payload = protobuf.field(2, b"\xff") * (sparkplug.MAX_METRICS + 1)

    with pytest.raises(InvalidInput, match="metrics in one message"):
        sparkplug.parse("spBv1.0/g/NDATA/n", payload)
