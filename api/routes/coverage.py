"""HTTP for sensing density: devices per square kilometre and the share of components that carry one."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.services import Use
from core.errors import InvalidInput
from devices import coverage
from storage.queries import coverage as counts

router = APIRouter(tags=["devices"])
KEPT_S = 30.0


class Covered(BaseModel):
    """How densely a place, or a class, is sensed."""

    model_config = ConfigDict(from_attributes=True)

    key: str = Field(description="Code of the class or place; empty = vehicles of no class, grids of no team, the sum.")
    name_zh: str
    name_en: str
    components: int
    sensed: int = Field(description="Components that carry a device in service.")
    share: float | None
    devices: int = Field(description="Devices in service.")
    area_km2: float = Field(description="Of its valid unit grids; of a class, of the whole city.")
    per_km2: float | None


class Reference(BaseModel):
    """What another city reports."""

    per_km2: float
    source_zh: str
    source_en: str


class CoverageAnswer(BaseModel):
    """Coverage by class or place, the most devices first."""

    by: Literal["class", "district", "patrol", "unit"]
    reference: Reference
    total: Covered
    items: list[Covered]
    more: int = Field(description="Rows beyond the limit.")


@router.get("/coverage")
async def show_coverage(
    services: Use,
    by: Annotated[Literal["class", "district", "patrol", "unit"], Query(description="What is counted together.")],
    limit: Annotated[int, Query(ge=1, le=20_000)] = 500,
    class_code: Annotated[
        str | None, Query(pattern="^[0-9]{4,5}$", description="Only this class, by place: its components and devices.")
    ] = None,
) -> CoverageAnswer:
    """Show devices in service per km² and the share of components that carry one, of the last half minute."""
    if by == "class" and class_code:
        raise InvalidInput("class_code: by=class counts every class; ask by=district, patrol or unit")

    async def make() -> list[coverage.Coverage]:
        async with services.reading() as conn:
            return coverage.of_counts(await counts.count(conn, by, class_code))

    parts = await services.memo.get(("coverage", by, class_code or ""), KEPT_S, make)
    return CoverageAnswer(
        by=by,
        reference=Reference(
            per_km2=coverage.REFERENCE_PER_KM2, source_zh=coverage.REFERENCE_ZH, source_en=coverage.REFERENCE_EN
        ),
        total=Covered.model_validate(coverage.together(parts, same_ground=by == "class")),
        items=[Covered.model_validate(part) for part in parts[:limit]],
        more=max(0, len(parts) - limit),
    )
