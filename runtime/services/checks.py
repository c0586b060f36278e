"""What `citygrid doctor` looks at: each check gives findings, and one that is not in order says how to mend it.

Checks only look; nothing is started, built or changed.
"""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg

from core.errors import PlatformError
from ingest import probe, promises
from runtime.services import control, installation, packages, process, timescale
from runtime.services.installation import Installation
from runtime.settings import Settings
from storage import migrate
from wire import broker

State = Literal["ok", "missing", "note"]
ROOT = Path(__file__).parents[2]
OLDEST_PYTHON = (3, 11)
FULL_CITY_BYTES = 5 << 30  # our choice: registry, tiles and a few days of readings of the demo, with room
START = "run: citygrid services start"
BOOTSTRAP = "run: scripts/bootstrap"

VERSIONS = """
SELECT current_setting('server_version'),
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
       current_setting('timescaledb.license', true),
       (SELECT extversion FROM pg_extension WHERE extname = 'postgis')
"""
APPLIED = "SELECT max(number) FROM schema_migration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report: `missing` is needed and absent, `note` is good to know."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Run every check, in the order a newcomer would need them."""
    return tuple(finding for check in CHECKS for finding in check(settings))


def _python(_: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= OLDEST_PYTHON
    yield Finding(
        name="python", state="ok" if good else "missing", detail=version, remedy="" if good else "install Python 3.11"
    )


def _debian_packages(settings: Settings) -> Iterator[Finding]:
    if not (settings.owns_database or settings.owns_broker):
        return
    lacking = packages.missing(("services", *_build_groups()))
    if lacking:
        remedy = f"run: {packages.install_command(lacking)}"
        yield Finding(name="packages", state="missing", detail=f"not installed: {', '.join(lacking)}", remedy=remedy)
    else:
        release = packages.release()
        detail = f"all there (Debian {release})" if release else "not Debian: parts are looked for one by one"
        yield Finding(name="packages", state="ok", detail=detail)


def _build_groups() -> tuple[str, ...]:
    """TimescaleDB's build tools count only where it is neither packaged nor already built."""
    ready = any(one.is_complete or _is_built(one) for one in installation.found())
    return () if ready else ("build",)


def _is_built(one: Installation) -> bool:
    return one.has("postgis") and timescale.is_cached(one.major, one.version, (one.bin, one.lib, one.share))


def _postgresql(settings: Settings) -> Iterator[Finding]:
    if not settings.owns_database:
        return
    known = [one for one in installation.found() if one.major >= installation.OLDEST_MAJOR]
    if not known:
        remedy = packages.remedy(("services", "build"))
        yield Finding(name="postgresql", state="missing", detail="no server of version 15 or newer", remedy=remedy)
        return
    best = next((one for one in known if one.is_complete or _is_built(one)), known[0])
    yield Finding(name="postgresql", state="ok", detail=f"{best.version} in {best.bin}")
    yield from (_extension(best, extension) for extension in installation.EXTENSIONS)


def _extension(one: Installation, extension: str) -> Finding:
    if one.has(extension):
        return Finding(name=extension, state="ok", detail=f"packaged for PostgreSQL {one.major}")
    if extension == "timescaledb" and one.has("postgis"):
        if _is_built(one):
            return Finding(name=extension, state="ok", detail=f"built for PostgreSQL {one.major}, in the cache")
        return Finding(name=extension, state="note", detail="will be built once, about 30 s", remedy=START)
    detail = f"not there for PostgreSQL {one.major}"
    return Finding(name=extension, state="missing", detail=detail, remedy=packages.remedy(("services",)))


def _mosquitto(settings: Settings) -> Iterator[Finding]:
    if not settings.owns_broker:
        return
    program = packages.find_command("mosquitto")
    if program is None:
        yield Finding(name="mosquitto", state="missing", detail="not installed", remedy=packages.remedy(("services",)))
        return
    done = subprocess.run([program, "-h"], capture_output=True, text=True, check=False)
    yield Finding(
        name="mosquitto", state="ok", detail=done.stdout.partition("\n")[0].removeprefix("mosquitto version ")
    )


def _disk(settings: Settings) -> Iterator[Finding]:
    place = next(
        parent for parent in (settings.data_dir.resolve(), *settings.data_dir.resolve().parents) if parent.exists()
    )
    free = shutil.disk_usage(place).free
    detail = f"{free / (1 << 30):.1f} GiB free at {place}"
    if free < control.FREE_SPACE_NEEDED_BYTES:
        yield Finding(name="disk", state="missing", detail=detail, remedy="free at least 1 GiB")
    elif free < FULL_CITY_BYTES:
        yield Finding(name="disk", state="note", detail=detail, remedy="the whole city wants 5 GiB")
    else:
        yield Finding(name="disk", state="ok", detail=detail)


def _services(settings: Settings) -> Iterator[Finding]:
    settings_of_ports = {"postgres": "CITYGRID_DATABASE_PORT", "mosquitto": "CITYGRID_MQTT_PORT"}
    for part in control.status(settings):
        detail = f"{part.state} at {part.address}" + (f", process {part.pid}" if part.pid else "")
        port = int(part.address.rpartition(":")[2]) if part.address.rpartition(":")[2].isdecimal() else 0
        if part.state == "stopped" and process.answers(port):
            detail = f"port {port} is taken by {process.holder(port)}"
            remedy = f"stop that, or set {settings_of_ports[part.name]}"
            yield Finding(name=f"{part.name} service", state="missing", detail=detail, remedy=remedy)
        elif part.state == "stopped":
            yield Finding(name=f"{part.name} service", state="note", detail=detail, remedy=START)
        else:
            yield Finding(name=f"{part.name} service", state="ok", detail=detail)


def _broker_promises(settings: Settings) -> Iterator[Finding]:
    if settings.owns_broker and control.status(settings)[1].state == "stopped":
        return
    try:
        answer = asyncio.run(probe.ask(broker.parse(settings.broker_url("ingest"))))
    except (OSError, PlatformError, TimeoutError) as error:
        detail = f"cannot be asked: {error or 'no answer'}"
        yield Finding(name="broker promises", state="note", detail=detail, remedy=START if settings.owns_broker else "")
        return
    found = (*promises.doubts(answer, settings.payload_limit_bytes), *_configuration_doubts(settings))
    for doubt in found:
        state: State = "missing" if doubt.is_fatal else "note"
        detail = f"{doubt.setting} {doubt.value}: {doubt.risk}"
        yield Finding(name="broker promises", state=state, detail=detail, remedy="see docs/reliability.md, The broker")
    if not found:
        who = answer.version or "says no version"
        kept = f"sessions kept {answer.session_s // 86_400} days, nothing dropped"
        yield Finding(name="broker promises", state="ok", detail=f"{who}: {kept}")


def _configuration_doubts(settings: Settings) -> tuple[promises.Doubt, ...]:
    """Judge the file of our own broker; another's is not to be had over MQTT."""
    if not settings.owns_broker:
        return ()
    try:
        text = (settings.data_dir / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
    except OSError:
        return ()
    return promises.configuration_doubts(promises.read_configuration(text))


def _schema(settings: Settings) -> Iterator[Finding]:
    if settings.owns_database and control.status(settings)[0].state == "stopped":
        return
    try:
        with psycopg.connect(settings.owner_dsn(), connect_timeout=5, autocommit=True) as conn:
            versions = conn.execute(VERSIONS).fetchone()
            row = conn.execute(APPLIED).fetchone() if _has_ledger(conn) else None
    except (psycopg.OperationalError, PlatformError) as error:
        reason = str(error).splitlines()[0]
        yield Finding(name="database", state="missing", detail=f"does not answer: {reason}", remedy=START)
        return
    assert versions is not None
    yield from _database_findings(*versions)
    newest = len(migrate.shipped())
    applied = (row[0] if row else None) or 0
    detail = f"migration {applied} of {newest}"
    state: State = "ok" if applied == newest else "missing"
    yield Finding(name="schema", state=state, detail=detail, remedy="" if state == "ok" else "run: citygrid db migrate")


def _database_findings(
    server: str, timescaledb: str | None, edition: str | None, postgis: str | None
) -> Iterator[Finding]:
    parts = {"TimescaleDB": timescaledb, "PostGIS": postgis}
    for name, version in parts.items():
        if version is None:
            remedy = f"as superuser, in this database: CREATE EXTENSION {name.lower()}"
            yield Finding(name="database", state="missing", detail=f"{name} is not installed in it", remedy=remedy)
    if all(parts.values()):
        detail = f"PostgreSQL {server}, TimescaleDB {timescaledb} ({edition} edition), PostGIS {postgis}"
        yield Finding(name="database", state="ok", detail=detail)


def _has_ledger(conn: psycopg.Connection) -> bool:
    row = conn.execute("SELECT to_regclass('schema_migration') IS NOT NULL").fetchone()
    return bool(row and row[0])


def _console(_: Settings) -> Iterator[Finding]:
    built = ROOT / "console" / "dist" / "index.html"
    if built.exists():
        yield Finding(name="console", state="ok", detail=f"built in {built.parent}")
    elif (ROOT / "console" / "package.json").exists():
        yield Finding(name="console", state="missing", detail="not built", remedy=BOOTSTRAP)


def _for_tests(_: Settings) -> Iterator[Finding]:
    program = packages.find_command("chromium")
    if program:
        yield Finding(name="chromium", state="ok", detail=f"{program} (tests only)")
    else:
        remedy = "run: scripts/bootstrap --tests"
        yield Finding(name="chromium", state="note", detail="not installed; only tests need it", remedy=remedy)


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _python,
    _debian_packages,
    _postgresql,
    _mosquitto,
    _disk,
    _services,
    _broker_promises,
    _schema,
    _console,
    _for_tests,
)
