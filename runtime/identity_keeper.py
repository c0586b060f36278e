"""Keeps the broker's list of devices' identities as the registry has it; a task of the ingest process.

It writes the broker's two files and has it read them again: our own Mosquitto by a signal, one in a container by a
folder that both see (`deploy/mosquitto/start.sh`). What changed while the broker was away it finds in the files, and
what changed while we were away is put right when we start.

A broker that reads its accounts again hangs up on whoever may no longer be there. After a restart it counts among
those the sessions whose client has not come back yet, for it forgot their passwords, and from then on throws away what
it should queue for them (measured, Mosquitto 2.0.11; ADR-0024). So it is told only while ingest itself is connected.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import psycopg
import structlog
from psycopg import AsyncConnection, sql

from core.errors import PlatformError
from devices import identities
from devices.profile import Profile
from runtime.certificate_keeper import CertificateKeeper
from runtime.device_authority import REVOKED
from runtime.services import control
from runtime.services import mosquitto as service
from runtime.services.mosquitto import DEVICE_ACL, DEVICE_PASSWORDS, Broker
from runtime.settings import Settings
from storage import signals
from storage.pool import WRITER, connect
from wire import mosquitto

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_EVERY_S = 0.5
SETTLED_S = 3.0
"""So long ingest must have been connected without a break: other ingest processes come back within two seconds."""
APART_S = 1.0
"""Least time between two readings by the broker: a thousand changes become one."""
AGAIN_S = 60.0
"""And the registry is looked at this often without anybody telling."""
RECONNECT_S = 2.0
SHARED_MODE = 0o640


class Place(Protocol):
    """Where the broker's files are."""

    settles_s: float
    """So long after `reload` the broker has read them."""

    def write(self, files: Mapping[str, str]) -> bool:
        """Make the files hold these texts; tell whether that changed anything."""
        ...

    def reload(self) -> None:
        """Have the broker read them."""
        ...


class OwnBroker:
    """The Mosquitto that `citygrid services` runs."""

    settles_s = 0.3

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def write(self, files: Mapping[str, str]) -> bool:
        """Write as the broker's own account."""
        return service.write_identities(self._broker, files)

    def reload(self) -> None:
        """Send it SIGHUP; one that does not run reads the files when it starts."""
        service.reload(self._broker)


class SharedFolder:
    """A folder whose changes the broker's container follows by itself."""

    settles_s = 2.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, files: Mapping[str, str]) -> bool:
        """Replace each file at once."""
        changed = [_replace(self._folder / name, content) for name, content in files.items()]
        return any(changed)

    def reload(self) -> None:
        """Nothing to do: who follows the folder does it."""


def place(settings: Settings) -> Place | None:
    """Give where the broker's files are; None when its accounts are somebody else's business."""
    if settings.broker_identities is not None:
        return SharedFolder(settings.broker_identities)
    own = control.own_broker(settings)
    return OwnBroker(own) if own is not None else None


class IdentityKeeper:
    """Follows the registry; `may_tell` says whether ingest is connected, and this process the one that does it."""

    def __init__(self, settings: Settings, profiles: Mapping[str, Profile], may_tell: Callable[[], bool]) -> None:
        self._settings = settings
        self._profiles = profiles
        self._may_tell = may_tell
        self.has_told = False
        """Whether the broker knows since this start who may do what."""
        self._certificates = CertificateKeeper(settings, lambda: datetime.now(UTC))

    async def run(self) -> None:
        """Keep for ever."""
        while True:
            try:
                where = place(self._settings)
                if where is None:
                    log.info("identities_not_kept", reason="not our broker, and no CITYGRID_BROKER_IDENTITIES")
                    await asyncio.Event().wait()
                    continue
                async with await connect(self._settings.writer_dsn(), role=WRITER, name="ingest-identities") as conn:
                    await conn.set_autocommit(True)
                    for channel in (signals.IDENTITIES, signals.REGISTRY):
                        await conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    await self._follow(conn, where)
            except (psycopg.Error, OSError, PlatformError) as error:
                log.warning("identities_retry", reason=str(error).splitlines()[0], retry_s=RECONNECT_S)
            await asyncio.sleep(RECONNECT_S)

    async def _follow(self, conn: AsyncConnection, where: Place) -> None:
        clock = asyncio.get_running_loop().time
        is_due, told_at = True, clock() - APART_S
        connected_at: float | None = None
        while True:
            async for _ in conn.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                is_due = True
            now = clock()
            await self._certificates.late()
            connected_at = (now if connected_at is None else connected_at) if self._may_tell() else None
            is_due |= now - told_at >= AGAIN_S
            if is_due and connected_at is not None and now - max(connected_at + SETTLED_S, told_at + APART_S) >= 0:
                is_due, told_at = False, now
                await self._tell(conn, where)

    async def _tell(self, conn: AsyncConnection, where: Place) -> None:
        """Bring the files up to date and have them read; the first time in any case, to be sure."""
        known = await identities.in_force(conn, self._profiles)
        revoked = await self._certificates.look(conn)
        if await asyncio.to_thread(where.write, _files(known, revoked)) or not self.has_told:
            where.reload()
            self.has_told = True
            log.info("identities_told", identities=len(known.hashes), gateways=len(known.behind))
        await self._certificates.hang_up(where.settles_s)


def _files(known: identities.InForce, revoked: str | None) -> Mapping[str, str]:
    """Give the files in the order they are written: nobody is let in before it is known what he may do."""
    files = {DEVICE_ACL: mosquitto.acl_file(known.behind)}
    if revoked is not None:
        files[REVOKED] = revoked
    return {**files, DEVICE_PASSWORDS: mosquitto.password_file(known.hashes)}


def _replace(file: Path, content: str) -> bool:
    if file.exists() and file.read_text(encoding="utf-8") == content:
        return False
    fresh = file.with_suffix(".new")
    fresh.write_text(content, encoding="utf-8")
    fresh.chmod(SHARED_MODE)
    fresh.replace(file)
    return True
