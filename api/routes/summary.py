"""HTTP for the first screen: the city in counts."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.services import Use
from devices.health import Health
from storage.queries import summary

router = APIRouter(tags=["summary"])
COMPONENTS_KEPT_S = 30.0
KEPT_S = 1.0
SEVERITIES = ("info", "minor", "major", "critical")


class Summary(BaseModel):
    """The city now."""

    as_of: datetime
    city: dict[str, Any] = Field(description="Code, names, seed, counts; empty before a city is loaded.")
    synthetic: bool = Field(description="Whether the city was made by a program.")
    timezone: str = Field(description="The city's time zone.")
    components: int
    devices: dict[str, int] = Field(description="Devices in use by health: online, late, silent, never.")
    open_incidents: dict[str, int] = Field(description="By severity.")
    readings_last_minute: int = Field(
        description="Device messages stored in the last whole minute of arrival: 0 to 60 s old."
    )
    lag_s: float | None = Field(
        description="From event to arrival, mean of the same messages; late ones and replays left out."
    )
    last_ingest_at: datetime | None


@router.get("/summary")
async def show_summary(services: Use) -> Summary:
    """Count components, devices by health, open incidents by severity, and the flow of readings."""

    async def count() -> int:
        async with services.reading() as conn:
            return await summary.components(conn)

    async def make() -> Summary:
        now = services.clock()
        components = await services.memo.get("components", COMPONENTS_KEPT_S, count)
        async with services.reading() as conn:
            by_health = await summary.devices_by_health(conn, services.health_clock())
            by_severity = await summary.open_by_severity(conn)
            flow = await summary.flow(conn, services.health_clock())
            city = await summary.city(conn)
        return Summary.model_validate(
            {
                "as_of": now,
                "city": city,
                "synthetic": bool(city.get("synthetic")),
                "timezone": services.timezone,
                "components": components,
                "devices": {health.value: by_health.get(health.value, 0) for health in Health},
                "open_incidents": {severity: by_severity.get(severity, 0) for severity in SEVERITIES},
                **flow,
            }
        )

    return await services.memo.get("summary", KEPT_S, make)
