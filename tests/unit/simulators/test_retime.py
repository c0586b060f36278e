import pytest

from simulators.retime import replayed


def _plus_hour(ms: int) -> int:
    return ms + 3_600_000


def test_only_time_and_origin_change() -> None:
    before = (
        b'{ "ts" : 1795320000123,"seq":17, "origin":"simulated" ,"values":{"tilt_deg":3.20e0,"ts":1}, "x":"\\u00e9"}'
    )

    assert replayed(before, _plus_hour) == (
        b'{ "ts" : 1795323600123,"seq":17, "origin":"replayed" ,"values":{"tilt_deg":3.20e0,"ts":1}, "x":"\\u00e9"}'
    )


def test_an_origin_is_added_where_there_was_none() -> None:
    assert replayed(b'{"ts":1,"values":{}}', _plus_hour) == b'{"origin":"replayed","ts":3600001,"values":{}}'


def test_a_text_time_stays_text() -> None:
    before = '{"ts":"2026-11-22T12:00:00.5+08:00","origin":"live","values":{"online":true},"note":"井盖"}'

    assert replayed(before.encode(), _plus_hour).decode() == before.replace(
        "2026-11-22T12:00:00.5+08:00", "2026-11-22T05:00:00.500Z"
    ).replace("live", "replayed")


def test_each_item_of_a_list_changes() -> None:
    before = b'[{"ts":1,"origin":"live","values":{}}, {"ts":2,"origin":"live","values":{}}]'

    assert replayed(before, _plus_hour) == (
        b'[{"ts":3600001,"origin":"replayed","values":{}}, {"ts":3600002,"origin":"replayed","values":{}}]'
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b'{"ts":1',
        b'{"ts":1,"values":{}} x',
        b'{"ts":1.5,"values":{}}',
        b'{"ts":true,"values":{}}',
        b'{"ts":"yesterday","values":{}}',
        b'{"ts":"2026-11-22T12:00:00","values":{}}',
        b'{"UtcTime":"2026-11-22T12:00:00Z","Source":{},"Data":{}}',
        b"\xff\xfe",
        b"[1,2]",
        b'"text"',
        b"[" * 5000,
    ],
)
def test_what_is_no_native_payload_passes_untouched(payload: bytes) -> None:
    assert replayed(payload, _plus_hour) == payload
