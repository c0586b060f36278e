"""The shape of an incident for people: the same in lists, details and the live stream."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.origin import Origin

Severity = Literal["info", "minor", "major", "critical"]
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
    lon: float
    lat: float
    geometry: dict[str, Any] = Field(description="GeoJSON geometry, WGS 84.")
    evidence: Evidence


class IncidentEvent(BaseModel):
    """What the live stream says of one step of an incident."""

    event_id: int
    kind: str
    incident: Incident


def of_row(row: Mapping[str, Any]) -> Incident:
    """Give the incident in a row of `storage.queries.incidents`."""
    return Incident.model_validate({**row, "origin": Origin(row["origin"]).name.lower()})
