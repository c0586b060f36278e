"""HTTP for machines that watch: alive, ready, metrics. No prefix, as Kubernetes, Compose and Prometheus expect."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from api.services import Use
from storage.queries import summary

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """The process can do its work."""

    status: Literal["ready"] = "ready"
    database: Literal["ok"] = "ok"
    live_stream: Literal["ok", "polling"] = Field(description="`polling`: announcements are not heard right now.")
    last_ingest_at: datetime | None
    last_ingest_age_s: float | None = Field(description="Null before the first reading.")


@router.get("/healthz")
async def check_alive() -> Alive:
    """Say that the process answers; asks nothing else."""
    return Alive()


@router.get("/readyz")
async def check_ready(services: Use) -> Ready:
    """Say whether the database answers (503 when not), and how old the newest reading is."""
    async with services.reading() as conn:
        at = await summary.last_ingest(conn)
    return Ready(
        live_stream="ok" if services.hub.listening else "polling",
        last_ingest_at=at,
        last_ingest_age_s=(services.clock() - at).total_seconds() if at else None,
    )


@router.get("/metrics", response_class=PlainTextResponse)
async def get_metrics(services: Use) -> Response:
    """Give Prometheus metrics: request durations by route, live subscribers, connection pools."""
    text, media_type = services.metrics()
    return Response(text, media_type=media_type, headers={"Cache-Control": "no-store"})
