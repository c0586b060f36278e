"""docs/payloads.md says what the formats are: topics, addresses, codecs, and examples that a sender may copy."""

import re
from pathlib import Path

import msgspec
import pytest

from devices.profile import shipped
from wire import native_v1, topics, uplinks
from wire.addresses import NAMINGS, NATIVE
from wire.formats import FORMATS, of_topic
from wire.record import Flaw, Record

TEXT = (Path(__file__).parents[2] / "docs" / "payloads.md").read_text(encoding="utf-8")
ROWS = {
    row[1]: [set(re.findall(r"`([^`]+)`", cell)) for cell in row[2].split("|")]
    for row in re.finditer(r"^\| `(\w+)` \|(.*)\|$", TEXT, re.MULTILINE)
}
"""First cell of each table's row -> the code in its other cells."""
EXAMPLES = re.findall(r"^`([^`]+)`:\n\n```json\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
NATIVE_FILTERS = {topics.native_filter(lane) for lane in topics.NATIVE}
FILTERS = {NATIVE: NATIVE_FILTERS} | {known.name: set(known.filters) for known in FORMATS}


@pytest.mark.parametrize("name", FILTERS)
def test_a_format_stands_on_the_page_with_its_topics(name: str) -> None:
    assert ROWS[name][0] == FILTERS[name]


def test_every_format_a_device_may_be_registered_with_stands_on_the_page() -> None:
    assert NAMINGS.keys() <= ROWS.keys()


@pytest.mark.parametrize("name", uplinks.CODECS)
def test_a_codec_stands_on_the_page_with_what_it_gives(name: str) -> None:
    assert ROWS[name][0] == uplinks.CODECS[name].gives


def test_there_is_an_example_of_every_format_in_json() -> None:
    shown = {known.name for topic, _ in EXAMPLES if (known := of_topic(topic))}

    assert shown == FILTERS.keys() - {NATIVE, "sparkplug", "jt808", "gtfs_rt"}


@pytest.mark.parametrize(("topic", "payload"), EXAMPLES, ids=[topic for topic, _ in EXAMPLES])
def test_an_example_is_understood(topic: str, payload: str) -> None:
    known = of_topic(topic)
    if known is None:
        cover = native_v1.item_type("manhole_cover", shipped()["manhole_cover"].channel_names)
        assert topics.parse(topic)
        assert msgspec.json.decode(payload, type=cover)
        return

    said = known.decode(topic, payload.encode(), 0)

    assert said
    assert not [one for one in said if isinstance(one, Flaw)]
    for one in said:
        if isinstance(one, Record) and one.uplink:
            assert uplinks.decode("milesight_em320_tilt", one.uplink)
