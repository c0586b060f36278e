from datetime import UTC, datetime

import pytest

from core.errors import InvalidInput
from simulators import recording
from simulators.recording import Header, Recorded

HEADER = Header(recording=1, started=datetime(2026, 11, 22, 4, tzinfo=UTC), filter="citygrid/#")
MESSAGES = [
    Recorded(0.0, "a/b", b'{"ts":1}'),
    Recorded(1.25, "a/\xe4\xba", "井盖\n\u2028\x00".encode()),
    Recorded(2.5, "c", b"\xff\x00\xfe"),
    Recorded(3.0, "d", b""),
]


def test_what_is_written_is_read_back_byte_for_byte() -> None:
    lines = [recording.line(message) for message in MESSAGES]

    assert list(recording.read(lines, "x")) == MESSAGES
    assert all(line.count(b"\n") == 1 for line in lines)


def test_the_header_is_read_back() -> None:
    assert recording.read_header(recording.header_line(HEADER), "x") == HEADER


@pytest.mark.parametrize("first", [b"", b"{}", b'{"offset_s":1,"topic":"a","text":""}', b"\x1f\x8b"])
def test_a_file_without_a_header_is_no_recording(first: bytes) -> None:
    with pytest.raises(InvalidInput, match="x is no recording"):
        recording.read_header(first, "x")


def test_a_newer_recording_is_refused() -> None:
    with pytest.raises(InvalidInput, match="version 2"):
        recording.read_header(recording.header_line(Header(2, HEADER.started, "#")), "x")


def test_a_cut_off_last_line_ends_the_recording() -> None:
    lines = [*(recording.line(message) for message in MESSAGES), b'{"offset_s":9.0,"top']

    assert list(recording.read(lines, "x")) == MESSAGES


def test_a_broken_line_in_the_middle_is_named() -> None:
    lines = [recording.line(MESSAGES[0]), b"nonsense\n", recording.line(MESSAGES[1])]

    with pytest.raises(InvalidInput, match="x line 3"):
        list(recording.read(lines, "x"))
