"""HTTP for why an incident came about."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from alerts import explanation
from api.services import Use

router = APIRouter(prefix="/incidents", tags=["incidents"])


class Comparison(BaseModel):
    """One comparison of the rule's condition, as it stood when the rule fired."""

    comparison: str | None
    threshold: float | None
    value: float | None
    decided: bool


class Explanation(BaseModel):
    """Why an incident came about, as it was written down when it was decided."""

    incident_id: int
    case_no: str
    cause: str
    rule: str
    severity: str
    title_zh: str
    title_en: str
    stage: str
    outcome: str | None
    device: str | None
    profile: str | None
    component: str | None
    rules: dict[str, Any] | None = Field(description="The version that decided; null = rules that were not published.")
    condition: dict[str, Any] = Field(description="The rule's expr, clear, file and line, and source.")
    comparisons: list[Comparison] = Field(description="The one that decided comes first.")
    times: dict[str, datetime | float | None] = Field(description="When it became pending, fired, opened, recovered.")
    readings: dict[str, Any] = Field(description="`counts`: the condition held.")
    members: list[dict[str, Any]]
    mutes: list[dict[str, Any]]
    deadline: dict[str, Any] = Field(description="How the deadline follows: class, condition, stages, pauses.")
    events: list[dict[str, Any]] = Field(description="What the platform itself did, in order.")


@router.get("/{incident}/explanation")
async def explain_incident(
    incident: Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[0-9-]+$")], services: Use
) -> Explanation:
    """Say why an incident came about: by its id, or its case number."""
    async with services.reading() as conn:
        return Explanation.model_validate(await explanation.explanation(conn, incident))
