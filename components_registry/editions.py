"""Editions of the catalogue as data: their classes, how 16 digits divide in each, and which class became which.

A class code means nothing without its edition: 0308 is an environmental monitoring station in the list of 2007 and a
notice board in that of 2013. Where no source says what a class became, or two answers are possible, none is chosen.
"""

import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components_registry.code import LENGTH, CodeFlaw
from components_registry.model import Flaw
from components_registry.table import factorize
from components_registry.taxonomy import Catalogue, load_catalogue
from core.errors import InvalidInput, NotFound

PARTS = ("district", "major", "minor", "serial")
DEFAULT = "tangshan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some digits of a code, counted from 1, and what they mean."""

    name: str
    first: int
    last: int
    meaning_zh: str
    meaning_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """An edition of the catalogue, what it rests on and how sure that is."""

    edition: str
    title_zh: str
    title_en: str
    catalogue: Catalogue
    parts: Sequence[Part]
    source: str
    certainty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """What a class of one edition is in another one."""

    from_code: str
    to_code: str
    certainty: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recoded:
    """Codes of another edition in ours. Shape: every column has the length of the codes."""

    codes: NDArray[np.object_]
    """The code in our edition; one that could not be read stays as it was, for the check of codes to explain."""
    former: NDArray[np.object_]
    """The code it had; empty where nothing was changed."""
    flaw: NDArray[np.object_]
    """Why a row cannot be converted, or None."""
    classes: Mapping[str, int]
    """Rows by class of the former edition that were converted."""


def load_editions(text: str, read: Mapping[str, str]) -> Mapping[str, Edition]:
    """Give the editions in TOML `text`; `read` gives the class lists it names by their file.

    Raises: `InvalidInput` for digits that do not make 16, or classes of another width.
    """
    content = tomllib.loads(text)
    editions = [_edition(entry, content["meanings"], read) for entry in content["edition"]]
    return MappingProxyType({edition.edition: edition for edition in editions})


def _edition(entry: Mapping[str, Any], meanings: Mapping[str, Any], read: Mapping[str, str]) -> Edition:
    digits: dict[str, int] = entry["digits"]
    if tuple(digits) != PARTS:
        raise InvalidInput(f"edition {entry['id']}: digits are given for {', '.join(PARTS)}, in this order")
    split = (digits["district"], digits["major"], digits["minor"], digits["serial"])
    parts: list[Part] = []
    for name, width in digits.items():
        first = parts[-1].last + 1 if parts else 1
        said = meanings[name]
        part = Part(name=name, first=first, last=first + width - 1, meaning_zh=said["zh"], meaning_en=said["en"])
        parts.append(part)
    found = load_catalogue(entry["catalogue_id"], read[entry["file"]] if "file" in entry else "", split)
    classes = {
        code: one for code, one in found.classes.items() if entry.get("extensions", True) or not one.is_extension
    }
    catalogue = Catalogue(catalogue_id=entry["catalogue_id"], split=split, classes=MappingProxyType(classes))
    return Edition(
        edition=entry["id"],
        title_zh=entry["title_zh"],
        title_en=entry["title_en"],
        catalogue=catalogue,
        parts=tuple(parts),
        source=entry["source"],
        certainty=entry["certainty"],
    )


def _file(name: str) -> str:
    return resources.files("components_registry").joinpath(name).read_text(encoding="utf-8")


EDITIONS = load_editions(
    _file("editions.toml"), {name: _file(name) for name in ("catalogue.csv", "catalogue_2007.csv")}
)
"""By id."""
_MAPPING = tuple(csv.DictReader(_file("edition_mapping.csv").splitlines()))


def edition(name: str) -> Edition:
    """Give an edition; raises `NotFound` that names those there are."""
    if name not in EDITIONS:
        raise NotFound(f"there is no edition {name!r} of the catalogue; there are {', '.join(EDITIONS)}")
    return EDITIONS[name]


def successors(old: str, new: str) -> list[Successor]:
    """Give what the classes of an edition became in another one; a class that was divided stands there twice.

    The city's extensions came after 2013: what an older class became in that edition it is in the city's.
    Raises: `NotFound` for an edition or a pair that nothing is known of.
    """
    for name in (old, new):
        edition(name)
    to = "2013" if new == DEFAULT else new
    found = [
        Successor(from_code=row["from_code"], to_code=row["to_code"], certainty=row["certainty"], source=row["source"])
        for row in _MAPPING
        if (row["from_edition"], row["to_edition"]) == (old, to)
    ]
    if not found:
        raise NotFound(f"nothing is known of what classes of {old} are in {new}")
    return found


def recode(codes: NDArray[np.object_], old: str, new: str, chosen: Mapping[str, str]) -> Recoded:
    """Give codes of edition `old` in edition `new`: another class, the same district and serial.

    `chosen` says what a class became where that is not known, or known otherwise.
    """
    known: dict[str, list[str]] = {}
    for one in successors(old, new):
        known.setdefault(one.from_code, []).append(one.to_code)
    district, major, minor, _ = EDITIONS[old].catalogue.split
    number, distinct = factorize(codes)
    classes = [text[district : district + major + minor] if _is_code(text) else "" for text in distinct]
    targets = {name: [chosen[name]] if name in chosen else known.get(name, []) for name in set(classes)}
    made = np.empty(len(distinct), dtype=np.object_)
    former, flaw = made.copy(), made.copy()
    for position, (text, name) in enumerate(zip(distinct, classes, strict=True)):
        made[position], former[position], flaw[position] = text, "", None
        if name and len(targets[name]) == 1:
            made[position] = f"{text[:district]}{targets[name][0]}{text[district + len(name) :]}"
            former[position] = text
        elif name:
            flaw[position] = Flaw.NO_MAPPING if targets[name] else CodeFlaw.UNKNOWN_CLASS
    converted = np.asarray([name if len(targets[name]) == 1 else "" for name in classes], dtype=np.object_)[number]
    names, counts = np.unique(converted[converted != ""].astype(np.str_), return_counts=True)
    return Recoded(
        codes=made[number],
        former=former[number],
        flaw=flaw[number],
        classes=dict(zip(names.tolist(), counts.tolist(), strict=True)),
    )


def explain(flaw: str, code: str, old: str, new: str) -> str:
    """Say why a code of edition `old` has no counterpart in `new`, and what would help."""
    district, major, minor, _ = EDITIONS[old].catalogue.split
    name = code[district : district + major + minor]
    if flaw == CodeFlaw.UNKNOWN_CLASS:
        return f"{code!r} has class {name!r}, which is not in the edition of {old}"
    became = [one.to_code for one in successors(old, new) if one.from_code == name]
    return f"class {name} of {old} is {' or '.join(became)} now: say which with --as-class {name}={became[0]}"


def remarks(classes: Mapping[str, int], old: str, new: str) -> list[str]:
    """Say of which converted classes it is not sure what they became."""
    unsure = [one for one in successors(old, new) if one.certainty != "A" and classes.get(one.from_code)]
    return [
        f"{classes[one.from_code]} rows of class {one.from_code} ({old}) were read as {one.to_code},"
        f" which is not sure (certainty {one.certainty}: {one.source})"
        for one in unsure
    ]


def _is_code(text: str) -> bool:
    return len(text) == LENGTH and text.isascii() and text.isdigit()
