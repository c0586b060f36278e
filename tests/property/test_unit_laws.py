"""Laws of units: what goes one way comes back, and a quantity never becomes another."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.units import UNITS, conversion
from devices.profile import shipped

names = st.sampled_from(sorted(UNITS))
CHANNEL_UNITS = sorted({channel.unit for profile in shipped().values() for channel in profile.channels})


def converted(value: float, unit: str, to: str) -> float:
    line = conversion(unit, to)
    assert line is not None
    return value * line[0] + line[1]


@given(st.data(), names, st.floats(-1e6, 1e6))
def test_a_value_comes_back_from_any_unit_of_its_kind(data: st.DataObject, unit: str, value: float) -> None:
    same_kind = [name for name in sorted(UNITS) if UNITS[name].kind == UNITS[unit].kind]
    to = data.draw(st.sampled_from(same_kind))

    back = converted(converted(value, unit, to), to, unit)

    offset = max(abs(UNITS[unit].offset), abs(UNITS[to].offset)) / UNITS[unit].scale
    assert back == pytest.approx(value, rel=1e-9, abs=1e-12 + 1e-9 * offset)


@given(st.data(), names, st.floats(-1e6, 1e6))
def test_the_way_through_a_third_unit_gives_the_same(data: st.DataObject, unit: str, value: float) -> None:
    same_kind = [name for name in sorted(UNITS) if UNITS[name].kind == UNITS[unit].kind]
    via, to = data.draw(st.sampled_from(same_kind)), data.draw(st.sampled_from(same_kind))

    straight = converted(value, unit, to)

    offset = max(abs(UNITS[name].offset) for name in (unit, via, to)) / UNITS[to].scale
    assert converted(converted(value, unit, via), via, to) == pytest.approx(
        straight, rel=1e-9, abs=1e-12 + 1e-9 * offset
    )


@given(names, names)
def test_units_of_different_kinds_never_become_each_other(one: str, other: str) -> None:
    assert (conversion(one, other) is None) == (UNITS[one].kind != UNITS[other].kind)


@given(st.text(max_size=8).filter(lambda text: text and text not in UNITS), names)
def test_a_unit_nobody_knows_becomes_nothing_but_itself(unknown: str, unit: str) -> None:
    assert conversion(unknown, unit) is None
    assert conversion(unknown, unknown) == (1.0, 0.0)


@pytest.mark.parametrize("unit", CHANNEL_UNITS)
def test_every_unit_of_our_profiles_is_known(unit: str) -> None:
    assert unit in UNITS


@pytest.mark.parametrize(
    ("value", "unit", "to", "wanted"),
    [
        (20.0, "Cel", "degC", 20.0),
        (293.15, "K", "degC", 20.0),
        (212.0, "[degF]", "degC", 100.0),
        (0.55, "/", "%", 55.0),
        (55.0, "/100", "%", 55.0),
        (55.0, "%RH", "%", 55.0),
        (5e-6, "/", "ppm", 5.0),
        (3.6e6, "J", "kW.h", 1.0),
        (1500.0, "Wh", "kW.h", 1.5),
        (10.0, "m/s", "km/h", 36.0),
        (31.5, "cm", "m", 0.315),
        (0.03, "A", "mA", 30.0),
        (-145.0, "dBW", "dBm", -115.0),
        (2.0, "MB/s", "kbit/s", 16_000.0),
        (3.141592653589793, "rad", "deg", 180.0),
        (118.18, "lon", "deg", 118.18),
    ],
)
def test_known_pairs(value: float, unit: str, to: str, wanted: float) -> None:
    assert converted(value, unit, to) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(("unit", "to"), [("C", "degC"), ("%", "%LEL"), ("mg/m3", "ppm"), ("W", "kW.h"), ("dB", "dBm")])
def test_what_only_looks_alike_is_refused(unit: str, to: str) -> None:
    assert conversion(unit, to) is None


def test_prefixes_do_not_override_a_unit_that_has_the_same_name() -> None:
    assert [UNITS[name].kind for name in ("min", "cd", "mol", "Pa", "kat", "m2")] == [
        "time",
        "luminous intensity",
        "amount of substance",
        "pressure",
        "catalytic activity",
        "area",
    ]
    assert all(UNITS[small].scale < UNITS[large].scale for small, large in pairwise(["mm", "cm", "m", "km"]))
