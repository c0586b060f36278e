"""Laws of the uplink codecs: any bytes are read whole or refused in words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from wire.record import Measured, Uplink
from wire.uplinks import CODECS, decode


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.binary(max_size=255), port=st.integers(0, 255))
def test_any_bytes_give_finite_numbers_or_words(codec: str, data: bytes, port: int) -> None:
    measured: tuple[Measured, ...] = ()
    words = "understood"
    try:
        measured = decode(codec, Uplink(port=port, data=data))
    except InvalidInput as refusal:
        words = str(refusal)

    assert words
    names = [one.name for one in measured]
    assert len(set(names)) == len(names)
    assert all(math.isfinite(one.value) for one in measured)


@given(
    items=st.lists(st.sampled_from(["01 75 64", "03 77 02 00", "FF 0B FF"]), min_size=1, max_size=20),
    cut=st.integers(1, 3),
)
def test_a_payload_cut_short_is_refused_or_read_up_to_a_whole_item(items: list[str], cut: int) -> None:
    whole = bytes.fromhex("".join(items))
    last = len(bytes.fromhex(items[-1]))
    part = whole[: len(whole) - min(cut, last)]

    ends_on_an_item = cut >= last and len(items) > 1
    try:
        decode("milesight_em500_swl", Uplink(port=85, data=part))
        assert ends_on_an_item
    except InvalidInput:
        assert not ends_on_an_item
