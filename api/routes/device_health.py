"""HTTP for a device's health beside its reports: how long its battery lasts, and why messages were refused."""

from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.routes.devices import Label
from api.services import Use
from core.errors import NotFound
from devices import battery
from storage.queries import device_health, devices

router = APIRouter(prefix="/devices", tags=["devices"])
REFUSED_DAYS, REFUSED_SHOWN = 7, 20


class Battery(BaseModel):
    """How long its battery lasts."""

    days_left: float | None = Field(description=f"Until {battery.EMPTY_PCT:g} %; null = unknown.")
    unknown: battery.Unknown | None = Field(description="Why there is no forecast.")
    pct_a_day: float | None
    levels: int = Field(description="Daily levels it is made of, of the newest battery, of 90 days at most.")


class RefusedMessage(BaseModel):
    """A message, or an item of one, that could not be accepted."""

    id: str = Field(description="Of the dead letter.")
    reason: str
    detail: str
    first_seen: datetime
    last_seen: datetime
    seen: int


class DeviceHealth(BaseModel):
    """What is known of a device beside its readings."""

    battery: Battery
    refused: list[RefusedMessage] = Field(description="Of its own topics, in seven days, the newest first.")


@router.get("/{label}/health")
async def show_device_health(label: Label, services: Use) -> DeviceHealth:
    """Show how long a device's battery lasts, and why its messages were refused."""
    now = services.clock()
    async with services.reading() as conn:
        device = await devices.show(conn, label)
        if device is None:
            raise NotFound(f"no device {label}")
        since = now - timedelta(days=battery.LOOK_BACK_DAYS)
        days, levels = await device_health.battery_levels(conn, label, battery.CHANNEL, since)
        kind = services.profiles[device["profile"]].kind if device["profile"] in services.profiles else "-"
        own_topics = f"citygrid/v1/{device['district_code']}/{kind}/{label}/"
        refused = await device_health.refused(conn, own_topics, now - timedelta(days=REFUSED_DAYS), limit=REFUSED_SHOWN)
    found = battery.forecast(days, levels)
    forecast = {name: getattr(found, name) for name in Battery.model_fields}
    return DeviceHealth.model_validate({"battery": forecast, "refused": refused})
