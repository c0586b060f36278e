"""HTTP for the live stream: server-sent events, resumable by the last event's id."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
import psycopg
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from api.feeds import PAGE, incident_frame
from api.live import Frame, Subscriber, encode
from api.services import Services, Use
from storage.queries import incidents
from storage.scope import Extent

router = APIRouter(tags=["live"])

HEARTBEAT_S = 10.0
SEND_LIMIT_S = 30.0
"""A reader that takes nothing for this long is gone."""
RETRY = b"retry: 2000\n\n"
TOO_SLOW = b": too slow: reconnect with Last-Event-ID to go on where you were\n\n"
GOODBYE = b": the stream ends here: reconnect with Last-Event-ID to go on\n\n"

EventId = Annotated[int | None, Query(ge=0, le=2**63 - 1, description="As the header Last-Event-ID, for scripts.")]


class EventStream(StreamingResponse):
    """A stream that gives up on a reader that takes nothing."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        """Send as Starlette does, each part within a time limit."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_LIMIT_S):
                await send(message)

        try:
            await super().stream_response(send_in_time)
        except TimeoutError:
            return


@router.get("/stream", response_class=EventStream)
async def follow_events(
    request: Request,
    services: Use,
    last_event_id: EventId = None,
    resume: Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=2**63 - 1)] = None,
) -> Response:
    """Follow the city live, as server-sent events.

    `incident` (with an id): a step of an incident, with the incident as it is now. `devices` (no id): devices that
    moved or changed, in the short rows of `/devices/live`, about once a second. `heartbeat`: each ten seconds. Without
    a resume point the stream starts now. A reader that is too slow is let go and resumes by its last id; it misses
    nothing. The stream ends within seconds after its session or key does.
    Whose roles are granted for an area is told of that area only.
    """
    start = resume if last_event_id is None else last_event_id
    missed: list[dict[str, Any]] = []
    if start is not None:
        async with services.within(None).reading() as conn:
            newest = await incidents.newest_event(conn)
        start = min(start, newest)  # an id of another database would skip everything
        async with services.reading() as conn:
            missed = await incidents.events_after(conn, start, limit=PAGE)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_events(request, services, start, missed), headers=headers)


async def _events(
    request: Request, services: Services, start: int | None, missed: list[dict[str, Any]]
) -> AsyncIterator[bytes]:
    with services.hub.subscribe() as subscriber, services.authenticator.watching(request, subscriber.end):
        sent = services.hub.last_event_id if start is None else start
        yield RETRY + _heartbeat(services.clock(), sent)
        try:
            seen = await services.extent()
            while missed:
                for row in missed:
                    sent = int(row["event_id"])
                    yield incident_frame(row).text
                missed = await _after(services, sent or 0)
            if start is not None:  # what was committed between the question above and the subscription
                for row in await _after(services, sent or 0):
                    sent = int(row["event_id"])
                    yield incident_frame(row).text
        except psycopg.OperationalError:
            yield GOODBYE
            return
        async for part in _live(services, subscriber, sent, seen):
            yield part


async def _after(services: Services, event_id: int) -> list[dict[str, Any]]:
    async with services.reading() as conn:
        return await incidents.events_after(conn, event_id, limit=PAGE)


async def _live(
    services: Services, subscriber: Subscriber, sent: int | None, seen: Extent | None
) -> AsyncIterator[bytes]:
    """Give what the hub passes on of what is seen, except what was sent already, and heartbeats between."""
    loop = asyncio.get_running_loop()
    beat_at_s = loop.time() + HEARTBEAT_S
    while True:
        try:
            frame = await subscriber.next(max(0.0, beat_at_s - loop.time()))
        except TimeoutError:
            beat_at_s = loop.time() + HEARTBEAT_S
            yield _heartbeat(services.clock(), sent)
            continue
        if frame is None:
            yield TOO_SLOW if subscriber.dropped else GOODBYE
            return
        if frame.event_id is not None:
            if sent is not None and frame.event_id <= sent:
                continue
            sent = frame.event_id
        if part := frame.within(seen):
            yield part


def _heartbeat(now: datetime, sent: int | None) -> bytes:
    """Give a heartbeat; its id lets a browser that has seen no event yet resume from here."""
    data: Mapping[str, object] = {"now": now, "last_event_id": sent}
    frame: Frame = encode("heartbeat", msgspec.json.encode(data), sent)
    return frame.text
