"""Editions of the catalogue as data: their classes, how 16 digits divide in each, and which class became which.

A class code means nothing without its edition: 0308 is an environmental monitoring station in the list of 2007 and a
notice board in that of 2013. Where no source says what a class became, or two answers are possible, none is chosen.
A city's own edition is added by `components_registry.own_edition`.
"""

import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from itertools import accumulate
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
"""The city's edition where nobody sets another one."""
SAME = "the same class in the edition it is based on"


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
    base: str = ""
    """The edition whose classes it has beside its own; empty: none."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Editions:
    """The editions there are, what classes became from one to another, and which one the city uses."""

    by_id: Mapping[str, Edition]
    mapping: Mapping[tuple[str, str], Sequence[Successor]]
    """By the editions from which and to which."""
    city: str

    @property
    def catalogue(self) -> Catalogue:
        """The classes of the city's edition."""
        return self.by_id[self.city].catalogue

    def edition(self, name: str) -> Edition:
        """Give an edition; raises `NotFound` that names those there are."""
        if name not in self.by_id:
            raise NotFound(f"there is no edition {name!r} of the catalogue; there are {', '.join(self.by_id)}")
        return self.by_id[name]

    def successors(self, old: str, new: str) -> list[Successor]:
        """Give what the classes of an edition became in another one; a class that was divided stands there twice.

        What a class became in the edition that another one is based on, it is there too, unless that one says else.
        Raises: `NotFound` for an edition or a pair that nothing is known of.
        """
        for name in (old, new):
            self.edition(name)
        found = self._known(old, new)
        if not found:
            raise NotFound(f"nothing is known of what classes of {old} are in {new}")
        return found

    def _known(self, old: str, new: str) -> list[Successor]:
        before, after = self.by_id[old], self.by_id[new]
        if old == new:
            classes = before.catalogue.classes
            return [Successor(from_code=one, to_code=one, certainty="A", source=SAME) for one in classes]
        said = self.mapping.get((old, new), ())
        told = {one.from_code for one in said}
        inherited: list[Successor] = []
        if before.base == new:
            inherited = self._known(new, new)
        elif after.base:
            inherited = self._known(old, after.base)
        elif before.base:
            inherited = self._known(before.base, new)
        return sorted((*said, *(one for one in inherited if one.from_code not in told)), key=lambda one: one.from_code)

    def recode(self, codes: NDArray[np.object_], old: str, chosen: Mapping[str, str]) -> Recoded:
        """Give codes of edition `old` in the city's: another class, the same district and serial.

        `chosen` says what a class became where that is not known, or known otherwise.
        """
        known: dict[str, list[str]] = {}
        for one in self.successors(old, self.city):
            known.setdefault(one.from_code, []).append(one.to_code)
        number, distinct = factorize(codes)
        classes = [self._class_of(text, old) for text in distinct]
        targets = {name: [chosen[name]] if name in chosen else known.get(name, []) for name in set(classes)}
        made = np.empty(len(distinct), dtype=np.object_)
        former, flaw = made.copy(), made.copy()
        done = np.zeros(len(distinct), dtype=np.bool_)
        for position, (text, name) in enumerate(zip(distinct, classes, strict=True)):
            new = self._moved(text, old, targets[name][0]) if name and len(targets[name]) == 1 else None
            done[position] = new is not None
            made[position], former[position], flaw[position] = new or text, text if new else "", None
            if name and new is None:
                flaw[position] = Flaw.NO_MAPPING if targets[name] else CodeFlaw.UNKNOWN_CLASS
        converted = np.where(done, np.asarray(classes, dtype=np.object_), "")[number]
        names, counts = np.unique(converted[converted != ""].astype(np.str_), return_counts=True)
        return Recoded(
            codes=made[number],
            former=former[number],
            flaw=flaw[number],
            classes=dict(zip(names.tolist(), counts.tolist(), strict=True)),
        )

    def _class_of(self, code: str, edition: str) -> str:
        """Give the class in a code of an edition; nothing for what is no code."""
        district, major, minor, _ = self.by_id[edition].catalogue.split
        return code[district : district + major + minor] if _is_code(code) else ""

    def _moved(self, code: str, old: str, to_class: str) -> str | None:
        """Give a code with another class; None when its serial has more digits than the city's edition."""
        width = self.catalogue.split[3]
        serial = str(int(code[LENGTH - self.by_id[old].catalogue.split[3] :]))
        if len(serial) > width:
            return None
        return f"{code[: self.catalogue.split[0]]}{to_class}{serial.zfill(width)}"

    def explain(self, flaw: str, code: str, old: str) -> str:
        """Say why a code of edition `old` has no counterpart in the city's, and what would help."""
        name = self._class_of(code, old)
        if flaw == CodeFlaw.UNKNOWN_CLASS:
            return f"{code!r} has class {name!r}, which is not in the edition of {old}"
        became = [one.to_code for one in self.successors(old, self.city) if one.from_code == name]
        if len(became) > 1 and self._moved(code, old, became[0]):
            return f"class {name} of {old} is {' or '.join(became)} now: say which with --as-class {name}={became[0]}"
        width = self.catalogue.split[3]
        return f"the serial of {code!r} has more than the {width} digits it has in {self.city}: issue a new code"

    def remarks(self, classes: Mapping[str, int], old: str) -> list[str]:
        """Say of which converted classes it is not sure what they became."""
        unsure = [one for one in self.successors(old, self.city) if one.certainty != "A" and classes.get(one.from_code)]
        return [
            f"{classes[one.from_code]} rows of class {one.from_code} ({old}) were read as {one.to_code},"
            f" which is not sure (certainty {one.certainty}: {one.source})"
            for one in unsure
        ]

    def with_own(self, own: Edition, mapping: Mapping[tuple[str, str], Sequence[Successor]]) -> "Editions":
        """Give the editions with a city's own one, which is the city's from now on."""
        return replace(
            self,
            by_id=MappingProxyType({**self.by_id, own.edition: own}),
            mapping=MappingProxyType({**self.mapping, **mapping}),
            city=own.edition,
        )


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
        parts=parts_of(split, {name: (said["zh"], said["en"]) for name, said in meanings.items()}),
        source=entry["source"],
        certainty=entry["certainty"],
        base=entry.get("base", ""),
    )


def parts_of(split: Sequence[int], meanings: Mapping[str, tuple[str, str]]) -> tuple[Part, ...]:
    """Give the parts of a code: which digits each has, and what they mean in Chinese and English."""
    ends = list(accumulate(split))
    return tuple(
        Part(name=name, first=end - width + 1, last=end, meaning_zh=meanings[name][0], meaning_en=meanings[name][1])
        for name, width, end in zip(PARTS, split, ends, strict=True)
    )


def _file(name: str) -> str:
    return resources.files("components_registry").joinpath(name).read_text(encoding="utf-8")


def load_mapping(text: str) -> Mapping[tuple[str, str], Sequence[Successor]]:
    """Give what classes became, from CSV `text`, by the editions from which and to which."""
    found: dict[tuple[str, str], list[Successor]] = {}
    for row in csv.DictReader(text.splitlines()):
        pair = found.setdefault((row.pop("from_edition"), row.pop("to_edition")), [])
        pair.append(Successor(**row))
    return MappingProxyType(found)


def _is_code(text: str) -> bool:
    return len(text) == LENGTH and text.isascii() and text.isdigit()


SHIPPED = Editions(
    by_id=load_editions(
        _file("editions.toml"), {name: _file(name) for name in ("catalogue.csv", "catalogue_2007.csv")}
    ),
    mapping=load_mapping(_file("edition_mapping.csv")),
    city=DEFAULT,
)
"""What comes with CityGrid."""
