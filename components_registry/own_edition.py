"""A city's own edition of the catalogue, read from a folder of its own: what a city adds without touching our data.

`edition.toml` says what it is and how 16 digits divide, `classes.csv` has its classes, `mapping.csv`, if there is one,
what classes became from another edition or in it. All of it is checked here; what is wrong is said by file and line.
"""

import csv
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import msgspec

from components_registry.code import LENGTH
from components_registry.editions import PARTS, Edition, Editions, Successor, parts_of
from components_registry.encoding import encoding_of
from components_registry.taxonomy import Catalogue, ComponentClass, GeometryKind
from core.errors import InvalidInput

HEAD, CLASSES, MAPPING = "edition.toml", "classes.csv", "mapping.csv"
DISTRICT_DIGITS = 6
"""What every area of the city is keyed by."""
CLASS_DIGITS = (4, 5)
NEEDED = ("class_code", "name_zh", "name_en", "geometry", "department_zh", "department_en")
OPTIONAL = ("major_zh", "major_en", "subsystem", "source", "certainty")
PAIR = ("from_edition", "from_code", "to_edition", "to_code")
NO_SUBSYSTEM = "none"

_Name = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-z-]{1,40}$")]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class _Head(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What `edition.toml` says."""

    id: _Name
    title_zh: _Text
    title_en: _Text
    base: str = ""
    digits: dict[str, int] = {}
    source: str = "the city's own list"
    certainty: str = "A"


def add(known: Editions, folder: Path) -> Editions:
    """Give the editions with that of `folder`, which is the city's then; raises `InvalidInput` by file and line."""
    head = _head(folder / HEAD, known)
    base = known.by_id.get(head.base)
    split = _split(folder / HEAD, head, base)
    held = dict(base.catalogue.classes) if base else {}
    own = {entry.class_code: entry for entry in _classes(folder / CLASSES, head, split, held, known)}
    meanings = {part.name: (part.meaning_zh, part.meaning_en) for part in known.by_id[known.city].parts}
    edition = Edition(
        edition=head.id,
        title_zh=head.title_zh,
        title_en=head.title_en,
        catalogue=Catalogue(
            catalogue_id=head.id, split=split, classes=MappingProxyType(dict(sorted({**held, **own}.items())))
        ),
        parts=parts_of(split, meanings),
        source=head.source,
        certainty=head.certainty,
        base=head.base,
    )
    together = known.with_own(edition, {})
    file = folder / MAPPING
    return known.with_own(edition, _mapping(file, together)) if file.is_file() else together


def _head(file: Path, known: Editions) -> _Head:
    if not file.is_file():
        raise InvalidInput(
            f"{file} does not exist: a city's catalogue is a folder with {HEAD}, {CLASSES} and, if wanted, {MAPPING}"
        )
    try:
        head = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _Head)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(f"{file}: {error}") from error
    if head.id in {*known.by_id, *(one.catalogue.catalogue_id for one in known.by_id.values())}:
        raise InvalidInput(f"{file}: {head.id!r} is an edition of CityGrid: give the city's another id")
    if head.base and head.base not in known.by_id:
        raise InvalidInput(f"{file}: base {head.base!r} is no edition; there are {', '.join(known.by_id)}")
    return head


def _split(file: Path, head: _Head, base: Edition | None) -> tuple[int, int, int, int]:
    if not head.digits and base is None:
        raise InvalidInput(
            f"{file}: without a base, say how 16 digits divide: digits = {{ district = 6, major = 2, ... }}"
        )
    digits = head.digits or dict(zip(PARTS, base.catalogue.split if base else (), strict=True))
    if set(digits) != set(PARTS) or min(digits.values()) < 1:
        raise InvalidInput(f"{file}: digits are given for {', '.join(PARTS)}, one at least for each")
    split = (digits["district"], digits["major"], digits["minor"], digits["serial"])
    if sum(split) != LENGTH:
        raise InvalidInput(f"{file}: digits make {sum(split)}; a code has {LENGTH}")
    if split[0] != DISTRICT_DIGITS:
        raise InvalidInput(f"{file}: digits: district has {split[0]}; areas here are keyed by {DISTRICT_DIGITS}")
    if split[1] + split[2] not in CLASS_DIGITS:
        raise InvalidInput(f"{file}: digits: major and minor make {split[1] + split[2]}; a class has 4 or 5")
    if base and base.catalogue.classes and split[1:3] != base.catalogue.split[1:3]:
        raise InvalidInput(
            f"{file}: digits: classes of {head.base} have {base.catalogue.split[1]} + {base.catalogue.split[2]} digits;"
            f" with another split leave base out, list all classes, and say in {MAPPING} what they were"
        )
    return split


def _classes(
    file: Path, head: _Head, split: tuple[int, int, int, int], held: Mapping[str, ComponentClass], known: Editions
) -> Iterator[ComponentClass]:
    seen: set[str] = set()
    majors = {code[: split[1]]: (one.major_zh, one.major_en) for code, one in held.items()}
    subsystems = {one.subsystem for edition in known.by_id.values() for one in edition.catalogue.classes.values()}
    for where, row in _rows(file, NEEDED, OPTIONAL):
        code, width = row["class_code"], split[1] + split[2]
        if len(code) != width or not (code.isascii() and code.isdigit()):
            raise InvalidInput(f"{where}: class_code {code!r} is not {width} digits (is the column text?)")
        if code in seen:
            raise InvalidInput(f"{where}: class {code} appears twice")
        entry = _class(where, row, head, majors)
        if code in held and held[code].name_zh != entry.name_zh:
            raise InvalidInput(
                f"{where}: class {code} is {held[code].name_zh} in {head.base}, not {entry.name_zh}: a row for it may"
                " change its department, not what it is; take a free code (a city's own count down from 99)"
            )
        if entry.subsystem not in subsystems:
            raise InvalidInput(f"{where}: subsystem {entry.subsystem!r} is none of {', '.join(sorted(subsystems))}")
        seen.add(code)
        majors.setdefault(code[: split[1]], (entry.major_zh, entry.major_en))
        yield entry
    if not seen and not held:
        raise InvalidInput(f"{file}: no class at all")


def _class(where: str, row: Mapping[str, str], head: _Head, majors: Mapping[str, tuple[str, str]]) -> ComponentClass:
    missing = [name for name in NEEDED if not row[name]]
    if missing:
        raise InvalidInput(f"{where}: no {missing[0]}")
    if row["geometry"] not in {*GeometryKind}:
        raise InvalidInput(f"{where}: geometry {row['geometry']!r} is none of {', '.join(GeometryKind)}")
    major = next((names for digits, names in majors.items() if row["class_code"].startswith(digits)), ("", ""))
    major_zh, major_en = row["major_zh"] or major[0], row["major_en"] or major[1]
    if not (major_zh and major_en):
        raise InvalidInput(f"{where}: no class before has this major: give major_zh and major_en")
    return ComponentClass(
        class_code=row["class_code"],
        major_zh=major_zh,
        major_en=major_en,
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        geometry=GeometryKind(row["geometry"]),
        subsystem=row["subsystem"] or NO_SUBSYSTEM,
        department_zh=row["department_zh"],
        department_en=row["department_en"],
        source=row["source"] or head.source,
        certainty=row["certainty"] or head.certainty,
    )


def _mapping(file: Path, known: Editions) -> Mapping[tuple[str, str], Sequence[Successor]]:
    found: dict[tuple[str, str], list[Successor]] = {}
    for where, row in _rows(file, PAIR, ("certainty", "source")):
        old, new = row["from_edition"], row["to_edition"]
        if known.city not in (old, new) or old == new:
            raise InvalidInput(
                f"{where}: it says what classes became from {known.city} or in it, not from {old} to {new}"
            )
        for name, code in ((old, row["from_code"]), (new, row["to_code"])):
            if name not in known.by_id:
                raise InvalidInput(f"{where}: there is no edition {name!r}; there are {', '.join(known.by_id)}")
            if code not in known.by_id[name].catalogue.classes:
                raise InvalidInput(f"{where}: edition {name} has no class {code!r}")
        one = Successor(
            from_code=row["from_code"],
            to_code=row["to_code"],
            certainty=row["certainty"] or known.by_id[known.city].certainty,
            source=row["source"] or known.by_id[known.city].source,
        )
        found.setdefault((old, new), []).append(one)
    return MappingProxyType(found)


def _rows(file: Path, needed: Sequence[str], optional: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give where each row of a CSV stands and its columns, stripped; raises `InvalidInput` for another heading."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}") from error
    encoding, _ = encoding_of([content], "", str(file))
    reader = csv.DictReader(StringIO(content.decode(encoding).removeprefix("\ufeff"), newline=""))
    header = reader.fieldnames or []
    wrong = [name for name in needed if name not in header] or [n for n in header if n not in (*needed, *optional)]
    if wrong:
        raise InvalidInput(
            f"{file}: column {wrong[0]!r}: it has to have {', '.join(needed)}; it may have {', '.join(optional)}"
        )
    for row in reader:
        where = f"{file}:{reader.line_num}"
        if None in row or None in row.values():
            raise InvalidInput(f"{where}: not {len(header)} fields, as the heading has")
        yield where, {**dict.fromkeys(optional, ""), **{name: value.strip() for name, value in row.items()}}
