"""Laws of JT/T 808 frames and of the protocol-buffer reader: whatever the bytes and wherever the stream is cut."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from wire import gtfs_rt, jt808, jt808_frames, protobuf
from wire.jt808_frames import Frame, Parts, Splitter

PHONES = st.from_regex(r"[1-9][0-9]{0,11}", fullmatch=True)
VERSIONS = st.none() | st.integers(0, 255)
BODIES = st.binary(max_size=1023) | st.lists(st.sampled_from([0x7D, 0x7E, 0x01, 0x02]), max_size=1023).map(bytes)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """A frame as a terminal sends it."""
    return jt808_frames.write_frame(
        draw(st.integers(0, 0xFFFF)), draw(VERSIONS), draw(PHONES), draw(st.integers(0, 0xFFFF)), draw(BODIES)
    )


@given(st.binary(max_size=300) | BODIES)
def test_escaped_bytes_hold_no_flag_and_come_back(data: bytes) -> None:
    escaped = jt808_frames.escape(data)

    assert 0x7E not in escaped
    assert jt808_frames.unescape(escaped) == data


@given(st.integers(0, 0xFFFF), VERSIONS, PHONES, st.integers(0, 0xFFFF), BODIES)
def test_a_written_frame_is_read_back(
    message_id: int, version: int | None, phone: str, serial: int, body: bytes
) -> None:
    frame, is_whole = jt808_frames.open_frame(
        jt808_frames.write_frame(message_id, version, phone, serial, body).strip(b"\x7e")
    )

    assert is_whole
    assert (frame.message_id, frame.version, frame.phone, frame.serial, frame.body) == (
        message_id,
        version,
        phone,
        serial,
        body,
    )
    assert jt808_frames.read_message(frame.raw) == frame


@given(st.lists(written(), min_size=1, max_size=5), st.data())
def test_a_stream_cut_anywhere_gives_the_same_frames(frames: list[bytes], data: st.DataObject) -> None:
    stream = b"noise" + b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    splitter, found = Splitter(), []

    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:end])

    assert found == [frame[1:-1] for frame in frames]
    assert splitter.noise_bytes == len(b"noise")


@given(st.lists(st.binary(max_size=3000), max_size=6), written())
def test_after_any_noise_the_next_frame_is_found(noise: list[bytes], frame: bytes) -> None:
    splitter = Splitter()
    for piece in noise:
        splitter.feed(piece)
        assert len(splitter._rest) <= jt808_frames.FRAME_LIMIT_BYTES

    assert splitter.feed(b"\x7e" + frame)[-1] == frame[1:-1]


@given(written(), st.data())
def test_a_flipped_bit_never_passes_as_a_good_frame(frame: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(frame) - 2))
    bad = bytearray(frame)
    bad[place] ^= 1 << data.draw(st.integers(0, 7))

    opened = [_opened(piece) for piece in Splitter().feed(bytes(bad))]

    assert all(one is None or not one[1] for one in opened)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=2, max_size=6), st.integers(0, 0xFFFF), st.data())
def test_parts_in_any_order_make_the_message(bodies: list[bytes], serial: int, data: st.DataObject) -> None:
    count = len(bodies)
    frames = [
        _opened_whole(jt808_frames.write_frame(0x0704, 1, "138", (serial + number) & 0xFFFF, body, (count, number + 1)))
        for number, body in enumerate(bodies)
    ]
    parts = Parts()

    *early, last = [parts.add(frame) for frame in data.draw(st.permutations(frames))]

    assert not any(early)
    assert list(last) == frames
    assert jt808_frames.read_message(b"".join(frame.raw for frame in last)).body == b"".join(bodies)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(payload: bytes) -> None:
    for decode, topic in ((jt808.decode, "jt808/138"), (gtfs_rt.decode, "gtfs-rt/feed")):
        with suppress(InvalidInput):
            decode(topic, payload, 0)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bodies_in_a_batch_are_reports_or_flaws(bodies: list[bytes]) -> None:
    body = struct.pack(">HB", len(bodies), 0) + b"".join(struct.pack(">H", len(one)) + one for one in bodies)
    frame = _opened_whole(jt808_frames.write_frame(0x0704, None, "138", 1, body))

    said = jt808.decode("jt808/138", frame.raw, 0)

    assert len(said) >= sum(len(one) < 28 for one in bodies)


@given(st.lists(st.binary(max_size=60), max_size=6), st.binary(max_size=20))
def test_a_feed_cut_into_vehicles_says_what_the_whole_says(entities: list[bytes], header: bytes) -> None:
    feed = protobuf.field(1, header) + b"".join(protobuf.field(2, entity) for entity in entities)
    try:
        whole = gtfs_rt.decode("gtfs-rt/feed", feed, 0)
    except InvalidInput:
        return

    pieces = [one for piece in gtfs_rt.vehicles_one_by_one(feed) for one in gtfs_rt.decode("gtfs-rt/feed", piece, 0)]

    assert pieces == whole


@given(st.lists(st.tuples(st.integers(1, 500), st.binary(max_size=300)), max_size=5))
def test_fields_of_bytes_are_read_back(pairs: list[tuple[int, bytes]]) -> None:
    data = b"".join(protobuf.field(number, value) for number, value in pairs)

    assert [(number, value) for number, _, value in protobuf.fields(data)] == pairs


@pytest.mark.parametrize("data", [b"\x7d", b"\x7d\x03", b"ok\x7d"])
def test_an_escape_that_stands_for_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="7d is followed"):
        jt808_frames.unescape(data)


def _opened(escaped: bytes) -> tuple[Frame, bool] | None:
    try:
        return jt808_frames.open_frame(escaped)
    except InvalidInput:
        return None


def _opened_whole(frame: bytes) -> Frame:
    opened = _opened(frame[1:-1])
    assert opened is not None
    assert opened[1]
    return opened[0]
