"""HTTP for exports: a layer, or what a filter leaves of it, as a file."""

import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath
from fastapi.responses import StreamingResponse

from api.instant import Instant
from api.ogc.asked import asked_of, selection
from api.services import Services, Use
from core.errors import InvalidInput, NotFound, Unavailable
from storage.layers import apart, export
from storage.layers.city import COMPONENTS, LAYERS, THEN
from storage.layers.model import Layer
from storage.layers.query import Selection

router = APIRouter(prefix="/exports", tags=["exports"])

MOST_AT_ONCE = 2
"""Each takes a core and a connection for some seconds."""
PIECE_BYTES = 256 * 1024
MEDIA_TYPES = {
    export.Format.GEOPACKAGE: "application/geopackage+sqlite3",
    export.Format.GEOJSON: "application/geo+json",
    export.Format.CSV: "text/csv; charset=utf-8",
    export.Format.PARQUET: "application/vnd.apache.parquet",
}
_running: set[object] = set()

Collection = Annotated[str, InPath(description="components, devices, unit_grids, patrol_grids, areas, incidents")]
Kind = Annotated[str, InPath(description="gpkg, geojson, csv, parquet")]


class ExportedFile(Response):
    """A file."""

    media_type = "application/octet-stream"


@router.get("/{collection}.{kind}", response_class=ExportedFile)
async def export_layer(  # noqa: PLR0913  # one argument a parameter
    collection: Collection,
    kind: Kind,
    services: Use,
    *,
    filter: Annotated[str | None, Query(description="CQL2, as of the OGC API.")] = None,  # noqa: A002
    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees")] = None,
    class_code: str | None = None,
    district_code: str | None = None,
    as_of: Annotated[Instant | None, Query(description="Components as they were then.")] = None,
    crs: Annotated[str, Query(description="EPSG code of the coordinates; easting or longitude come first.")] = "4326",
    headings: Annotated[Literal["names", "zh", "en"], Query(description="What columns are called.")] = "names",
) -> Response:
    """Give a layer as GeoPackage, GeoJSON, CSV or GeoParquet: `/exports/components.gpkg`.

    Codes are text, times are in UTC. The CSV of components can be imported again as a survey. A cell that a spreadsheet
    would take for a formula begins with an apostrophe.
    """
    if collection not in LAYERS or kind not in set(export.Format):
        raise NotFound(f"there is no {collection}.{kind}; there are {', '.join(LAYERS)} as {', '.join(export.Format)}")
    shape = export.Shape(format=export.Format(kind), system=export.system_of(crs), headings=headings)
    by = {"class_code": class_code, "district_code": district_code}
    chosen = selected(LAYERS[collection], {"filter": filter, "bbox": bbox}, by, services, as_of)
    with _one_of_few():
        stream = await _written(services, chosen, shape)
    name = f"citygrid-{collection}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(_pieces(stream), media_type=MEDIA_TYPES[shape.format], headers=headers)


def selected(
    layer: Layer,
    asked: Mapping[str, str | None],
    by: Mapping[str, str | None],
    services: Services,
    as_of: datetime | None,
) -> Selection:
    """Give what is exported; raises `InvalidInput` for a filter that does not fit the layer."""
    given = {name: value for name, value in asked.items() if value is not None}
    others = [(name, value) for name, value in by.items() if value is not None]
    chosen = selection(layer, asked_of(given), others, services.health_clock())
    if as_of is None:
        return chosen
    if layer is not COMPONENTS:
        raise InvalidInput("as_of: only components are kept as they were")
    return replace(chosen, source=THEN, values={**chosen.values, "as_of": as_of})


async def _written(services: Services, chosen: Selection, shape: export.Shape) -> BinaryIO:
    """Give the open file; it has no name any more, so it is gone when it is closed, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="citygrid-export-") as folder:
        copied, made = Path(folder) / "copied", Path(folder) / f"made.{shape.format}"
        async with services.reading() as conn:
            await export.copy_out(conn, chosen, shape, copied)
        if not export.is_converted(shape):
            return copied.open("rb")
        await apart.convert(copied, chosen.layer, shape, made)
        return made.open("rb")


@contextmanager
def _one_of_few() -> Generator[None]:
    if len(_running) >= MOST_AT_ONCE:
        raise Unavailable(f"{MOST_AT_ONCE} exports are being written; try again in a moment")
    this = object()
    _running.add(this)
    try:
        yield
    finally:
        _running.discard(this)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece
