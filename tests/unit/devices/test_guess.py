"""What a device that knocks probably is: the topic speaks louder than the names, and nonsense says nothing."""

import json

import hypothesis.strategies as st
from hypothesis import given

from devices.guess import guess
from devices.profile import shipped


def said(**values: float) -> bytes:
    return json.dumps({"ts": 1, "values": values}).encode()


def test_the_topics_kind_comes_first_and_what_it_measures_decides_otherwise() -> None:
    assert guess("manhole", said(tilt_deg=3), shipped()).profiles[0] == "manhole_cover"
    assert guess("", said(pm10_ug_m3=3, tsp_ug_m3=3), shipped()).profiles[0] == "dust_monitor"
    assert guess("", b'[{"n": "urn:dev:1:laeq_dba", "v": 60}]', shipped()).profiles == ("noise_monitor",)
    assert guess("", b'{"weather": 3}', shipped()).profiles == ()
    assert guess("", b'[{"bn": "x/", "n": "site/laeq_dba", "v": 60}]', shipped()).profiles[0] == "noise_monitor"


def test_where_it_says_it_is_fills_the_form_only_when_it_is_a_place() -> None:
    here = guess("bus", said(lon_deg=118.2, lat_deg=39.6), shipped())
    assert (here.lon_deg, here.lat_deg) == (118.2, 39.6)
    assert guess("bus", said(lon_deg=118.2, lat_deg=390), shipped()).lat_deg is None
    assert guess("bus", said(lon_deg=118.2), shipped()).lon_deg is None


@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
).map(lambda it: json.dumps(it).encode()))  # fmt: skip
def test_no_payload_is_too_strange(payload: bytes) -> None:
    assert len(guess("", payload, shipped()).profiles) <= 3
