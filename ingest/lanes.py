"""Shards and lanes: who reads which topics, under which client id. Pure; `ingest.source` opens what is named here.

A lane is an MQTT session of its own, so that the broker holds a queue of its own for it and no alarm waits behind bulk.
A shard is a part of the city that one process carries at a time: some districts, or all that comes in foreign formats.
Its name follows from what it carries, so two shards of one name are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.errors import InvalidInput
from wire import formats, topics

CLIENT_ID = "citygrid-ingest"
EVERY_SHARE = 10
"""A lane that waits gets at least one batch in so many, whatever waits before it (our choice)."""
_OWN_TREE = f"{topics.ROOT}/+/"


class Lane(StrEnum):
    """The queues of a shard, in the order they are taken."""

    ALARM = "alarm"
    LIVE = "live"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A part of the city's devices: those of its districts in our topic tree, and perhaps all of foreign formats."""

    name: str
    districts: tuple[str, ...] | None
    """District codes; None = all."""
    takes_foreign: bool
    """Whether it carries the devices that speak in their makers' own topic trees, whatever their district."""

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing beside it."""
        return self.districts is None and self.takes_foreign


CITY = Shard(name="city", districts=None, takes_foreign=True)
FOREIGN = Shard(name="foreign", districts=(), takes_foreign=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A lane of a shard as the broker knows it."""

    lane: Lane
    client_id: str
    filters: tuple[str, ...]


def shards(setting: str, districts: Sequence[str]) -> tuple[Shard, ...]:
    """Give the shards of `CITYGRID_SHARDS` for a city with these districts; raises `InvalidInput` in words.

    "" = one for all; "districts" = one a district; "130202,130203;130204" = as listed. More than one shard: foreign
    formats have one of their own, because their topics name no district.
    """
    wanted = setting.strip()
    if not wanted:
        return (CITY,)
    groups = (
        [[code] for code in sorted(districts)]
        if wanted == "districts"
        else [[code.strip() for code in part.split(",") if code.strip()] for part in wanted.split(";")]
    )
    named = [code for group in groups for code in group]
    if not named or not all(groups):
        raise InvalidInput("CITYGRID_SHARDS names a shard without a district; it looks like 130202,130203;130204")
    if twice := sorted({code for code in named if named.count(code) > 1}):
        raise InvalidInput(f"CITYGRID_SHARDS gives {', '.join(twice)} to two shards; a district has exactly one")
    if unknown := sorted(set(named) - set(districts)):
        raise InvalidInput(f"CITYGRID_SHARDS names {', '.join(unknown)}, which the city does not have")
    if missing := sorted(set(districts) - set(named)):
        raise InvalidInput(f"CITYGRID_SHARDS leaves out {', '.join(missing)}: nobody would carry their messages")
    ordered = (tuple(sorted(group)) for group in groups)
    return (
        *(Shard(name="-".join(group), districts=group, takes_foreign=False) for group in ordered),
        FOREIGN,
    )


def queues(shard: Shard, client_id: str = CLIENT_ID) -> tuple[Queue, ...]:
    """Give the shard's lanes that have anything to read, in the order they are taken."""
    base = client_id if shard == CITY else f"{client_id}-{shard.name}"
    names = {Lane.ALARM: f"{base}-alarm", Lane.LIVE: base, Lane.BACKLOG: f"{base}-backlog"}
    found = (Queue(lane=lane, client_id=name, filters=_filters(shard, lane)) for lane, name in names.items())
    return tuple(queue for queue in found if queue.filters)


def _filters(shard: Shard, lane: Lane) -> tuple[str, ...]:
    districts = ("+",) if shard.districts is None else shard.districts
    match lane:
        case Lane.ALARM:
            return tuple(topics.native_filter(topics.ALARM, district) for district in districts)
        case Lane.BACKLOG:
            return tuple(topics.native_filter(topics.BACKLOG, district) for district in districts)
        case Lane.LIVE:
            known = [pattern for known in formats.FORMATS for pattern in known.filters]
            own = [pattern for pattern in known if pattern.startswith(_OWN_TREE)]
            foreign = [pattern for pattern in known if not pattern.startswith(_OWN_TREE)]
            return (
                *(topics.native_filter(topics.TELEMETRY, district) for district in districts),
                *(pattern.replace(_OWN_TREE, f"{topics.ROOT}/{code}/", 1) for pattern in own for code in districts),
                *(foreign if shard.takes_foreign else ()),
            )


class Turns:
    """Whose batch is next: the first lane in order that waits, except that nobody is passed over for ever."""

    def __init__(self) -> None:
        self._passed = dict.fromkeys(Lane, 0)

    def next(self, waiting: Sequence[Lane]) -> Lane:
        """Give the lane to take from, of those that wait (at least one)."""
        ordered = [lane for lane in Lane if lane in waiting]
        chosen = next((lane for lane in ordered if self._passed[lane] >= EVERY_SHARE - 1), ordered[0])
        for lane in Lane:
            self._passed[lane] = 0 if lane is chosen or lane not in waiting else self._passed[lane] + 1
        return chosen
