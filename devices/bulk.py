"""Use case: register the devices of a whole sheet at once; good rows load, bad rows come back with a finding each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from psycopg import AsyncConnection

from devices import service, sheet
from devices.life import State
from devices.model import Change, Finding
from devices.profile import Profile
from devices.sheet import Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a sheet."""

    read: int
    registered: int
    """With a dry run: so many would have been."""
    findings: tuple[Finding, ...]
    """One for each refused row, by line."""


async def register(  # whose devices, as what, whether in earnest
    conn: AsyncConnection,
    rows_of: Sheet,
    profiles: Mapping[str, Profile],
    by: Change,
    *,
    state: State = State.IN_SERVICE,
    dry_run: bool = False,
) -> Outcome:
    """Register the good rows of a sheet in one transaction; with `dry_run` all is checked and nothing kept."""
    asked = sheet.rows(rows_of)
    async with conn.transaction(force_rollback=dry_run):
        count, found = await service.register_many(
            conn, asked.registrations, profiles, now=by.now, actor=by.actor, state=state
        )
    of_rows = [replace(finding, line=asked.numbers[finding.line - 1]) for finding in found]
    findings = sorted((*asked.findings, *of_rows), key=lambda finding: finding.line)
    return Outcome(read=len(rows_of.lines), registered=count, findings=tuple(findings))
