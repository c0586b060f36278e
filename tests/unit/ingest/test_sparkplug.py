"""Sparkplug's memory: births, aliases, gaps, deaths, and what a batch that is carried again meets."""

from typing import Any

import pytest

from core.errors import InvalidInput
from ingest.sparkplug import ASK_EVERY_US, LIFE, Draft, Memory, commit
from tests.sparkplug_messages import BOOLEAN, DOUBLE, INT64, STRING, M, payload
from wire.record import Fact, Flaw, Record, Said

NODE = "Tangshan/cabinet-7"
NOW_US = 1_795_320_000_000_000
LAMP = M("Lamp/power_w", 120.5, DOUBLE, alias=3, unit="W")
REBIRTH = M("Node Control/Rebirth", 0, BOOLEAN, alias=1)


def topic(kind: str, device: str = "") -> str:
    group, node = NODE.split("/")
    return f"spBv1.0/{group}/{kind}/{node}" + (f"/{device}" if device else "")


class Host:
    """What ingest does with messages: one draft a batch, committed."""

    def __init__(self) -> None:
        self.memory: Memory = {}
        self.now_us = NOW_US
        self.asked: list[str] = []

    def hear(self, kind: str, body: bytes, device: str = "", *, redelivered: bool = False) -> list[Said]:
        draft = Draft(self.memory)
        said = draft.receive(topic(kind, device), body, self.now_us, redelivered=redelivered)
        commit(self.memory, draft)
        self.asked += draft.asked
        return said

    def born(self, seq: int = 0, bd_seq: int = 4) -> None:
        self.hear("NBIRTH", payload(M("bdSeq", bd_seq, INT64), REBIRTH, seq=seq))
        self.hear("DBIRTH", payload(LAMP, seq=(seq + 1) % 256), "lamp-1")


def values(said: list[Said]) -> list[tuple[str, list[tuple[str, float]]]]:
    return [(it.address, [(one.name, one.value) for one in it.measured]) for it in said if isinstance(it, Record)]


def lives(said: list[Said]) -> list[tuple[str, str]]:
    return [(it.kind, it.address) for it in said if isinstance(it, Fact) and it.kind in LIFE]


@pytest.fixture
def host() -> Host:
    return Host()


def data(value: float, seq: int, **more: Any) -> bytes:
    return payload(M(alias=3, value=value, **more), seq=seq)


def test_data_under_an_alias_are_named_and_typed_by_the_birth(host: Host) -> None:
    host.born()

    said = host.hear("DDATA", data(80.25, 2), "lamp-1")

    assert values(said) == [(f"{NODE}/lamp-1", [("power_w", 80.25)])]
    assert host.asked == []


def test_a_birth_is_a_reading_set_too(host: Host) -> None:
    host.hear("NBIRTH", payload(M("bdSeq", 0, INT64), seq=0))

    said = host.hear("DBIRTH", payload(LAMP, seq=1), "lamp-1")

    assert values(said) == [(f"{NODE}/lamp-1", [("power_w", 120.5)])]


def test_seq_goes_around_at_256(host: Host) -> None:
    host.born(seq=254)

    host.hear("DDATA", data(1, 0), "lamp-1")
    host.hear("DDATA", data(2, 1), "lamp-1")

    assert host.asked == []


def test_a_gap_asks_for_a_rebirth_and_the_data_are_still_read(host: Host) -> None:
    host.born()

    said = host.hear("DDATA", data(80, 5), "lamp-1")

    assert values(said) == [(f"{NODE}/lamp-1", [("power_w", 80.0)])]
    assert host.asked == [NODE]


def test_a_node_is_not_asked_again_before_it_had_time_to_answer(host: Host) -> None:
    host.born()
    host.hear("DDATA", data(80, 5), "lamp-1")
    host.hear("DDATA", data(80, 6), "lamp-1")
    host.now_us += ASK_EVERY_US

    host.hear("DDATA", data(80, 7), "lamp-1")

    assert host.asked == [NODE, NODE]


def test_a_rebirth_settles_it(host: Host) -> None:
    host.born()
    host.hear("DDATA", data(80, 5), "lamp-1")
    host.now_us += ASK_EVERY_US

    host.born()
    host.hear("DDATA", data(80, 2), "lamp-1")

    assert host.asked == [NODE]


def test_a_birth_later_in_the_batch_makes_asking_needless(host: Host) -> None:
    draft = Draft(host.memory)

    draft.receive(topic("NDATA"), data(80, 9), NOW_US)
    draft.receive(topic("NBIRTH"), payload(M("bdSeq", 0, INT64), seq=0), NOW_US)

    assert list(draft.asked) == []


def test_an_unknown_alias_is_refused_and_asks_for_a_rebirth(host: Host) -> None:
    host.born()

    said = host.hear("DDATA", payload(M(alias=3, value=80.0), M(alias=99, value=1.0), seq=2), "lamp-1")

    assert values(said) == [(f"{NODE}/lamp-1", [("power_w", 80.0)])]
    assert [it.detail for it in said if isinstance(it, Flaw)] == ["alias 99 is of no birth we know"]
    assert host.asked == [NODE]


def test_data_of_a_node_never_heard_of_ask_for_its_birth(host: Host) -> None:
    said = host.hear("DDATA", data(80, 7), "lamp-1")

    assert [type(it) for it in said] == [Flaw]
    assert host.asked == [NODE]


def test_a_nodes_death_is_the_death_of_its_devices(host: Host) -> None:
    host.born(bd_seq=4)

    said = host.hear("NDEATH", payload(M("bdSeq", 4, INT64)))

    assert lives(said) == [("death", NODE), ("death", f"{NODE}/lamp-1")]
    assert {it.ts_us for it in said if isinstance(it, Fact)} == {None}, "the will was written at connect"


def test_a_death_of_a_former_birth_changes_nothing(host: Host) -> None:
    host.born(bd_seq=4)
    host.born(bd_seq=5)

    said = host.hear("NDEATH", payload(M("bdSeq", 4, INT64)))

    assert said == []
    assert values(host.hear("DDATA", data(80, 2), "lamp-1")) == [(f"{NODE}/lamp-1", [("power_w", 80.0)])]


def test_a_death_delivered_twice_is_told_once(host: Host) -> None:
    host.born(bd_seq=4)
    host.hear("NDEATH", payload(M("bdSeq", 4, INT64)))

    assert host.hear("NDEATH", payload(M("bdSeq", 4, INT64)), redelivered=True) == []


def test_aliases_end_with_their_node(host: Host) -> None:
    host.born(bd_seq=4)
    host.hear("NDEATH", payload(M("bdSeq", 4, INT64)))

    said = host.hear("DDATA", data(80, 2), "lamp-1")

    assert [type(it) for it in said] == [Flaw]
    assert host.asked == [NODE]


def test_a_devices_death_is_told_and_leaves_the_others(host: Host) -> None:
    host.born()
    host.hear("DBIRTH", payload(LAMP._replace(alias=4), seq=2), "lamp-2")

    said = host.hear("DDEATH", payload(seq=3), "lamp-1")

    assert lives(said) == [("death", f"{NODE}/lamp-1")]
    assert values(host.hear("DDATA", payload(M(alias=4, value=7.0), seq=4), "lamp-2")) == [
        (f"{NODE}/lamp-2", [("power_w", 7.0)])
    ]
    assert host.asked == []


def test_coming_to_life_is_told_once_not_at_every_rebirth(host: Host) -> None:
    first = host.hear("NBIRTH", payload(M("bdSeq", 0, INT64), seq=0))
    again = host.hear("NBIRTH", payload(M("bdSeq", 0, INT64), seq=0))

    assert (lives(first), lives(again)) == ([("birth", NODE)], [])


def test_a_redelivered_message_is_no_gap(host: Host) -> None:
    host.born()
    host.hear("DDATA", data(80, 2), "lamp-1")
    host.hear("DDATA", data(81, 3), "lamp-1")

    said = host.hear("DDATA", data(80, 2), "lamp-1", redelivered=True)
    host.hear("DDATA", data(82, 4), "lamp-1")

    assert values(said) == [(f"{NODE}/lamp-1", [("power_w", 80.0)])]
    assert host.asked == []


def test_a_batch_carried_again_meets_the_memory_it_met_before(host: Host) -> None:
    host.born()
    before = dict(host.memory)
    batch = [("DDATA", data(80, 2)), ("DDATA", data(81, 3))]

    outcomes = []
    for _ in range(2):  # the first time the database was lost before the commit
        draft = Draft(host.memory)
        said = [draft.receive(topic(kind, "lamp-1"), body, NOW_US, redelivered=True) for kind, body in batch]
        outcomes.append((said, draft.changed, list(draft.asked)))

    assert outcomes[0] == outcomes[1]
    assert host.memory == before


def test_historical_values_keep_their_own_times(host: Host) -> None:
    host.born()
    hour_ms = 3_600_000
    earlier = [M(alias=3, value=60.0 + n, ts_ms=NOW_US // 1000 - n * hour_ms, historical=True) for n in (2, 1)]

    said = host.hear("DDATA", payload(*earlier, seq=2), "lamp-1")

    assert [(it.ts_us, it.measured[0].value) for it in said if isinstance(it, Record)] == [
        (NOW_US - 2 * hour_ms * 1000, 62.0),
        (NOW_US - hour_ms * 1000, 61.0),
    ]


def test_null_and_bad_quality_are_not_measured(host: Host) -> None:
    host.born()

    said = host.hear("DDATA", payload(M(alias=3, null=True), M(alias=3, value=1.0, quality=500), seq=2), "lamp-1")

    assert said == []


def test_text_becomes_a_fact(host: Host) -> None:
    host.born()

    (said,) = host.hear("NDATA", payload(M("status", "灯杆倾斜", STRING), seq=2))

    assert isinstance(said, Fact)
    assert (said.kind, said.detail) == ("text", {"name": "status", "text": "灯杆倾斜"})


def test_metrics_of_a_birth_that_end_alike_keep_their_whole_names(host: Host) -> None:
    host.hear("NBIRTH", payload(M("bdSeq", 0, INT64), seq=0))

    said = host.hear("DBIRTH", payload(M("A/power_w", 1.0, DOUBLE), M("B/power_w", 2.0, DOUBLE), seq=1), "pair")

    assert values(said) == [(f"{NODE}/pair", [("A/power_w", 1.0), ("B/power_w", 2.0)])]


def test_a_refused_message_leaves_no_trace(host: Host) -> None:
    host.born()
    before = dict(host.memory)

    with pytest.raises(InvalidInput, match="one alias to two metrics"):
        host.hear("DBIRTH", payload(LAMP, LAMP._replace(name="other"), seq=2), "lamp-2")

    assert host.memory == before


def test_a_message_of_the_past_is_read_by_the_births_known_now_and_changes_nothing(host: Host) -> None:
    host.born()
    draft = Draft(host.memory)

    said = draft.recall(topic("DDATA", "lamp-1"), data(80, 200))
    draft.recall(topic("NBIRTH"), payload(M("bdSeq", 1, INT64), seq=0))
    draft.recall(topic("NDEATH"), payload(M("bdSeq", 4, INT64)))

    assert values(said) == [(f"{NODE}/lamp-1", [("power_w", 80.0)])]
    assert (draft.changed, draft.asked) == ({}, {})
