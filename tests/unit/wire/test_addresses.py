"""How formats name devices: every format has a grammar, and every spelling of an address one form."""

import pytest

from core.errors import InvalidInput
from wire.addresses import NAMINGS, NATIVE, canonical
from wire.formats import FORMATS
from wire.topics import is_ours


def test_every_format_names_devices_and_by_label_in_our_own_tree_only() -> None:
    by_label = {known.name: all(map(is_ours, known.filters)) for known in FORMATS}

    assert {name: NAMINGS[name].by_label for name in by_label} == by_label
    assert NAMINGS[NATIVE].by_label


@pytest.mark.parametrize(
    ("form", "typed", "stored"),
    [
        ("chirpstack", "24E124713D111111", "24e124713d111111"),
        ("things_stack", " 24-e1-24-71-3d-11-11-11 ", "24e124713d111111"),
        ("chirpstack", "24:E1:24:71:3D:11:11:11", "24e124713d111111"),
        ("sparkplug", "plant/node-1/pump", "plant/node-1/pump"),
        ("sparkplug", "plant/node-1", "plant/node-1"),
        ("jt808", "013912345678", "13912345678"),
        ("onvif", "E4:30:22:F3:31:AA", "E4:30:22:F3:31:AA"),
        ("gtfs_rt", "公交 7", "公交 7"),
    ],
)
def test_an_address_has_one_form(form: str, typed: str, stored: str) -> None:
    assert canonical(form, typed) == stored


@pytest.mark.parametrize(
    ("form", "typed", "words"),
    [
        ("morse", "x", "there is no format 'morse'; known: native"),
        ("chirpstack", "24e124713d1111", "its devEUI: 16 hexadecimal digits"),
        ("sparkplug", "plant", "<group>/<edge node>/<device>"),
        ("sparkplug", "plant/+/pump", "<group>/<edge node>/<device>"),
        ("jt808", "+8613912345678", "1 to 20 digits"),
        ("onvif", "site/camera", "one topic level"),
        ("gtfs_rt", "a\x00b", "1 to 200 printable characters"),
        ("native", "no spaces", "1 to 64 of A-Z a-z 0-9 _ -"),
    ],
)
def test_an_address_outside_the_grammar_says_what_it_should_be(form: str, typed: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words.replace("+", r"\+")):
        canonical(form, typed)
