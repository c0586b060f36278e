"""What devices say they are (maker, model, firmware), out of a batch's facts and into the registry."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from psycopg import AsyncConnection

from core.facts import LocatedFact
from core.fleet import Fleet
from devices import about, describing
from devices.describing import Told

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def note(conn: AsyncConnection, facts: Sequence[LocatedFact], fleet: Fleet, now: datetime) -> None:
    """Note what new facts say of their devices; does nothing for a batch without such a fact."""
    reports = [
        Told(device_id=int(fleet.device_id[fact.slot]), at=_EPOCH + timedelta(microseconds=fact.ts_us), words=words)
        for fact in facts
        if (words := about.of_fact(fact.kind, fact.detail))
    ]
    if reports:
        await describing.told(conn, reports, now)
