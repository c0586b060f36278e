"""Which classes of components a city opens to everybody, and what is told of them: data, from a YAML file."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from core.errors import InvalidInput

SHIPPED = Path(__file__).with_name("public_places.yaml")

Word = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
ClassCode = Annotated[str, msgspec.Meta(pattern="^[0-9]{4,5}$")]
Column = Literal["name", "address"]


class PublicKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of places as citizens know it."""

    kind: Word
    name_zh: Name
    name_en: Name
    classes: tuple[ClassCode, ...] = ()
    shows: tuple[Column, ...] = ("name", "address")


class PublicPlaces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is public."""

    catalogue: str
    kinds: tuple[PublicKind, ...]

    def by_class(self) -> dict[str, PublicKind]:
        """Give the kind of every class that is open."""
        return {code: kind for kind in self.kinds for code in kind.classes}


def load(file: Path = SHIPPED) -> PublicPlaces:
    """Give what a file opens; raises `InvalidInput` naming the file and what is wrong with it."""
    try:
        places = msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), PublicPlaces)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise InvalidInput(f"{file}: {error}") from error
    codes = [code for kind in places.kinds for code in kind.classes]
    names = [kind.kind for kind in places.kinds]
    for values in (codes, names):
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise InvalidInput(f"{file}: named more than once: {', '.join(twice)}")
    return places
