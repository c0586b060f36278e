"""Conditional answers: an ETag of the content, 304 when the client has it, and how long it may be kept."""

import asyncio
import gzip
import hashlib
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has it already (If-None-Match)."}}
"""For the description of every operation that answers by `conditional`."""


class GeoJson(JSONResponse):
    """A GeoJSON answer (RFC 7946), for the description; the text itself comes from the database."""

    media_type = "application/geo+json"


GZIP_LEVEL = 4
"""Our choice: nine tenths of level 9's saving on GeoJSON and tiles for a third of its time."""


class VectorTile(Response):
    """A Mapbox vector tile."""

    media_type = "application/vnd.mapbox-vector-tile"


def etag(body: bytes) -> str:
    """Give the weak entity tag of a body: weak, because the same content may leave compressed or not."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def conditional(request: Request, body: bytes, *, media_type: str, max_age_s: int) -> Response:
    """Give `body`, or 304 without it when If-None-Match names its tag. `max_age_s` 0 = ask again each time.

    Only the reader's own browser may keep it: what is seen depends on who asks.
    """
    tag = etag(body)
    headers = _headers(tag, max_age_s)
    if _known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


@dataclass(frozen=True, slots=True)
class Packed:
    """A body to keep: compressed once, tagged once."""

    tag: str
    compressed: bytes

    def __len__(self) -> int:
        return len(self.compressed)

    @staticmethod
    async def of(body: bytes) -> "Packed":
        """Compress a body, in another thread: a large tile takes some milliseconds."""
        return Packed(etag(body), await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL, mtime=0))


def conditional_packed(
    request: Request, packed: Packed, *, media_type: str, max_age_s: int, public: bool = False
) -> Response:
    """Do as `conditional`, without compressing what was compressed before; `public`: proxies may keep it too."""
    headers = _headers(packed.tag, max_age_s, public=public)
    if _known(request, packed.tag):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed.compressed, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(gzip.decompress(packed.compressed), media_type=media_type, headers=headers)


def _headers(tag: str, max_age_s: int, *, public: bool = False) -> dict[str, str]:
    kept = f"{'public' if public else 'private'}, max-age={max_age_s}" if max_age_s else "no-cache"
    differs_by = "Accept-Encoding" if public else "Accept-Encoding, Authorization, Cookie"
    return {"ETag": tag, "Cache-Control": kept, "Vary": differs_by}


def _known(request: Request, tag: str) -> bool:
    """Tell whether If-None-Match names the tag."""
    known = {part.strip() for part in request.headers.get("if-none-match", "").split(",")}
    return "*" in known or tag in known or tag.removeprefix("W/") in known
