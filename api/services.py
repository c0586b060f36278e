"""Services: the only things a route may reach."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from alerts.work_calendar import WorkDay
from api.authentication import Authenticator
from api.live import Hub
from api.memo import Memo
from api.observe import Exchange
from devices.health import LATE_AFTER_INTERVALS, SILENT_AFTER_INTERVALS

POOL_WAIT_S = 2.0
"""A request that gets no connection within this time is told that the database is unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the composition root hands to the API."""

    read: AsyncConnectionPool
    write: AsyncConnectionPool
    authenticator: Authenticator
    hub: Hub
    memo: Memo
    clock: Callable[[], datetime]
    metrics: Callable[[], tuple[bytes, str]]
    """Text for Prometheus and its media type."""
    observe: Callable[[Exchange], None]
    console: Path
    """Folder of the built console; it may not exist yet."""
    work_day: WorkDay
    """How the city reads a limit of working days."""
    timezone: str
    """The city's, for those who display times."""
    hosts: frozenset[str]
    """Host names this server answers to; `*` = any."""

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection that can only read."""
        return self.read.connection(timeout=POOL_WAIT_S)

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection that may write; leaving it commits."""
        return self.write.connection(timeout=POOL_WAIT_S)

    def health_clock(self) -> Mapping[str, object]:
        """Give the parameters by which SQL decides online, late and silent now."""
        return health_clock(self.clock())


def health_clock(now: datetime) -> Mapping[str, object]:
    """Give the parameters by which SQL decides online, late and silent at `now`."""
    return {"now": now, "late_after": LATE_AFTER_INTERVALS, "silent_after": SILENT_AFTER_INTERVALS}


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Use = Annotated[Services, Depends(_services)]
