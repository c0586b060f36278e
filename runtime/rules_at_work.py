"""The rules a shard works with: as published, and swapped between two batches.

Live rules of the same name keep what they remember; cases of a rule that is no more recover, with the reason "rule
withdrawn". Shadows begin, go on and end the same way, and nobody is told. What was published while nobody carried the
shard is taken up as it would have been then.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from psycopg import AsyncConnection

from alerts import engine, fan_in, member_store, memory_store, shadow, shadow_store, versions
from alerts import store as incidents
from alerts.case import WITHDRAWN
from alerts.case_memory import Cases, Firing
from alerts.engine import Kind, Proof, Transition
from alerts.rule import Rule, Rulebook, plain
from core.errors import InvalidInput
from runtime.ingestor import Live, require_lease

log: structlog.stdlib.BoundLogger = structlog.get_logger()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Published:
    """What is to be at work."""

    live: Rulebook
    shadows: Mapping[int, Rulebook]
    """By version; the live version's own number stands for its rules in shadow."""


async def published(conn: AsyncConnection, otherwise: Rulebook) -> Published:
    """Give what is published, `otherwise` when nothing is; raises `InvalidInput` for a version that cannot be read."""
    found = await versions.in_force(conn)
    book = _read(found, otherwise) if found is not None else otherwise
    shadows = {one.version: shadow.in_shadow(_read(one, otherwise)) for one in await versions.in_shadow(conn)}
    if (part := shadow.shadow_part(book)) is not None and book.version:
        shadows[book.version] = part
    return Published(shadow.live_part(book), shadows)


def _read(version: versions.Version, like: Rulebook) -> Rulebook:
    try:
        return version.book(like.calendar)
    except InvalidInput as error:
        raise InvalidInput(
            f"version {version.version} of the rules is at work and cannot be read by this release:"
            f" publish a mended one (`citygrid rules publish`): {error}"
        ) from error


async def with_withdrawn(conn: AsyncConnection, book: Rulebook) -> Rulebook:
    """Give the book with the rules that fire still and left it meanwhile, so that `swap` can end their cases."""
    missing = {name for name in await member_store.rules_that_fire(conn) if plain(name) == name}
    missing -= {rule.name for rule in book.rules}
    found: list[Rule] = []
    for version in reversed(await versions.history(conn)) if missing else ():
        try:
            rules = version.book(book.calendar).rules
        except InvalidInput:
            continue  # written for a release before; its cases stay for people
        found += [rule for rule in rules if rule.name in missing]
        missing -= {rule.name for rule in found}
    return replace(book, rules=(*book.rules, *found)) if found else book


async def swap(live: Live, wanted: Published, now: datetime) -> None:
    """Put what is published to work: one transaction, then the memory."""
    fleet, gone = live.directory.fleet, sorted(_names(live.rulebook) - _names(wanted.live))
    step = engine.step(live.state, (), live.rulebook, fleet, now)
    step = replace(step, transitions=(*step.transitions, *_recoveries(live.cases, gone, now)))
    decided = fan_in.decide(live.cases, step, live.rulebook, fleet, now)
    async with live.conn.transaction():
        await require_lease(live)
        await incidents.record(live.conn, decided, fleet, now, live.city)
        await memory_store.keep(live.conn, step.changes, fleet, live.shard)
        await member_store.keep(live.conn, decided, fleet)
        await memory_store.forget_rules(live.conn, gone, fleet)
        await shadow_store.forget_all_but(live.conn, list(wanted.shadows))
        kept = {one.version: one for one in live.shadows if one.version in wanted.shadows}
        shadows = [
            kept.get(version) or await shadow_store.load(live.conn, version, book, fleet, live.shard)
            for version, book in wanted.shadows.items()
        ]
        cases = await member_store.load(live.conn, wanted.live, fleet)
    engine.commit(live.state, step)
    for name in gone:
        live.state.forget(name)
    cases.silences = live.cases.silences
    for one in shadows:
        one.cases.silences = live.cases.silences
    live.rulebook, live.cases, live.shadows = wanted.live, cases, shadows
    log.info(
        "rules_at_work", shard=live.shard, version=wanted.live.version, rules=len(wanted.live.rules),
        shadows=sorted(wanted.shadows), withdrawn=gone,
    )  # fmt: skip


def _names(book: Rulebook) -> set[str]:
    return {rule.name for rule in book.rules}


def _recoveries(cases: Cases, gone: list[str], now: datetime) -> Iterator[Transition]:
    now_us = (now - _EPOCH) // timedelta(microseconds=1)
    for (name, slot), firing in cases.firings.items():
        if name in gone:
            yield Transition(
                kind=Kind.RECOVERED,
                rule=firing.rule,
                slot=slot,
                ts_us=max(now_us, firing.transition.ts_us + _counts_us(firing)),
                since_us=firing.transition.ts_us,
                origin=firing.transition.origin,
                unit_grid_id=-1,
                lon_deg=NAN,
                lat_deg=NAN,
                proof=Proof(channel=None, comparison=WITHDRAWN, threshold=None, value=NAN),
            )


def _counts_us(firing: Firing) -> int:
    """Give how long it counts among others; withdrawn, it counts no longer."""
    spans = (firing.rule.together, firing.rule.same_place)
    return max((span.within_us for span in spans if span is not None), default=0)
