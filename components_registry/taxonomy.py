"""The catalogue of component classes (部件小类), read from the package's own data and checked at import.

A class code means something only inside its edition: 0308 is another thing in the lists of 2007 and 2013, and
extension codes (99 downwards) are local to a city. So everything is keyed by (catalogue, class code).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from types import MappingProxyType

from core.errors import InvalidInput

TANGSHAN_2013 = "gbt30428.2-2013-tangshan"
CLASS_COUNT = 116


class GeometryKind(StrEnum):
    """What a class is drawn as."""

    POINT = "point"
    LINE = "line"
    POLYGON = "polygon"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentClass:
    """One class, with who answers for it, where we know it from and how surely (grades A best, C ours)."""

    class_code: str
    major_zh: str
    major_en: str
    name_zh: str
    name_en: str
    geometry: GeometryKind
    subsystem: str
    department_zh: str
    department_en: str
    source: str
    certainty: str

    @property
    def is_extension(self) -> bool:
        """Whether the code is a city's own, counted down from 99 inside its major class."""
        return self.certainty.startswith("C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Classes of one edition, and how its 16 digits divide: district, major, minor, serial."""

    catalogue_id: str
    split: tuple[int, int, int, int]
    classes: Mapping[str, ComponentClass]

    def __post_init__(self) -> None:
        if sum(self.split) != 16:
            raise InvalidInput(f"catalogue {self.catalogue_id}: the parts {self.split} of a code must make 16 digits")
        width = self.split[1] + self.split[2]
        for code, entry in self.classes.items():
            if code != entry.class_code or len(code) != width or not (code.isascii() and code.isdigit()):
                raise InvalidInput(f"catalogue {self.catalogue_id}: class code {code!r} is not {width} digits")


def load_catalogue(catalogue_id: str, text: str, split: tuple[int, int, int, int] = (6, 2, 2, 6)) -> Catalogue:
    """Give the catalogue in CSV `text`; the column names are the fields of `ComponentClass`.

    Raises: `InvalidInput` for a code that appears twice or has the wrong width.
    """
    classes: dict[str, ComponentClass] = {}
    for row in csv.DictReader(text.splitlines()):
        kind = GeometryKind(row.pop("geometry"))
        entry = ComponentClass(**row, geometry=kind)
        if entry.class_code in classes:
            raise InvalidInput(f"catalogue {catalogue_id}: class {entry.class_code} appears twice")
        classes[entry.class_code] = entry
    return Catalogue(catalogue_id=catalogue_id, split=split, classes=MappingProxyType(classes))


def _shipped() -> Catalogue:
    text = resources.files("components_registry").joinpath("catalogue.csv").read_text(encoding="utf-8")
    catalogue = load_catalogue(TANGSHAN_2013, text)
    if len(catalogue.classes) != CLASS_COUNT:
        raise InvalidInput(f"the shipped catalogue has {len(catalogue.classes)} classes, not {CLASS_COUNT}")
    return catalogue


TANGSHAN = _shipped()
"""The 116 classes of this city. Tangshan's own list is not public: see `certainty` and docs/data."""
