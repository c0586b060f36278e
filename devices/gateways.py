"""Use cases of gateways: register one, list devices under it. It may publish for those and for no others."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from core.errors import Conflict, InvalidInput, NotFound
from devices import identity_store, store
from devices.identities import Change
from storage import signals
from wire import topics


async def add(conn: AsyncConnection, label: str, district_code: str, by: Change) -> None:
    """Register a gateway; raises `InvalidInput` for a bad label or district, `Conflict` when the label is taken."""
    topics.own(district_code, topics.GATEWAY, label)
    async with conn.transaction():
        if not await identity_store.add_gateway(conn, label, district_code, by.now, by.actor):
            raise Conflict(f"there is a gateway {label} already")
        await _told(conn, "gateway_registered", label, {"district_code": district_code}, by)


async def assign(conn: AsyncConnection, gateway: str, labels: Sequence[str], by: Change) -> None:
    """List devices under a gateway, all or none; an empty name takes them from theirs.

    Raises: `NotFound`; `InvalidInput` naming the devices that are not of the gateway's district or not registered.
    """
    async with conn.transaction():
        gateway_id, district = None, ""
        if gateway:
            row = await identity_store.one(conn, identity_store.LOCK_GATEWAY, {"label": gateway})
            if row is None:
                raise NotFound(f"there is no gateway {gateway}")
            gateway_id, district = row["gateway_id"], row["district_code"]
        done = await identity_store.assign(conn, gateway_id, district, labels)
        if missing := sorted(set(labels) - done):
            where = f" in district {district}, where {gateway} is" if gateway else ""
            raise InvalidInput(f"not registered{where}: {', '.join(missing[:10])}; nothing was changed")
        await _told(conn, "gateway_assigned", gateway or "no gateway", {"devices": sorted(set(labels))}, by)


async def listing(conn: AsyncConnection) -> list[dict[str, Any]]:
    """Give every gateway with the labels of its devices."""
    return await identity_store.rows(conn, identity_store.LIST_GATEWAYS, {})


async def _told(conn: AsyncConnection, action: str, subject: str, detail: dict[str, Any], by: Change) -> None:
    await store.audit(conn, now=by.now, actor=by.actor, action=action, subject=subject, detail=detail)
    await signals.announce_registry(conn)
    await signals.announce_identities(conn)
