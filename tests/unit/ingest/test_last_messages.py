"""Of each device the last message is kept at most once a minute, and never more at once than is cheap."""

from ingest.last_messages import BUSY_US, EVERY_US, IDLE_US, KEPT_BYTES, MOST, LastMessages
from ingest.message import Batch, RawMessage, Reason, Refusal
from ingest.pipeline import Passed
from tests.builders import START_US, frame

DEVICES = 2_000


def batch(*payloads: bytes, arrived_us: int | None = None) -> Batch:
    messages = [
        RawMessage(topic=f"t/{number}", payload=payload, packet_id=None, redelivered=False)
        for number, payload in enumerate(payloads)
    ]
    return Batch(messages=messages, connection=1, backlog=0, arrived_us=arrived_us)


def passed(*slots: int, refusals: list[Refusal] | None = None) -> Passed:
    """One message a slot, in order."""
    rows = frame("manhole_cover", [(slot, number, {"tilt_deg": 1.0}) for number, slot in enumerate(slots)])
    return Passed(frames=(rows,), facts=[], refusals=refusals or [], unmapped={}, repeated=(), changes=())


def test_the_last_of_a_batch_is_kept_and_the_next_waits_a_minute() -> None:
    said = LastMessages()
    said.note(batch(b"old", b"new"), passed(3, 3), START_US, DEVICES)
    first = said.take(START_US, busy=False)
    said.note(batch(b"soon"), passed(3), START_US + EVERY_US - 1, DEVICES)
    said.note(batch(b"later"), passed(3), START_US + EVERY_US, DEVICES)
    second = said.take(START_US + EVERY_US + IDLE_US, busy=False)

    assert [(slot, it.payload, it.topic) for slot, it in first.items()] == [(3, b"new", "t/1")]
    assert [it.payload for it in second.values()] == [b"later"]


def test_a_refused_message_is_the_last_too_and_says_why() -> None:
    said = LastMessages()
    refusal = Refusal(0, 0, Reason.MALFORMED, "no ts", slot=5)
    said.note(batch(b"{}"), passed(refusals=[refusal, Refusal(0, 1, Reason.IMPOSSIBLE, "tilt")]), START_US, DEVICES)

    (only,) = said.take(START_US, busy=False).items()

    assert (only[0], only[1].refused) == (5, "malformed: no ts")


def test_a_letter_that_is_tried_again_is_not_the_last_message() -> None:
    said = LastMessages()
    said.note(batch(b"old", arrived_us=START_US - 1), passed(1), START_US, DEVICES)

    assert said.take(START_US, busy=False) == {}


def test_no_more_are_kept_at_once_and_the_others_come_next() -> None:
    said = LastMessages()
    everybody = range(MOST + 20)
    said.note(batch(*[b"x"] * len(everybody)), passed(*everybody), START_US, DEVICES)
    first = said.take(START_US, busy=False)
    said.note(batch(*[b"x"] * len(everybody)), passed(*everybody), START_US + IDLE_US, DEVICES)
    second = said.take(START_US + IDLE_US, busy=False)

    assert (len(first), len(second)) == (MOST, 20)
    assert sorted({*first, *second}) == [*everybody]


def test_while_messages_wait_it_is_written_down_seldom() -> None:
    said = LastMessages()
    said.note(batch(b"x"), passed(1), START_US, DEVICES)
    said.take(START_US, busy=False)
    said.note(batch(b"x"), passed(2), START_US, DEVICES)

    assert said.take(START_US + IDLE_US, busy=True) == {}
    assert list(said.take(START_US + BUSY_US, busy=True)) == [2]


def test_a_long_payload_is_cut_and_says_how_long_it_was() -> None:
    said = LastMessages()
    said.note(batch(b"x" * (KEPT_BYTES + 1)), passed(1), START_US, DEVICES)

    (only,) = said.take(START_US, busy=False).values()

    assert (len(only.payload), only.size) == (KEPT_BYTES, KEPT_BYTES + 1)


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    said = LastMessages()
    said.note(batch(b"x"), passed(1), START_US, DEVICES)
    said.take(START_US, busy=False)
    back_us = START_US - 10 * EVERY_US
    said.note(batch(b"y"), passed(1), back_us, DEVICES)

    assert [it.payload for it in said.take(back_us, busy=False).values()] == [b"y"]


def test_devices_registered_meanwhile_are_kept_too() -> None:
    said = LastMessages()
    said.note(batch(b"x"), passed(1), START_US, 2)
    said.note(batch(b"y"), passed(2), START_US, 3)

    assert len(said.take(START_US, busy=False)) == 2
