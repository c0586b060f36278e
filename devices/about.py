"""What a device is: maker, model, serial number, hardware and firmware, said by a person or by the device. Pure."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LONGEST = 100
BY_ITSELF = "device"
"""Who said it, when the device did."""
KIND, TEXT = "about", "text"
"""Facts that say it: our own, with these words as its detail, and a text metric of Sparkplug."""
SPARKPLUG: Mapping[str, str] = {
    "Properties/Hardware Make": "maker",
    "Properties/Hardware Model": "model",
    "Properties/Serial Number": "serial",
    "Properties/Hardware Version": "hardware",
    "Properties/FW": "firmware",
}
"""Name of a metric -> word; the names of the Sparkplug specification's own examples, and their neighbours."""
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a device is; empty = not said."""

    maker: str = ""
    model: str = ""
    serial: str = ""
    hardware: str = ""
    firmware: str = ""


UNSAID = About()
WORDS = tuple(asdict(UNSAID))
"""In the order people read them."""


def fault(about: About) -> tuple[str, str] | None:
    """Give the first word that cannot be kept and what is wrong with it."""
    for word, said in asdict(about).items():
        if said and not _PLAIN.fullmatch(said):
            return word, f"{word} must be at most {LONGEST} characters on one line"
    return None


def of_fact(kind: str, detail: Mapping[str, Any]) -> dict[str, str]:
    """Give what a fact says of its device by word; what cannot be kept is left out, for nobody is there to mend it."""
    if kind == KIND:
        given: Mapping[str, Any] = {word: detail.get(word) for word in WORDS}
    elif kind == TEXT and (word := SPARKPLUG.get(str(detail.get("name")))):
        given = {word: detail.get("text")}
    else:
        return {}
    return {word: text for word, said in given.items() if (text := _text(said)) and _PLAIN.fullmatch(text)}


def _text(said: object) -> str:
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return ""
    return str(said).strip()
