"""The demo's accounts: one a role, with generated passwords in `secrets.json`; a key for the demo itself; a link."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import AsyncConnection

from people import accounts, keys, sign_in
from people.grant import Grant, Role
from people.model import Change
from people.passwords import Passwords
from runtime.services.passwords import ensure_people
from runtime.settings import SECRETS_FILE, Settings
from storage.pool import WRITER, connect

ACTOR = "demo"
ADMIN = "admin"
KEY_NAME = "demo"
LINK_LIFE = timedelta(hours=1)
_PLACES = """
SELECT (SELECT min(area_code) FROM area WHERE level = 'district'), (SELECT min(code) FROM patrol_grid),
       (SELECT min(department_id) FROM department)
"""
_CALLED = {
    Role.VIEWER: "访客 Viewer",
    Role.OPERATOR: "受理员 Operator",
    Role.SHIFT_LEADER: "值班长 Shift leader",
    Role.DISPATCHER: "派遣员 Dispatcher",
    Role.DEPARTMENT: "专业部门 Department",
    Role.INSPECTOR: "监督员 Inspector",
    Role.ENGINEER: "工程师 Engineer",
    Role.RULE_AUTHOR: "规则编写 Rule author",
    Role.ADMIN: "管理员 Administrator",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """How to get in."""

    key: str
    """For the demo itself, which follows the stream as any program would; a new one each time."""
    token: str
    """Of the link that signs a browser in as the administrator, once."""
    names: tuple[str, ...]
    file: str
    """Where their passwords are."""

    def lines(self, address: str) -> tuple[str, ...]:
        """Say it."""
        return (
            f"console: {address}/login?token={self.token} (signs in as {ADMIN}, once, within an hour)",
            f"accounts: {', '.join(self.names)}; their passwords are in {self.file} under `people`",
        )


async def welcome(settings: Settings) -> Welcome:
    """Make the accounts that are missing, and let the demo and one browser in."""
    passwords, lost = ensure_people(settings.data_dir, [role.value for role in Role])
    by = Change(now=datetime.now(UTC), actor=ACTOR)
    async with await connect(settings.writer_dsn(), role=WRITER, name="demo-people") as conn:
        known = {row["name"]: row for row in await accounts.listing(conn, limit=1000)}
        missing = [role for role in Role if role.value not in known]
        hashed = await asyncio.gather(*(Passwords().hashed(passwords[role]) for role in missing))
        for role, password_hash in zip(missing, hashed, strict=True):
            await accounts.add(conn, await _wish(conn, role, password_hash), by)
        for role in lost & {name for name, row in known.items() if row["created_by"] == ACTOR}:
            await accounts.set_password(conn, role, await Passwords().hashed(passwords[role]), by)
        for row in await keys.listing(conn, ADMIN):
            if row["name"] == KEY_NAME:
                await keys.revoke(conn, ADMIN, row["key_id"], by)
        made = await keys.make(conn, ADMIN, keys.Wish(name=KEY_NAME), by)
        token = await sign_in.make_link(conn, ADMIN, LINK_LIFE, by.now)
    return Welcome(
        key=made.key,
        token=token,
        names=tuple(role.value for role in Role),
        file=str(settings.data_dir / SECRETS_FILE),
    )


async def _wish(conn: AsyncConnection, role: Role, password_hash: str) -> accounts.Wish:
    """Give the account of a role: the dispatcher has a district, the inspector a patrol grid, the others the city."""
    cursor = await conn.execute(_PLACES)
    district, grid, department = await cursor.fetchone() or (None, None, None)
    return accounts.Wish(
        name=role.value,
        display_name=_CALLED[role],
        department_id=department if role is Role.DEPARTMENT else None,
        password_hash=password_hash,
        grants=(
            Grant(
                role=role,
                area_code=district if role is Role.DISPATCHER else None,
                patrol_grid=grid if role is Role.INSPECTOR else None,
            ),
        ),
    )
