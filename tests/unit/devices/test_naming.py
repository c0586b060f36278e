"""What a registration says of its format, address and codec: how it is stored, or what is wrong with it."""

import pytest

from devices.model import Registration
from devices.naming import Named, named
from devices.profile import shipped


def registration(form: str, address: str = "", codec: str = "", profile: str = "manhole_cover") -> Registration:
    return Registration(label="MC-1", profile=profile, format=form, address=address, codec=codec)


@pytest.mark.parametrize(
    ("row", "address"),
    [
        (registration("native"), None),
        (registration("native", "MC-1"), None),
        (registration("gtfs_rt"), None),
        (registration("chirpstack", "24-E1-24-71-3D-11-11-11", "milesight_em320_tilt"), "24e124713d111111"),
        (registration("chirpstack", "24e124713d111111", "milesight_em320_tilt", "submarine"), "24e124713d111111"),
    ],
)
def test_an_address_is_stored_where_it_is_not_the_label(row: Registration, address: str | None) -> None:
    assert named(row, shipped()) == Named(address=address)


@pytest.mark.parametrize(
    ("row", "reason", "words"),
    [
        (registration("morse"), "unknown_format", "there is no format 'morse'; known: native, "),
        (registration("chirpstack"), "bad_address", "its devEUI: 16 hexadecimal digits; 'MC-1' is not"),
        (registration("senml", "MC-2"), "bad_address", "by its label: leave the address empty"),
        (registration("jt808", "139", "cayenne_lpp"), "unknown_codec", "jt808 sends no bytes that need a codec"),
        (registration("chirpstack", "24e124713d111111", "nope"), "unknown_codec", "no uplink codec 'nope'; known: "),
        (
            registration("chirpstack", "24e124713d111111", "milesight_em500_swl", "bus"),
            "unknown_codec",
            "milesight_em500_swl gives nothing that a bus is there to measure",
        ),
    ],
)
def test_a_bad_name_says_why(row: Registration, reason: str, words: str) -> None:
    wrong = named(row, shipped())

    assert wrong.reason == reason
    assert words in wrong.detail
