"""How each format names a device: the grammar of its addresses, and the one way we write them down. Pure; a table."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.errors import InvalidInput

NATIVE = "native"


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The grammar of a format's addresses."""

    grammar: re.Pattern[str]
    words: str
    """The grammar in words, for the person who typed it."""
    tidy: Callable[[str], str] = str.strip
    by_label: bool = False
    """True in our own topic tree, where the topic names the device by its label whatever the payload is."""
    has_uplinks: bool = False
    """True when readings may arrive as bytes that need a codec."""


def _dev_eui(text: str) -> str:
    """Write a devEUI as the network servers do: stickers say `0004A30B-001C-0530`, `00:04:a3:...`."""
    return re.sub(r"[\s:-]", "", text).lower()


def _phone(text: str) -> str:
    """Write a phone number without the zeros the frame's header fills it up with: 12 digits in 2013, 20 in 2019."""
    return text.strip().lstrip("0") or "0"


_LABEL = Naming(
    grammar=re.compile(r"[A-Za-z0-9_-]{1,64}"), words="its label: 1 to 64 of A-Z a-z 0-9 _ -", by_label=True
)
_DEV_EUI = Naming(
    grammar=re.compile(r"[0-9a-f]{16}"), words="its devEUI: 16 hexadecimal digits", tidy=_dev_eui, has_uplinks=True
)
_LEVEL = r"[^/+#\x00-\x1f\x7f]{1,80}"

NAMINGS: Mapping[str, Naming] = {
    NATIVE: _LABEL,
    "native_events": _LABEL,
    "senml": _LABEL,
    "cloudevents": _LABEL,
    "sparkplug": Naming(
        grammar=re.compile(rf"{_LEVEL}/{_LEVEL}(/{_LEVEL})?"),
        words="<group>/<edge node>/<device>, or <group>/<edge node> for the node itself",
    ),
    "chirpstack": _DEV_EUI,
    "things_stack": _DEV_EUI,
    "onvif": Naming(grammar=re.compile(_LEVEL), words="its topic prefix: one topic level, without / + #"),
    "gtfs_rt": Naming(
        grammar=re.compile(r"[^\x00-\x1f\x7f]{1,200}"), words="the feed's vehicle id: 1 to 200 printable characters"
    ),
    "jt808": Naming(grammar=re.compile(r"[0-9]{1,20}"), words="its phone number: 1 to 20 digits", tidy=_phone),
}
"""Format -> how it names devices."""


def canonical(form: str, address: str) -> str:
    """Give an address as decoders write it; raises `InvalidInput` for an unknown format or one outside its grammar."""
    naming = NAMINGS.get(form)
    if naming is None:
        raise InvalidInput(f"there is no format {form!r}; known: {', '.join(NAMINGS)}")
    tidy = naming.tidy(address)
    if not naming.grammar.fullmatch(tidy):
        raise InvalidInput(f"a device of format {form} is named by {naming.words}; {address!r} is not")
    return tidy
