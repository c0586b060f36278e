"""What a broker must promise."""

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.promises import Answer, configuration_doubts, doubts, read_configuration
from runtime.services import mosquitto

ROOT = Path(__file__).parents[3]
GOOD = Answer(
    version="mosquitto version 2.0.11",
    max_qos=2,
    wildcards=True,
    session_s=7 * 86_400,
    receive_max=65_535,
    packet_limit_bytes=16 << 20,
    dropped=0,
)
PAYLOAD_BYTES = 262_144


def settings_doubted(text: str) -> list[str]:
    return [doubt.setting for doubt in configuration_doubts(read_configuration(text))]


def test_nothing_is_said_against_a_broker_that_promises_all() -> None:
    assert doubts(GOOD, PAYLOAD_BYTES) == ()


@pytest.mark.parametrize(
    ("answer", "setting", "is_fatal"),
    [
        (replace(GOOD, max_qos=0), "maximum QoS", True),
        (replace(GOOD, wildcards=False), "wildcards", True),
        (replace(GOOD, session_s=0), "session expiry", True),
        (replace(GOOD, session_s=3600), "session expiry", False),
        (replace(GOOD, receive_max=20), "receive maximum", False),
        (replace(GOOD, packet_limit_bytes=1000), "maximum packet size", False),
        (replace(GOOD, dropped=3), "messages dropped", False),
    ],
)
def test_each_lacking_promise_is_named(answer: Answer, setting: str, is_fatal: bool) -> None:
    assert [(doubt.setting, doubt.is_fatal) for doubt in doubts(answer, PAYLOAD_BYTES)] == [(setting, is_fatal)]


def test_a_broker_that_tells_no_counts_is_not_suspected() -> None:
    assert doubts(replace(GOOD, version="", dropped=None, packet_limit_bytes=None), PAYLOAD_BYTES) == ()


def test_mosquittos_defaults_are_doubted() -> None:
    assert settings_doubted("listener 1883\n") == ["persistence", "autosave_interval", "max_queued_messages"]


def test_a_short_expiry_of_sessions_is_doubted() -> None:
    good = mosquitto.configuration(Path("/data"), 1883, mosquitto.DeviceListener(port=1884), 1 << 36)

    assert settings_doubted(good.replace("persistent_client_expiration 7d", "persistent_client_expiration 2h")) == [
        "persistent_client_expiration"
    ]


def test_the_configurations_we_ship_are_beyond_doubt() -> None:
    compose = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")

    assert (
        settings_doubted(mosquitto.configuration(Path("/data"), 1883, mosquitto.DeviceListener(port=1884), 1 << 36))
        == []
    )
    assert settings_doubted(compose) == []
