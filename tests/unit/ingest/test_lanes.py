"""Which topics a shard reads on which lane, and whose turn it is."""

import pytest

from core.errors import InvalidInput
from ingest import lanes
from ingest.lanes import CITY, FOREIGN, Lane, Shard, Turns
from wire import formats
from wire.formats import Format

DISTRICTS = ("130202", "130203", "130204")
SOME_FORMATS = (
    Format(name="senml", filters=("citygrid/v1/+/+/+/senml",), decode=lambda *_: []),
    Format(name="chirpstack", filters=("application/+/device/+/event/+",), decode=lambda *_: []),
)


@pytest.fixture(autouse=True)
def two_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FORMATS", SOME_FORMATS)


def filters(shard: Shard) -> dict[str, tuple[str, ...]]:
    return {queue.client_id: queue.filters for queue in lanes.queues(shard)}


def test_one_shard_reads_everything_in_three_queues() -> None:
    assert lanes.shards("", DISTRICTS) == (CITY,)
    assert filters(CITY) == {
        "citygrid-ingest-alarm": ("citygrid/v1/+/+/+/alarm",),
        "citygrid-ingest": (
            "citygrid/v1/+/+/+/telemetry",
            "citygrid/v1/+/+/+/senml",
            "application/+/device/+/event/+",
        ),
        "citygrid-ingest-backlog": ("citygrid/v1/+/+/+/backlog",),
    }


def test_a_shard_of_districts_reads_theirs_in_every_format_of_our_tree_and_nothing_foreign() -> None:
    pair, single, foreign = lanes.shards("130203,130202; 130204", DISTRICTS)

    assert foreign == FOREIGN
    assert single.name == "130204"
    assert filters(pair) == {
        "citygrid-ingest-130202-130203-alarm": ("citygrid/v1/130202/+/+/alarm", "citygrid/v1/130203/+/+/alarm"),
        "citygrid-ingest-130202-130203": (
            "citygrid/v1/130202/+/+/telemetry",
            "citygrid/v1/130203/+/+/telemetry",
            "citygrid/v1/130202/+/+/senml",
            "citygrid/v1/130203/+/+/senml",
        ),
        "citygrid-ingest-130202-130203-backlog": ("citygrid/v1/130202/+/+/backlog", "citygrid/v1/130203/+/+/backlog"),
    }


def test_foreign_formats_have_one_shard_and_only_a_live_lane() -> None:
    assert filters(FOREIGN) == {"citygrid-ingest-foreign": ("application/+/device/+/event/+",)}


def test_every_topic_belongs_to_exactly_one_shard() -> None:
    found = [
        pattern
        for shard in lanes.shards("districts", DISTRICTS)
        for each in filters(shard).values()
        for pattern in each
    ]

    assert len(found) == len(set(found)) == 4 * len(DISTRICTS) + 1


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("130202;;130203,130204", "without a district"),
        (";", "without a district"),
        ("130202,130203;130203,130204", "gives 130203 to two shards"),
        ("130202,130203;130299", "names 130299, which the city does not have"),
        ("130202;130203", "leaves out 130204"),
    ],
)
def test_a_setting_that_would_lose_or_double_a_district_is_refused(setting: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        lanes.shards(setting, DISTRICTS)


def test_alarms_go_first_and_nobody_is_passed_over_for_ever() -> None:
    turns = Turns()

    taken = [turns.next(tuple(Lane)) for _ in range(100)]

    assert taken[0] is Lane.ALARM
    assert taken.count(Lane.ALARM) >= 80
    assert taken.count(Lane.LIVE) >= 9
    assert taken.count(Lane.BACKLOG) >= 9


def test_a_backlog_alone_is_taken_at_once_and_live_goes_before_it() -> None:
    turns = Turns()

    assert turns.next((Lane.BACKLOG,)) is Lane.BACKLOG
    assert turns.next((Lane.BACKLOG, Lane.LIVE)) is Lane.LIVE


def test_a_lane_that_was_empty_has_saved_up_no_turns() -> None:
    turns = Turns()
    for _ in range(50):
        turns.next((Lane.LIVE,))

    assert turns.next((Lane.ALARM, Lane.LIVE, Lane.BACKLOG)) is Lane.ALARM
    assert turns.next((Lane.LIVE, Lane.BACKLOG)) is Lane.LIVE
