"""A reader of the live stream, as a browser is one: notes the moment each incident becomes visible.

Resumes by the last event's id after every interruption, so an incident that came up while the API was away is seen when
it is back, and its delay includes that.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2
import structlog

from runtime.demo.match import Seen

log = structlog.get_logger()

RETRY_S = 0.2
QUIET_S = 30.0
"""The stream beats every ten seconds; three missed beats and we connect again."""
NEWS_KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An incident event when it reached us."""

    incident: Seen
    title: str
    seen_ms: int


@dataclass(slots=True)
class Watcher:
    """Follows `/api/v1/stream`; `on_sighting` hears of every incident event once."""

    base_url: str
    on_sighting: Callable[[Sighting], None]
    key: str
    last_event_id: int | None = None
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    interruptions: int = 0

    async def run(self) -> None:
        """Follow the stream until cancelled."""
        timeout = httpx2.Timeout(5.0, read=QUIET_S)
        async with httpx2.AsyncClient(base_url=self.base_url, headers=signed(self.key), timeout=timeout) as client:
            while True:
                try:
                    await self._follow(client)
                except (httpx2.HTTPError, OSError) as error:
                    log.debug("stream_waits", error=repr(error))
                if self.connected.is_set():
                    self.interruptions += 1
                await asyncio.sleep(RETRY_S)

    async def _follow(self, client: httpx2.AsyncClient) -> None:
        headers = {"Accept": "text/event-stream"}
        if self.last_event_id is not None:
            headers["Last-Event-ID"] = str(self.last_event_id)
        async with client.stream("GET", "/api/v1/stream", headers=headers) as response:
            response.raise_for_status()
            event, data = "", ""
            async for line in response.aiter_lines():
                if not line:
                    self._take(event, data)
                    event, data = "", ""
                elif line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif line.startswith("id:"):
                    self.last_event_id = int(line[3:])

    def _take(self, event: str, data: str) -> None:
        if event == "heartbeat":
            self.connected.set()
        if event != "incident":
            return
        message: dict[str, Any] = json.loads(data)
        item = message["incident"]
        self.on_sighting(Sighting(incident=seen(item), title=item["title_en"], seen_ms=round(time.time() * 1000)))


def signed(key: str) -> dict[str, str]:
    """Give the header by which a program shows its API key."""
    return {"Authorization": f"Bearer {key}"}


def seen(item: dict[str, Any]) -> Seen:
    """Give the incident in an item of the API."""
    return Seen(
        incident_id=item["incident_id"],
        rule=item["rule"],
        severity=item["severity"],
        device_label=item["device_label"] or "",
        unit_grid_code=item["unit_grid_code"] or "",
        fired_ms=round(datetime.fromisoformat(item["fired_ts"]).timestamp() * 1000),
    )
