"""Keeps the broker's list of certificates that no longer count, and hangs up on who entered by one.

The broker looks at its list when somebody enters, never again. So once it has read a new list, we take over the session
of whoever holds one of the certificates that are new on it: a device's client id is its user name. Who has shown a
certificate may hold back its first word for 90 s and would enter after us, hence a second time (ADR-0033).
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import aiomqtt
import structlog
from psycopg import AsyncConnection

from core.errors import Unavailable
from devices import certificates
from runtime import device_authority
from runtime.settings import Settings
from wire import broker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

SILENT_S = 100.0
"""Mosquitto hangs up on who says nothing for one and a half times 60 s."""
AT_ONCE = 50
DAY = timedelta(days=1)
MOST_COUNTED = 100_000
PATIENCE_S = 5.0


class CertificateKeeper:
    """What the broker is to know of revoked certificates; used by `runtime.identity_keeper`, one call at a time."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._again: dict[str, float] = {}
        self._warned_at: datetime | None = None

    async def look(self, conn: AsyncConnection) -> str | None:
        """Give the list as it must be; None without an authority, when there is no certificate either."""
        signer = device_authority.known(self._settings)
        if signer is None:
            return None
        now = self._clock()
        await self._warn(conn, now)
        revoked = await certificates.revoked(conn, now)
        kept = device_authority.revocations(self._settings, signer)
        before = signer.revoked_in(kept) or frozenset[str]()
        new = {name for serial, name in revoked.items() if serial not in before}
        if kept and not new:  # what has ended since may stay on it
            return kept
        text = signer.revocations(revoked, now)
        device_authority.revoke(self._settings, text, new | device_authority.to_end(self._settings))
        return text

    async def hang_up(self, settles_s: float) -> None:
        """End the live connections that a list was new for; the broker has read it after `settles_s`."""
        names = device_authority.to_end(self._settings)
        if names:
            await asyncio.sleep(settles_s)
            await self._take_over(names)
            device_authority.ended(self._settings)
            self._again |= dict.fromkeys(names, asyncio.get_running_loop().time() + SILENT_S)
            log.info("certificates_revoked", user_names=len(names))

    async def late(self) -> None:
        """End the connections of those that were only about to enter."""
        now = asyncio.get_running_loop().time()
        due = {name for name, at in self._again.items() if at <= now}
        if due:
            await self._take_over(due)
            self._again = {name: at for name, at in self._again.items() if name not in due}

    async def _warn(self, conn: AsyncConnection, now: datetime) -> None:
        """Say once a day which certificates end soon and were not renewed."""
        if self._warned_at is not None and now - self._warned_at < DAY:
            return
        self._warned_at = now
        until = now + timedelta(days=self._settings.certificate_warn_days)
        wanted = certificates.Ending(now=now, until=until, after=(now, ""), only_last=True, limit=MOST_COUNTED)
        rows = await certificates.ending(conn, wanted)
        if rows:
            first = rows[0]
            log.warning("certificates_ending", certificates=len(rows), first=first["label"], ends=first["not_after"])

    async def _take_over(self, names: Iterable[str]) -> None:
        ordered = sorted(names)
        for first in range(0, len(ordered), AT_ONCE):
            try:
                async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as open_now:
                    for name in ordered[first : first + AT_ONCE]:
                        await open_now.enter_async_context(self._as_client(name))
            except (aiomqtt.MqttError, TimeoutError) as error:
                raise Unavailable(f"connections of revoked certificates could not be ended: {error}") from error
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError  # aiomqtt waits by `asyncio.wait_for`, which may forget it in Python 3.11

    def _as_client(self, name: str) -> aiomqtt.Client:
        address = broker.parse(self._settings.broker_url("ingest"))
        return aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=name,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            tls_params=aiomqtt.TLSParameters() if address.tls else None,
        )
