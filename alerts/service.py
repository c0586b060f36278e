"""What people do with incidents: report one, take a step, ask what is possible. One transaction a command.

Each step writes history and audit with it. Reads (lists, one incident, the event stream) are
`storage.queries.incidents`.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import children, filing, incident, incident_sql, move_store, service_sql
from alerts.children import Birth
from alerts.filing import Says
from alerts.incident import Action, Case, Role, Stage
from alerts.limits import CityTime
from alerts.move_store import Move
from alerts.moves import Clocks, Given, Standing
from core.errors import InvalidInput, NotFound, Outdated


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who wants which step of which incident, as whom, and what the step needs."""

    incident_id: int
    action: Action
    role: Role
    given: Given
    departments: Sequence[int] = ()
    """To split among."""
    into: int | None = None
    """The incident that takes it in."""
    version: int | None = None
    """The newest event the person knew of; None = they do not mind."""
    bound_to: int | None = None
    """The department whose incidents alone the person handles; None = they are not bound to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What somebody saw, and where."""

    role: Role
    actor: str
    source: str
    """Who told: supervisor, hotline, public ..."""
    title_zh: str
    title_en: str
    description: str
    severity: str
    lon_deg: float
    lat_deg: float
    class_code: str = ""
    condition: str = ""
    component_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An incident as it stands, to say what may be done with it."""

    case: Case
    version: int
    department_id: int | None

    @property
    def stage(self) -> Stage:
        """Its stage."""
        return self.case.stage


@dataclass(frozen=True, slots=True)
class Offer:
    """What a role may do with an incident now."""

    actions: tuple[Action, ...]
    needs_reason: frozenset[Action] = field(default_factory=frozenset[Action])


_REPORTERS = frozenset({Role.SUPERVISOR, Role.ACCEPTOR, Role.SHIFT_LEADER})


LoadCity = Callable[[AsyncConnection], Awaitable[CityTime]]
"""Reads by what the city counts time; asked only for a step that is allowed."""


async def act(conn: AsyncConnection, order: Order, city: LoadCity, now: datetime) -> int:
    """Take one step and give the number of its event.

    Raises: `InvalidInput`, `NotFound`, `incident.IllegalStep`, `incident.WrongRole`, `Outdated`.
    """
    if not order.given.actor.strip():
        raise InvalidInput("say who does it in `actor`")
    async with conn.transaction():
        await conn.execute(incident_sql.LOCK_HISTORY)
        before = await _standing(conn, order.incident_id)
        if order.role is Role.SYSTEM:
            raise incident.WrongRole(f"nobody acts as {Role.SYSTEM}: rules and timers do")
        if order.bound_to not in (None, before.department_id):
            raise incident.WrongRole(f"incident {order.incident_id} is another department's")
        step = incident.step_for(before.case, order.action, order.role)
        if step.needs_reason and not order.given.reason.strip():
            raise InvalidInput(f"say why in `reason`: {order.action} needs one")
        await _require_newest(conn, order)
        await _require_departments(conn, [order.given.department_id, *order.departments])
        by = await move_store.clocks(conn, await city(conn))
        detail = await _before_the_step(conn, order, before, now)
        move = Move(before=before, action=order.action, role=order.role, given=order.given, detail=detail)
        (event_id,) = await move_store.write(conn, [move], now, by)
        if order.action in (Action.SPLIT, Action.PUSH_DOWN):
            await _bear(conn, order, before, now, by)
        return event_id


async def report(conn: AsyncConnection, told: Report, city: LoadCity, now: datetime) -> int:
    """Open an incident that a person saw, and give its key; raises `InvalidInput`, `WrongRole`."""
    if told.role not in _REPORTERS:
        raise incident.WrongRole(f"{told.role} does not report: {', '.join(sorted(_REPORTERS))} do")
    async with conn.transaction():
        await conn.execute(incident_sql.LOCK_HISTORY)
        parameters = {
            "cause": f"report/{uuid.uuid4()}",
            "now": now,
            "evidence": Jsonb({"source": told.source, "description": told.description}),
            **{name: getattr(told, name) for name in ("actor", "title_zh", "title_en", "severity", "component_code")},
            "role": told.role.value,
            "source": told.source,
            "description": told.description,
            "lon_deg": told.lon_deg,
            "lat_deg": told.lat_deg,
        }
        row = await (await conn.execute(service_sql.REPORT, parameters)).fetchone()
        if row is None:
            raise InvalidInput(
                f"no unit grid lies at {told.lon_deg}, {told.lat_deg}, or there is no component {told.component_code}"
            )
        says = Says(class_code=told.class_code, condition=told.condition)
        await filing.begin(conn, {row[0]: says}, now, await move_store.clocks(conn, await city(conn)))
        return int(row[0])


async def look(conn: AsyncConnection, incident_id: int) -> Seen:
    """Give an incident as it stands; raises `NotFound`."""
    found = await move_store.standings(conn, [incident_id], locked=False)
    if incident_id not in found:
        raise NotFound(f"no incident {incident_id}")
    before = found[incident_id]
    return Seen(case=before.case, version=await _newest(conn, incident_id), department_id=before.department_id)


def offer(seen: Seen, role: Role) -> Offer:
    """Give what a role may do with an incident as it stands."""
    actions = incident.possible(seen.case, role)
    return Offer(actions, frozenset(action for action in actions if incident.STEPS[seen.stage, action].needs_reason))


async def _before_the_step(conn: AsyncConnection, order: Order, before: Standing, now: datetime) -> Mapping[str, Any]:
    """Do what a step needs elsewhere, and give what the history says of it."""
    if order.action is Action.SPLIT:
        if not order.departments:
            raise InvalidInput("say among whom in `departments`")
        return {"departments": list(order.departments)}
    if order.action is Action.PUSH_DOWN:
        street = order.given.street_code or before.street_code
        if not street:
            raise InvalidInput("say to which street in `street_code` (9 digits)")
        return {"street_code": street}
    if order.action is not Action.MERGE:
        return {}
    if order.into is None or order.into == order.incident_id:
        raise InvalidInput("say into which other incident in `into`")
    into = await _standing(conn, order.into)
    if into.case.stage in incident.ENDS:
        raise incident.IllegalStep(f"incident {order.into} is {into.case.stage}: nothing is merged into it")
    told = {"incident_id": order.into, "now": now, "actor": order.given.actor, "role": order.role.value}
    await conn.execute(service_sql.ABSORB, {**told, "from": order.incident_id})
    return {"into": order.into}


async def _bear(conn: AsyncConnection, order: Order, before: Standing, now: datetime, by: Clocks) -> None:
    """Open the children of a case that was split or pushed down."""
    given = order.given
    pushed = order.action is Action.PUSH_DOWN
    birth = Birth(
        parent_id=order.incident_id,
        departments=(given.department_id,) if pushed else tuple(order.departments),
        street_code=(given.street_code or before.street_code) if pushed else None,
        given=given,
        role=order.role,
    )
    await children.bear(conn, birth, now, by)


async def _standing(conn: AsyncConnection, incident_id: int) -> Standing:
    found = await move_store.standings(conn, [incident_id])
    if incident_id not in found:
        raise NotFound(f"no incident {incident_id}")
    return found[incident_id]


async def _newest(conn: AsyncConnection, incident_id: int) -> int:
    row = await (await conn.execute(service_sql.NEWEST_EVENT, {"incident_id": incident_id})).fetchone()
    return int(row[0]) if row else 0


async def _require_newest(conn: AsyncConnection, order: Order) -> None:
    if order.version is None:
        return
    newest = await _newest(conn, order.incident_id)
    if newest != order.version:
        raise Outdated(f"incident {order.incident_id} is at version {newest}, not {order.version}: look at it again")


async def _require_departments(conn: AsyncConnection, wanted: Sequence[int | None]) -> None:
    ids = sorted({department for department in wanted if department is not None})
    if not ids:
        return
    cursor = await conn.execute(service_sql.KNOWN_DEPARTMENTS, {"ids": ids})
    known = {row[0] for row in await cursor.fetchall()}
    if unknown := [department for department in ids if department not in known]:
        raise InvalidInput(f"no department {unknown[0]}: see GET /departments")
