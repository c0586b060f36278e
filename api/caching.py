"""Conditional answers: an ETag of the content, 304 when the client has it, and how long it may be kept."""

import hashlib
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has it already (If-None-Match)."}}
"""For the description of every operation that answers by `conditional`."""


class GeoJson(JSONResponse):
    """A GeoJSON answer (RFC 7946), for the description; the text itself comes from the database."""

    media_type = "application/geo+json"


class VectorTile(Response):
    """A Mapbox vector tile."""

    media_type = "application/vnd.mapbox-vector-tile"


def etag(body: bytes) -> str:
    """Give the weak entity tag of a body: weak, because the same content may leave compressed or not."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def conditional(request: Request, body: bytes, *, media_type: str, max_age_s: int) -> Response:
    """Give `body`, or 304 without it when If-None-Match names its tag. `max_age_s` 0 = ask again each time."""
    tag = etag(body)
    headers = {
        "ETag": tag,
        "Cache-Control": f"public, max-age={max_age_s}" if max_age_s else "no-cache",
        "Vary": "Accept-Encoding",
    }
    known = {part.strip() for part in request.headers.get("if-none-match", "").split(",")}
    if "*" in known or tag in known or tag.removeprefix("W/") in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
