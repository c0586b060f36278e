"""Rule books of an installation: where they come from, what they are checked against, which one starts.

Until a person publishes, ingest follows its files (`rules_dir`, else the book shipped with the release) and publishes
them itself when it starts and they have changed. Once a person published, only publishing changes what is in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from psycopg import AsyncConnection

from alerts import limits, lint, rulebook, trialfile, versions
from alerts.lint import ChannelFact, Finding, ProfileFact, Surroundings
from alerts.rule import Rulebook
from alerts.trialfile import Verdict
from alerts.versions import Publication, Version
from alerts.work_calendar import Calendar
from components_registry.editions import SHIPPED
from core.errors import Conflict
from devices import profile
from devices.profile import Profile
from runtime import own_classes
from runtime.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INGEST = "ingest"
"""Who publishes the files of an installation at its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A rule book and what its checks say."""

    texts: Mapping[str, str]
    book: Rulebook
    findings: Sequence[Finding]
    verdicts: Sequence[Verdict]

    @property
    def faults(self) -> list[str]:
        """Give every reason not to publish it."""
        errors = [str(finding) for finding in self.findings if finding.level == "error"]
        failed = [
            f"{verdict.file}:{verdict.line}: {verdict.name}: {failure}"
            for verdict in self.verdicts
            for failure in verdict.failures
        ]
        return errors + failed


def source(settings: Settings) -> Path:
    """Give where this installation's rule files are."""
    return settings.rules_dir or rulebook.DEFAULT


def calendar(settings: Settings) -> Calendar:
    """Give the calendar rules are read with."""
    return Calendar(timezone=settings.timezone, work_day=settings.work_day)


def profiles(settings: Settings) -> dict[str, Profile]:
    """Give the shipped device profiles and the installation's own."""
    found = dict(profile.shipped())
    if settings.profiles_dir is not None:
        found |= profile.load(settings.profiles_dir)
    return found


def surroundings(settings: Settings) -> Surroundings:
    """Give what rules are checked against."""
    return Surroundings(
        profiles={
            name: ProfileFact(
                channels={c.name: ChannelFact(unit=c.unit, min=c.min, max=c.max) for c in one.channels},
                classes=one.classes,
                interval_s=one.interval_s,
            )
            for name, one in profiles(settings).items()
        },
        classes=frozenset({**SHIPPED.catalogue.classes, **own_classes.editions(settings).catalogue.classes}),
        limits=limits.shipped(),
    )


def checked(settings: Settings, path: Path) -> Checked:
    """Read the rules at a path, look for what cannot be right and run the tests that lie beside them."""
    book, texts = rulebook.load(path, calendar(settings)), rulebook.texts(path)
    return Checked(
        texts=versions.texts(path),
        book=book,
        findings=lint.findings(book, surroundings(settings), texts),
        verdicts=[verdict for file in tests_of(path) for verdict in trialfile.verdicts(trialfile.load(file))],
    )


def tests_of(path: Path) -> list[Path]:
    """Give the test files of a folder, or those beside a rule file that bear its name."""
    if path.is_dir():
        return sorted(path.glob(f"*{rulebook.TEST_SUFFIX}"))
    beside = path.with_name(f"{path.stem}{rulebook.TEST_SUFFIX}")
    return [beside] if beside.is_file() else []


async def ensure_published(conn: AsyncConnection, settings: Settings, now: datetime) -> Version:
    """Publish the installation's files where nobody has published anything else, and give what is in force."""
    texts = versions.texts(source(settings))
    found = await versions.in_force(conn)
    if found is not None and found.digest == versions.digest(texts):
        return found
    if found is not None and found.actor != INGEST:
        log.warning("rules_differ_from_files", version=found.version, files=str(source(settings)))
        return found
    reason = "first start" if found is None else "the installation's rule files changed"
    try:
        async with conn.transaction():
            made = await versions.publish(conn, Publication(texts=texts, actor=INGEST, reason=reason), now)
    except Conflict:  # another process of ours was faster
        current = await versions.in_force(conn)
        assert current is not None
        return current
    log.info("rules_published", version=made.version, reason=reason)
    return made
