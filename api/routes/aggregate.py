"""HTTP for readings of many devices together: a class or a profile over time, in the city or a district."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.instant import Instant
from api.services import Use
from core.errors import InvalidInput
from storage import levels
from storage.levels import Level
from storage.queries import aggregate

router = APIRouter(prefix="/readings", tags=["readings"])
USUAL_SPAN = timedelta(hours=24)
MOST_POINTS = 5000
BUCKETS_S = (300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, levels.DAY_S)


class Aggregate(BaseModel):
    """One channel of many devices over time."""

    channel: str
    unit: str
    level: Level = Field(description="The coarsest roll-up that was read.")
    average: str = Field(
        description="Kind of mean: arithmetic, or time_weighted for states that hold until they change."
    )
    bucket_s: int = Field(
        description="Width of a bucket, seconds; aligned to the clock (UTC), from a day on to the city's days."
    )
    complete_to: datetime = Field(
        description="Buckets before this are rolled up: about 30 s after they ended. What is newer is not counted yet."
    )
    points: list[tuple[int, float, float, float, int]] = Field(
        description="[start of bucket in epoch ms, min, mean, max, count] over all devices; an empty bucket is absent."
    )


@router.get("/aggregate")
async def aggregate_readings(  # noqa: PLR0913, PLR0917  # one argument a parameter
    services: Use,
    channel: Annotated[str, Query(max_length=64, examples=["tilt_deg"])],
    class_code: Annotated[
        str | None, Query(max_length=5, description="Class of the component; empty = on none.")
    ] = None,
    profile: Annotated[str | None, Query(max_length=64)] = None,
    district_code: Annotated[str | None, Query(max_length=6)] = None,
    start: Annotated[Instant | None, Query(alias="from", description="Usual: 24 hours before `to`.")] = None,
    end: Annotated[Instant | None, Query(alias="to", description="Not included. Usual: now.")] = None,
    bucket: Annotated[int, Query(description=f"Width, seconds: one of {', '.join(map(str, BUCKETS_S))}.")] = 300,
) -> Aggregate:
    """Give one channel of all devices of a class, a profile or a district together, over time.

    `from` and `to` are moved outwards to whole buckets. A device counts where it stood when its bucket was rolled up.
    """
    if bucket not in BUCKETS_S:
        raise InvalidInput(f"bucket: must be one of {', '.join(map(str, BUCKETS_S))}")
    until = end or services.clock()
    since = start or until - USUAL_SPAN
    if not timedelta(0) < until - since <= MOST_POINTS * timedelta(seconds=bucket):
        raise InvalidInput(f"from: must be before to, and at most {MOST_POINTS} buckets before")
    since, until = _outwards(since, until, bucket, ZoneInfo(services.timezone))
    question = aggregate.Question(
        channel=channel,
        filters={"class_code": class_code, "profile": profile, "district_code": district_code},
        start=since,
        end=until,
        width_s=bucket,
    )
    async with services.reading() as conn:
        answer = await aggregate.answer(conn, question)
    if answer is None:
        raise InvalidInput(f"channel: no profile{f' {profile}' if profile else ''} has {channel!r}")
    return Aggregate(
        channel=channel,
        unit=answer.unit,
        level=answer.level,
        average=answer.average,
        bucket_s=answer.bucket_s,
        complete_to=answer.complete_to,
        points=answer.points,
    )


def _outwards(since: datetime, until: datetime, width_s: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    if width_s == levels.DAY_S:
        return levels.floor(Level.DAY, since, zone), levels.ceil(Level.DAY, until, zone)
    first, last = int(since.timestamp() // width_s), int(-(-until.timestamp() // width_s))
    return datetime.fromtimestamp(first * width_s, UTC), datetime.fromtimestamp(last * width_s, UTC)
