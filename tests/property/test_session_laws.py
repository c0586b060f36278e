"""However the network cuts the bytes, the session gives the same messages; what is not MQTT ends the connection."""

import asyncio
import itertools

import mqtt5
from hypothesis import given
from hypothesis import strategies as st

from ingest.session import Session

messages = st.lists(st.tuples(st.text("abc/", min_size=1, max_size=9), st.binary(max_size=300)), max_size=6)


def publish(number: int, topic: str, payload: bytes) -> bytes:
    return mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number).write()


def receive(pieces: list[bytes]) -> tuple[list[tuple[str, bytes, int | None]], str | None]:
    """Feed the pieces to a session; give its messages and why it ended."""

    async def feed() -> tuple[list[tuple[str, bytes, int | None]], str | None]:
        session = Session(lambda: None)
        for piece in pieces:
            session.data_received(piece)
        ended = session.closed.result() if session.closed.done() else None
        return [(m.topic, m.payload, m.packet_id) for m in session.take(100)], ended

    return asyncio.run(feed())


@given(messages, st.lists(st.integers(0, 2000), max_size=8))
def test_messages_do_not_depend_on_how_their_bytes_arrive(sent: list[tuple[str, bytes]], cuts: list[int]) -> None:
    stream = b"".join(publish(number, *message) for number, message in enumerate(sent, start=1))
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]

    received, ended = receive(pieces)

    assert received == [(topic, payload, number) for number, (topic, payload) in enumerate(sent, start=1)]
    assert ended is None


@given(st.binary(max_size=400))
def test_bytes_that_are_not_mqtt_never_raise(noise: bytes) -> None:
    receive([publish(1, "a", b"x"), noise])


def test_bytes_that_are_not_mqtt_end_the_connection_with_a_reason() -> None:
    received, ended = receive([publish(1, "a", b"x"), b"\x00\x00"])

    assert received == [("a", b"x", 1)]
    assert ended is not None
    assert "not MQTT 5" in ended
