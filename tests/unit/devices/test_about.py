"""What devices say of themselves is taken word by word; a last message is shown as what it is."""

from datetime import UTC, datetime

import pytest

from devices.about import About, fault, of_fact
from devices.last_message import shown


def test_a_native_fact_names_its_words_and_what_cannot_be_kept_is_left_out() -> None:
    detail = {
        "firmware": " 1.4.2 ",
        "hardware": 3,
        "model": "x" * 101,
        "serial": "a\nb",
        "maker": True,
        "colour": "red",
    }

    assert of_fact("about", detail) == {"firmware": "1.4.2", "hardware": "3"}


def test_sparkplugs_own_names_of_properties_are_known() -> None:
    assert of_fact("text", {"name": "Properties/FW", "text": "2.0"}) == {"firmware": "2.0"}
    assert of_fact("text", {"name": "Inputs/A", "text": "2.0"}) == {}


@pytest.mark.parametrize("detail", [{}, {"name": None}, {"firmware": None}, {"firmware": {"a": 1}}, {"name": ["FW"]}])
def test_a_fact_that_says_nothing_of_it_changes_nothing(detail: dict[str, object]) -> None:
    assert of_fact("about", detail) == of_fact("text", detail) == of_fact("vehicle", {"firmware": "1"}) == {}


def test_a_word_of_two_lines_is_refused_by_its_name() -> None:
    assert fault(About(model="ES-20", serial="a\nb")) == ("serial", "serial must be at most 100 characters on one line")
    assert fault(About(maker="传感器厂", model="ES-20")) is None


def row(payload: bytes, *, size: int | None = None, topic: str = "citygrid/v1/130203/manhole/MC-1/telemetry"):
    return {
        "received_at": datetime(2026, 11, 22, tzinfo=UTC), "topic": topic, "payload": payload, "refused": None,
        "bytes": len(payload) if size is None else size, "format": "native", "address": "MC-1", "is_followed": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "encoding", "text"),
    [
        (b'{"a": 1}\n', "text", '{"a": 1}\n'),
        ("水位".encode(), "text", "水位"),
        (b"", "text", ""),
        (b"\xff\x00\x01", "hex", "ff 00 01"),
        (b"a\x00b", "hex", "61 00 62"),
    ],
)
def test_text_is_shown_as_text_and_bytes_as_hex(payload: bytes, encoding: str, text: str) -> None:
    message = shown(row(payload), "MC-1", sees_all=False)

    assert (message["encoding"], message["payload"], message["truncated"]) == (encoding, text, False)


def test_a_cut_may_split_a_character_and_is_still_text() -> None:
    message = shown(row("水位".encode()[:5], size=6), "MC-1", sees_all=True)

    assert (message["encoding"], message["payload"], message["truncated"]) == ("text", "水", True)


def test_what_a_gateway_says_for_many_is_shown_to_who_sees_them_all() -> None:
    of_gateway = row(b"[]", topic="citygrid/v1/130203/gateway/GW-7/telemetry")

    assert shown(of_gateway, "MC-1", sees_all=False)["encoding"] == "hidden"
    assert shown(of_gateway, "MC-1", sees_all=True)["payload"] == "[]"
