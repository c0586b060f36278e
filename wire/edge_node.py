"""What a Sparkplug edge node's births told us: the memory without which its data cannot be read. Pure; only values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Definition(NamedTuple):
    """A metric as its birth declared it."""

    name: str
    alias: int | None
    channel: str
    """What we call the quantity: the last part of the name, or the whole name where two of the birth end alike."""
    datatype: int
    unit: str


class Birth(NamedTuple):
    """What one birth declared, to look up by alias and by name."""

    definitions: tuple[Definition, ...]
    by_alias: Mapping[int | None, Definition]
    by_name: Mapping[str, Definition]


def birth(definitions: Iterable[Definition]) -> Birth:
    """Give the birth of these definitions."""
    kept = tuple(definitions)
    return Birth(kept, {it.alias: it for it in kept if it.alias is not None}, {it.name: it for it in kept})


UNBORN = birth(())


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeNode:
    """An edge node as its messages up to now leave it; replaced, never changed."""

    alive: bool = False
    bd_seq: int | None = None
    """Number of the birth, which the death that belongs to it repeats."""
    next_seq: int | None = None
    """The `seq` the next message must have, 0 to 255; None = we have not seen a birth."""
    awaiting: bool = False
    """True from when we need a rebirth until it comes."""
    asked_us: int = 0
    """When a rebirth was last asked for; not kept beyond the process."""
    births: Mapping[str, Birth] = field(default_factory=dict[str, Birth])
    """By device, the node itself under ''."""


class Change(NamedTuple):
    """What a batch did to a node, as far as it must be kept."""

    name: str
    """`<group>/<node>`."""
    node: EdgeNode
    born: tuple[str, ...]
    """Devices ('' = the node) with a new birth."""
    gone: tuple[str, ...]
    """Devices whose birth is void."""
