"""HTTP for rules: those in force and their versions. Publishing is `citygrid rules publish`."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from alerts import versions
from alerts.rule import Rule
from alerts.versions import Version
from api.services import Use

router = APIRouter(prefix="/rules", tags=["rules"])


class RuleItem(BaseModel):
    """A rule as it is in force."""

    rule: str
    group: str
    mode: Literal["live", "shadow"] = Field(description="shadow: it is watched, and raises nothing.")
    severity: Literal["info", "minor", "major", "critical"]
    expr: str = Field(description="The condition, or the silence, it watches for.")
    clear: str | None = Field(description="When it recovers; null = when `expr` fails.")
    for_s: float
    keep_firing_s: float
    profiles: list[str]
    classes: list[str]
    districts: list[str]
    summary_zh: str
    summary_en: str
    source: str = Field(description="Where its numbers come from.")


class VersionItem(BaseModel):
    """One term of a rule book: what was at work when, by whom, and why."""

    version: int
    state: Literal["live", "shadow", "retired"]
    mode: Literal["live", "shadow"] = Field(description="What it is, or was, while at work.")
    digest: str = Field(description="The same rules have the same digest.")
    published_at: datetime
    retired_at: datetime | None
    actor: str
    reason: str
    files: list[str]


class VersionText(VersionItem):
    """A version with its rule files."""

    texts: dict[str, str] = Field(description="By file name.")


class RulesInForce(BaseModel):
    """What decides now."""

    version: VersionItem | None = Field(description="null while nothing was published: ingest has never run.")
    rules: list[RuleItem]


@router.get("")
async def rules_in_force(services: Use) -> RulesInForce:
    """Give the rules in force, and their version."""
    async with services.reading() as conn:
        version = await versions.in_force(conn)
    if version is None:
        return RulesInForce(version=None, rules=[])
    return RulesInForce(version=_item(version), rules=[_rule(rule) for rule in version.book().rules])


@router.get("/versions")
async def rule_versions(services: Use) -> list[VersionItem]:
    """List every version of the rules, oldest first."""
    async with services.reading() as conn:
        return [_item(version) for version in await versions.history(conn)]


@router.get("/versions/{version}")
async def rule_version(version: Annotated[int, Path(ge=1, le=2**31 - 1)], services: Use) -> VersionText:
    """Give one version with its rule files."""
    async with services.reading() as conn:
        found = await versions.numbered(conn, version)
    return VersionText(**_item(found).model_dump(), texts=dict(found.texts))


def _item(version: Version) -> VersionItem:
    return VersionItem.model_validate(
        {
            "version": version.version,
            "state": version.state,
            "mode": version.mode,
            "digest": version.digest,
            "published_at": version.published_at,
            "retired_at": version.retired_at,
            "actor": version.actor,
            "reason": version.reason,
            "files": sorted(version.texts),
        }
    )


def _rule(rule: Rule) -> RuleItem:
    watched = rule.fires or rule.absence or rule.sighting
    return RuleItem(
        rule=rule.name,
        group=rule.group,
        mode=rule.mode,
        severity=rule.severity.value,
        expr=watched.text if watched else "",
        clear=rule.clears.text if rule.clears else None,
        for_s=rule.for_us / 1e6,
        keep_firing_s=rule.keep_firing_us / 1e6,
        profiles=list(rule.scope.profiles),
        classes=list(rule.scope.classes),
        districts=list(rule.scope.districts),
        summary_zh=rule.annotations["summary_zh"],
        summary_en=rule.annotations["summary"],
        source=rule.source,
    )
