"""Services: the only things a route may reach."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from alerts.work_calendar import WorkDay
from api.authentication import Authenticator
from api.live import Hub
from api.memo import Memo, Part
from api.observe import Exchange
from api.rate import Rate
from api.scope import Scope, of
from api.uploads import Uploads
from components_registry.editions import Editions
from components_registry.public_places import PublicPlaces
from devices.certificates import Signer
from devices.health import LATE_AFTER_INTERVALS, SILENT_AFTER_INTERVALS
from devices.profile import Profile
from storage import scope as rows

EXTENT_KEPT_S = 60.0
"""Which grids an area is made of changes rarely."""
POOL_WAIT_S = 2.0
"""A request that gets no connection within this time is told that the database is unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the composition root hands to the API; a route gets it limited to the rows of whoever asks."""

    read: AsyncConnectionPool
    write: AsyncConnectionPool
    limited_read: AsyncConnectionPool
    """Sees the rows of a scope only (`storage.scope`), as the next."""
    limited_write: AsyncConnectionPool
    authenticator: Authenticator
    hub: Hub
    memo: Memo | Part
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
    profiles: Mapping[str, Profile]
    """The shipped device types and the installation's own."""
    editions: Editions
    """Editions of the catalogue of components, and which one is the city's."""
    hosts: frozenset[str]
    """Host names this server answers to; `*` = any."""
    public_places: PublicPlaces
    """What citizens see without an account, and how often one address may ask."""
    public_rate: Rate
    signer: Callable[[], Signer]
    """Who signs devices' certificates; raises `Conflict` when this city has no authority."""
    uploads: Uploads
    scope: Scope | None = None
    """Whose rows are seen; None = the whole city's."""

    def within(self, scope: Scope | None) -> "Services":
        """Give the services that see the rows of `scope` only; what is kept of answers is kept apart."""
        return self if scope == self.scope else replace(self, scope=scope, memo=self.memo.within(scope))

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection that can only read."""
        return self._limited(self.limited_read) if self.scope else self.read.connection(timeout=POOL_WAIT_S)

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection that may write; leaving it commits. Rows outside the scope can be neither."""
        return self._limited(self.limited_write) if self.scope else self.write.connection(timeout=POOL_WAIT_S)

    async def extent(self) -> rows.Extent | None:
        """Give what the scope is made of; None = the whole city."""
        scope = self.scope
        if scope is None:
            return None

        async def find() -> rows.Extent:
            async with self.read.connection(timeout=POOL_WAIT_S) as conn:
                return await rows.extent(conn, sorted(scope.areas), sorted(scope.patrol_grids))

        return await self.memo.get("extent", EXTENT_KEPT_S, find)

    @asynccontextmanager
    async def _limited(self, pool: AsyncConnectionPool) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection of `pool` in a transaction that sees the scope; after its end nothing is seen."""
        seen = await self.extent()
        assert seen is not None
        async with pool.connection(timeout=POOL_WAIT_S) as conn:
            await rows.enter(conn, seen)
            yield conn

    def health_clock(self) -> Mapping[str, object]:
        """Give the parameters by which SQL decides online, late and silent now."""
        return health_clock(self.clock())


def health_clock(now: datetime) -> Mapping[str, object]:
    """Give the parameters by which SQL decides online, late and silent at `now`."""
    return {"now": now, "late_after": LATE_AFTER_INTERVALS, "silent_after": SILENT_AFTER_INTERVALS}


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services.within(of(request.state.grants))  # `api.access.admit` found them


Use = Annotated[Services, Depends(_services)]
