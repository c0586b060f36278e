"""Starts the process that imports one file (`runtime.import_child`), and ends it when its time is over."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from core.errors import Conflict, InvalidInput, NotFound, PlatformError, TookTooLong, Unavailable
from runtime.settings import Settings

FAMILIES: Mapping[str, type[PlatformError]] = {
    family.__name__: family for family in (InvalidInput, NotFound, Conflict, Unavailable)
}
DONE = b"Done"
MEGABYTE = 1024 * 1024

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class ImportDesk:
    """Has jobs done by processes of their own, with the rights of commands of the API (`citygrid_writer`)."""

    def __init__(self, settings: Settings) -> None:
        self._limit_s = settings.import_limit_s
        self._common = {
            "database": settings.writer_dsn(),
            "memory_bytes": settings.import_memory_mb * MEGABYTE,
            "unpacked_bytes": settings.upload_unpacked_mb * MEGABYTE,
            "catalogue": str(settings.catalogue_dir.absolute()) if settings.catalogue_dir else "",
        }

    async def work(self, job: Mapping[str, Any]) -> bytes:
        """Give the answer to a job as JSON.

        Raises: `TookTooLong`; what the process raised.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runtime.import_child", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )  # fmt: skip
        assert process.stdin
        assert process.stdout
        try:
            async with asyncio.timeout(self._limit_s):
                # stdin stays open: its end tells the process that nobody waits any more
                process.stdin.write(json.dumps({**job, **self._common}).encode() + b"\n")
                with suppress(ConnectionError):
                    await process.stdin.drain()
                said = await process.stdout.read()
                code = await process.wait()
        except TimeoutError as error:
            raise TookTooLong(
                f"it was not finished within {self._limit_s:.0f} s (CITYGRID_IMPORT_LIMIT_S): it was ended, nothing was"
                " kept"
            ) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            process.stdin.close()
        return _answer(said, code, job["kind"])


def _answer(said: bytes, code: int, kind: str) -> bytes:
    word, _, text = said.partition(b"\n")
    if code == 0 and word == DONE:
        return text
    if code == 0:
        raise FAMILIES[word.decode()](text.decode())
    log.error("import_died", kind=kind, code=code)
    if code < 0:
        raise InvalidInput(
            f"the process that read the file died (signal {-code}), which a broken file or one that needs too much"
            " memory can do; nothing was kept"
        )
    raise RuntimeError(f"the import's process ended with {code}")
