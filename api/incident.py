"""The shape of an incident for people: the same in lists, details and the live stream."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.origin import Origin

Severity = Literal["info", "minor", "major", "critical"]
Role = Literal["supervisor", "acceptor", "shift_leader", "dispatcher", "department"]
Light = Literal["green", "amber", "red"]
Stage = Literal[
    "reported", "verifying", "verified", "filed", "dispatched", "handling", "suspended", "handled", "checking",
    "checked", "closed", "rejected", "cancelled",
]  # fmt: skip


class Evidence(BaseModel):
    """The readings that prove it; more facts may stand beside these."""

    model_config = ConfigDict(extra="allow")

    channel: str | None = None
    comparison: str | None = Field(default=None, description="In words of the rule: `tilt_deg > 15`.")
    threshold: float | None = None
    value: float | None = Field(default=None, description="The value that decided.")
    unit: str | None = None
    for_s: float | None = Field(default=None, description="How long it had to last, seconds.")
    readings: list[tuple[int, float | None]] = Field(default=[], description="[epoch ms, value], in order.")


class Incident(BaseModel):
    """One cause that needs a person."""

    incident_id: int
    case_no: str
    rule: str
    severity: Severity
    title_zh: str
    title_en: str
    stage: Stage
    origin: Literal["live", "simulated", "replayed"]
    fired_ts: datetime = Field(description="When the readings met the rule (event time).")
    opened_at: datetime
    deadline: datetime | None = Field(description="When the running stage is due; null while no clock runs.")
    recovered_at: datetime | None
    closed_at: datetime | None
    district_code: str
    unit_grid_code: str | None
    patrol_grid_code: str | None
    patrol_name_zh: str | None
    patrol_name_en: str | None
    street_zh: str | None
    street_en: str | None
    community_zh: str | None
    community_en: str | None
    component_code: str | None
    class_code: str | None
    device_label: str | None
    department_id: int | None
    department_zh: str | None
    department_en: str | None
    assignee: str | None
    level: Literal["city", "district", "street"] = Field(description="Whose platform holds it.")
    holder_code: str = Field(description="Code of the area that holds it.")
    holder_zh: str | None
    holder_en: str | None
    parent_id: int | None = Field(description="The case it is a part of.")
    outcome: Literal["handled", "recovered", "forced", "rejected", "cancelled", "merged"] | None
    request_kind: Literal["return", "extension", "suspension"] | None = Field(
        description="What the department has asked for and nobody has answered."
    )
    light: Light | None = Field(description="Green to 80 % of the time, amber to all of it, then red; null: no clock.")
    amber_at: datetime | None = Field(description="When the light turns amber.")
    clock_since: datetime | None = Field(description="Since when the limit's clock runs; null: it stands, or a desk's.")
    limit_stage: str | None = Field(description="What the limit asks for next: `make_safe`; `dispose` when it is all.")
    lon: float
    lat: float
    geometry: dict[str, Any] = Field(description="GeoJSON geometry, WGS 84.")
    evidence: Evidence


class LimitStage(BaseModel):
    """A part of the limit, e.g. to make safe."""

    name: str
    limit: str = Field(description="As in the city's table: `2 urgent_hour`.")


class Child(BaseModel):
    """A part of a case that was split or pushed down."""

    incident_id: int
    case_no: str
    stage: Stage
    level: Literal["city", "district", "street"]
    department_zh: str | None
    department_en: str | None
    deadline: datetime | None


class Loop(BaseModel):
    """How far an incident has come in the closed loop."""

    version: int = Field(description="Its newest event; send it as If-Match to be told when somebody was faster.")
    limit_stages: list[LimitStage]
    limit_at: int = Field(description="Which of them runs, from 0.")
    paused_at: datetime | None
    used_s: float = Field(description="Used of the limit before `clock_since`, as the limit counts.")
    extended_s: float
    filing_condition: str | None
    request: dict[str, Any] | None = Field(description="What the department asked for: by, reason, at ...")
    filed_at: datetime | None
    dispatched_at: datetime | None
    accepted_at: datetime | None
    handled_at: datetime | None
    checked_at: datetime | None
    reworks: int
    returns: int
    extensions: int
    escalations: int
    false_alarm: bool
    children: list[Child]


class Step(BaseModel):
    """One entry of an incident's history."""

    event_id: int
    at: datetime
    actor: str
    role: str
    kind: str
    from_stage: str | None
    to_stage: str
    reason: str
    detail: dict[str, Any]


class Member(BaseModel):
    """A device an incident is about."""

    device_label: str
    profile: str
    component_code: str | None
    joined_ts: datetime = Field(description="When the reading was taken that made it a member.")
    left_ts: datetime | None = Field(description="When it recovered; null: it is a member still.")
    lon: float
    lat: float
    evidence: Evidence


class IncidentDetail(Incident, Loop):
    """An incident with how far it has come, the devices it is about, and its history."""

    members: list[Member] = Field(description="In the order they joined.")
    history: list[Step] = Field(description="What happened to it, in order.")


class IncidentEvent(BaseModel):
    """What the live stream says of one step of an incident."""

    event_id: int
    kind: str
    incident: Incident


def of_row(row: Mapping[str, Any]) -> Incident:
    """Give the incident in a row of `storage.queries.incidents`."""
    return Incident.model_validate({**row, "origin": Origin(row["origin"]).name.lower()})
