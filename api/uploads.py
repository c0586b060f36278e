"""Files that people send: streamed to disk within a limit, some at a time; another process works on them (`Work`)."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Request
from pydantic import Field
from starlette.requests import ClientDisconnect

from core.errors import Busy, InvalidInput, TooLarge

MEDIA_TYPE = "application/octet-stream"
BODY: Mapping[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}
MEGABYTE = 1024 * 1024
MOST_NAME_BYTES = 200
RECEIVED_WITHIN_S = 900.0
WRITTEN_AT_ONCE = 1024 * 1024

FileName = Annotated[
    str,
    Field(
        pattern=r"^[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,150}$",
        description="Name of the file: its end says what it is; a Shapefile or File Geodatabase is sent as .zip.",
    ),
]
Number = Annotated[int, InPath(ge=1, le=2**31 - 1)]
Work = Callable[[Mapping[str, Any]], Awaitable[bytes]]
"""Does what a job says in another process and gives its answer as JSON; raises a `PlatformError`, as it was raised."""


class Uploads:
    """Takes files in and has them worked on, a few at a time."""

    def __init__(self, work: Work, *, largest_mb: int, at_once: int, folder: Path | None) -> None:
        """Take files into new folders below `folder`; None: where the system keeps what is temporary."""
        self._work = work
        self._largest_mb = largest_mb
        self._at_once = at_once
        self._folder = folder
        self._running = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Be one of the few inside the block; raises `Busy`."""
        if self._running >= self._at_once:
            raise Busy(f"{self._running} imports are running; try again when one is finished")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def do(self, kind: str, asked: Mapping[str, Any], by: Mapping[str, Any]) -> bytes:
        """Have something done that needs no file; raises `Busy`, `TookTooLong` and what the work raises."""
        async with self.turn():
            return await self._work({"kind": kind, "asked": asked, **by})

    async def take(self, request: Request, kind: str, asked: Mapping[str, Any], by: Mapping[str, Any]) -> bytes:
        """Take a request's body as the file `asked["name"]` and have it worked on; the file is gone afterwards.

        Raises: `TooLarge`, `Busy`, `TookTooLong` and what the work raises.
        """
        name = str(asked["name"])
        if len(name.encode()) > MOST_NAME_BYTES:
            raise InvalidInput(f"name: the file's name is longer than {MOST_NAME_BYTES} bytes")
        async with self.turn():
            folder = Path(tempfile.mkdtemp(prefix="citygrid-upload-", dir=self._folder))
            try:
                await self._receive(request, folder / name)
                job = {"kind": kind, "folder": str(folder), "file": str(folder / name), "asked": asked, **by}
                return await self._work(job)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _receive(self, request: Request, file: Path) -> None:
        most = self._largest_mb * MEGABYTE
        said = request.headers.get("content-length", "")
        if said.isdigit() and int(said) > most:
            raise self._too_large()
        try:
            async with asyncio.timeout(RECEIVED_WITHIN_S):
                size = await self._write(request, file, most)
        except TimeoutError as error:
            raise InvalidInput(f"the file did not come whole within {RECEIVED_WITHIN_S:.0f} s") from error
        except ClientDisconnect as error:
            raise InvalidInput("the file did not come whole: whoever sent it hung up") from error
        if not size:
            raise InvalidInput("the file is empty")

    async def _write(self, request: Request, file: Path, most: int) -> int:
        size, waiting = 0, bytearray()
        with await asyncio.to_thread(file.open, "xb") as sink:
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise self._too_large()
                waiting += part
                if len(waiting) >= WRITTEN_AT_ONCE:
                    await asyncio.to_thread(sink.write, bytes(waiting))
                    waiting.clear()
            await asyncio.to_thread(sink.write, bytes(waiting))
        return size

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"the file is larger than {self._largest_mb} MB (CITYGRID_UPLOAD_LARGEST_MB): zip it, send it in parts, or"
            " import it from the command line"
        )
