"""The topic grammar and the address of a broker."""

import pytest

from core.errors import InvalidInput
from wire import broker, topics


def test_a_topic_is_built_and_parsed_alike() -> None:
    topic = topics.telemetry("130203", "manhole", "MC-000123")

    assert topic == "citygrid/v1/130203/manhole/MC-000123/telemetry"
    assert topics.parse(topic) == ("130203", "manhole", "MC-000123")


@pytest.mark.parametrize("parts", [("13020", "manhole", "a"), ("130203", "Manhole", "a"), ("130203", "manhole", "a/b")])
def test_a_part_outside_the_grammar_is_refused(parts: tuple[str, str, str]) -> None:
    with pytest.raises(InvalidInput):
        topics.telemetry(*parts)


@pytest.mark.parametrize(
    "topic", ["", "citygrid/v1/1/2/3/status", "citygrid/v2/1/2/3/telemetry", "citygrid/v1/1/2/3/4/telemetry"]
)
def test_what_is_no_telemetry_topic_is_none(topic: str) -> None:
    assert topics.parse(topic) is None


def test_a_brokers_address_carries_escaped_credentials() -> None:
    assert broker.parse("mqtt://gw%2F1:p%40ss@10.0.0.1:1884") == broker.Broker(
        host="10.0.0.1", port=1884, username="gw/1", password="p@ss", tls=False
    )
    assert broker.parse("mqtts://host").port == 8883


def test_a_wrong_address_is_refused_without_repeating_the_password() -> None:
    with pytest.raises(InvalidInput) as refused:
        broker.parse("http://user:secret@host")

    assert "secret" not in str(refused.value)
