"""The process that imports one file that was sent over HTTP: told what to do by a line on its standard input.

Apart from the API, whose event loop and memory a large file would take; it may be killed at any moment, because the
import is one transaction. It ends by itself when its standard input does: then the API is gone.
"""

import asyncio
import json
import os
import re
import resource
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, OperationalError

from components_registry import layerfile, reading, service
from components_registry.mapping import AS_IT_IS, ColumnMapping
from components_registry.mapping import parse as parse_mapping
from components_registry.model import SurveyReport
from core.errors import Conflict, InvalidInput, NotFound, PlatformError, Unavailable
from geo.findings import GridFinding, counts
from geo.geojson import collection, feature
from geo.gridfile import COLUMNS, Level
from runtime import grid_import, own_classes, regrid
from runtime.unpacking import survey_in
from storage import refused_rows
from storage.pool import WRITER, connect

MOST_FINDINGS = 1_000
MOST_REFUSED_BYTES = 2 * 1024 * 1024
"""Of the file to mend so much goes with the answer to a check; an import keeps all of it."""
NICENESS = 5
OOM_SCORE = "1000"
"""When memory runs out, the kernel ends this process and not the API."""
DONE = "Done"
FAMILIES = (InvalidInput, NotFound, Conflict, Unavailable)

Job = Mapping[str, Any]


def main() -> None:
    """Do what the line says; print `Done` and the answer as JSON, or an error's family and its sentence."""
    job: Job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_api, daemon=True).start()
    _stand_back(job["memory_bytes"])
    try:
        word, text = DONE, json.dumps(asyncio.run(_work(job)), ensure_ascii=False)
    except PlatformError as error:
        word, text = _family(error), _sentence(error, job)
    except MemoryError:
        word, text = InvalidInput.__name__, "the file needs more memory than an import may take: send it in parts"
    except OperationalError:
        word, text = Unavailable.__name__, "the database does not answer"
    sys.stdout.buffer.write(f"{word}\n{text}".encode(errors="replace"))
    sys.stdout.buffer.flush()
    os._exit(0)


def _end_with_the_api() -> None:
    while os.read(sys.stdin.fileno(), 1):
        continue
    os._exit(1)


def _stand_back(memory_bytes: int) -> None:
    """Leave the processor and the memory to others first."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")


def _family(error: PlatformError) -> str:
    return next((family.__name__ for family in FAMILIES if isinstance(error, family)), InvalidInput.__name__)


def _sentence(error: PlatformError, job: Job) -> str:
    """Give what an error says: without our folder, and with parameters in place of the command's options."""
    text = str(error)
    if folder := job.get("folder"):
        text = text.replace(f"{folder}/unpacked/", "").replace(f"{folder}/", "")
    return re.sub(r"--([a-z][a-z-]+)", lambda it: it[1].replace("-", "_"), text)


async def _work(job: Job) -> dict[str, Any]:
    conn = await connect(job["database"], role=WRITER, name="import")
    async with conn:
        return await WORK[job["kind"]](conn, job)


async def _survey(conn: AsyncConnection[Any], job: Job) -> dict[str, Any]:
    asked, now, actor = job["asked"], datetime.fromisoformat(job["now"]), job["actor"]
    mend = Path(job["folder"]) / ".refused.csv"
    survey = service.Survey(
        file=survey_in(Path(job["file"]), reading.SUFFIXES, most_bytes=job["unpacked_bytes"]),
        crs=asked["crs"],
        layer=asked["layer"],
        encoding=asked["encoding"],
        mapping=_mapping(asked["mapping"]),
        northing_first=asked["axes"] == "ne",
        trusted=asked["trust_crs"],
        near_m=asked["near"],
        overlap=asked["overlap"],
        required=asked["require"],
        editions=own_classes.of_folder(Path(job["catalogue"]) if job["catalogue"] else None),
        edition=asked["edition"],
        chosen=dict(pair.split("=") for pair in asked["as_class"]),
        refused_rows=mend,
    )
    async with conn.transaction():
        report = await service.import_survey(conn, survey, now=now, actor=actor, dry_run=asked["dry_run"])
        if report.survey_id is not None:
            if report.refused:
                await refused_rows.keep(conn, report.survey_id, mend)
            detail = {"source": survey.file.name, "rows_read": report.rows_read, "refused": report.refused}
            await refused_rows.audit(conn, report.survey_id, detail, now=now, actor=actor)
    return _survey_report(report, survey.file.name, mend)


def _survey_report(report: SurveyReport, source: str, mend: Path) -> dict[str, Any]:
    told = report.survey_id is None and report.refused
    text, cut = _beginning(mend) if told else ("", False)
    return {
        "dry_run": report.survey_id is None,
        "survey_id": report.survey_id,
        "source": source,
        "crs": report.crs,
        "rows_read": report.rows_read,
        "rows_loaded": report.loaded,
        "created": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "missing": report.missing,
        "refused": report.refused,
        "departments_missing": dict(report.departments_missing),
        "notes": list(report.notes),
        "reasons": [
            {"reason": it.reason, "refused": it.refused, "findings": it.findings, "placed": it.placed}
            for it in report.counts
        ],
        "findings": [
            {
                "line": it.line, "column": it.column, "reason": it.reason, "detail": it.detail, "refused": it.refused,
                "lon": it.lon, "lat": it.lat,
            }
            for it in report.findings[:MOST_FINDINGS]
        ],
        "findings_found": sum(it.findings for it in report.counts),
        "refused_rows": text,
        "refused_rows_cut": cut,
    }  # fmt: skip


def _beginning(mend: Path) -> tuple[str, bool]:
    """Give the file of refused rows, or as many of its rows as may go with an answer, and whether there are more."""
    with mend.open("rb") as stream:
        content = stream.read(MOST_REFUSED_BYTES)
        cut = bool(stream.read(1))
    if cut:
        content = content[: content.rindex(b"\r\n") + 2] if b"\r\n" in content else b""
    return content.decode("utf-8-sig", errors="ignore"), cut


async def _grids(conn: AsyncConnection[Any], job: Job) -> dict[str, Any]:
    asked = job["asked"]
    given = grid_import.GridFile(
        file=survey_in(Path(job["file"]), layerfile.SUFFIXES, most_bytes=job["unpacked_bytes"]),
        level=Level(asked["level"]),
        crs=asked["crs"],
        layer=asked["layer"],
        encoding=asked["encoding"],
        mapping=_mapping(asked["mapping"], tuple(COLUMNS)),
        northing_first=asked["axes"] == "ne",
        trusted=asked["trust_crs"],
        mend=asked["mend"],
    )
    report = await grid_import.import_grids(
        conn,
        given,
        now=datetime.fromisoformat(job["now"]),
        actor=job["actor"],
        accept=asked["accept"],
        dry_run=asked["dry_run"],
    )
    shown = sorted(report.findings, key=lambda it: not it.blocks)[:MOST_FINDINGS]
    return {
        "dry_run": report.version_id is None,
        "version_id": report.version_id,
        "level": report.level,
        "state": report.state,
        "source": given.file.name,
        "crs": report.crs,
        "features": report.rows,
        "grids": report.grids,
        "blocking": report.blocking,
        "counts": counts(report.findings),
        "notes": list(report.notes),
        "findings": collection(_drawn(number, it) for number, it in enumerate(shown, start=1)),
        "findings_found": len(report.findings),
    }


def _drawn(number: int, found: GridFinding) -> dict[str, Any]:
    properties = {
        "flaw": found.flaw, "blocks": found.blocks, "feature": found.feature, "codes": list(found.codes),
        "area_m2": round(found.area_m2, 1), "detail": found.detail,
    }  # fmt: skip
    if found.shape is None:
        return {"type": "Feature", "id": str(number), "properties": properties, "geometry": None}
    return {**feature(found.shape, properties), "id": str(number)}


async def _activate(conn: AsyncConnection[Any], job: Job) -> dict[str, Any]:
    asked = job["asked"]
    done = await regrid.activate(
        conn,
        asked["version_id"],
        now=datetime.fromisoformat(job["now"]),
        actor=job["actor"],
        dry_run=asked["dry_run"],
    )
    return {
        "dry_run": done.period_id is None,
        "version_id": done.version.version_id,
        "level": done.version.level,
        "period_id": done.period_id,
        "moved": done.counts,
    }


def _mapping(text: str, known: tuple[str, ...] | None = None) -> ColumnMapping:
    if not text:
        return AS_IT_IS
    return parse_mapping(text, "mapping", known) if known else parse_mapping(text, "mapping")


WORK: Mapping[str, Callable[[AsyncConnection[Any], Job], Awaitable[dict[str, Any]]]] = {
    "survey": _survey,
    "grids": _grids,
    "activate": _activate,
}
"""What there is to do, by its name."""

if __name__ == "__main__":
    main()
