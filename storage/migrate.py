"""Forward-only SQL migrations: numbered files, checksummed, one transaction each, one runner at a time.

A file may start with header lines: `-- requires: timescaledb` documents an extension it needs; `-- edition: community`
runs it only where the Timescale licence edition is found (recorded as skipped elsewhere, and run when that changes).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection, sql

from core.errors import Conflict, Unavailable
from storage import locks, scope

FOLDER = Path(__file__).parent / "migrations"
REQUIRED_EXTENSIONS = ("timescaledb", "postgis")

CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number     int PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    skipped    boolean NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
LEDGER = "SELECT number, checksum, skipped FROM schema_migration"
RECORD = """
INSERT INTO schema_migration (number, name, checksum, skipped)
VALUES (%(number)s, %(name)s, %(checksum)s, %(skipped)s)
ON CONFLICT (number) DO UPDATE SET skipped = EXCLUDED.skipped, applied_at = now()
"""
MISSING_EXTENSIONS = """
SELECT wanted FROM unnest(%(wanted)s::text[]) AS wanted
WHERE wanted NOT IN (SELECT extname FROM pg_extension)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    text: str
    community_only: bool

    @property
    def checksum(self) -> str:
        """Hex SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def shipped(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """Give the migrations in order; numbers must be 1, 2, 3 ..."""
    files = sorted(folder.glob("*.sql"))
    migrations = tuple(_read(file) for file in files)
    numbers = [migration.number for migration in migrations]
    if numbers != list(range(1, len(numbers) + 1)):
        raise Conflict(f"migration files are not numbered 1 to {len(numbers)}: {numbers}")
    return migrations


def _read(file: Path) -> Migration:
    text = file.read_text(encoding="utf-8")
    number, _, name = file.stem.partition("_")
    header = [line for line in text.splitlines()[:5] if line.startswith("-- ")]
    return Migration(number=int(number), name=name, text=text, community_only="-- edition: community" in header)


def migrate(url: str, migrations: tuple[Migration, ...] | None = None) -> list[str]:
    """Bring the database at `url` up to date and give the names of what was applied.

    Raises: `Unavailable` when an extension is missing; `Conflict` when an applied file was edited afterwards or the
    database is newer than this program.
    """
    wanted = shipped() if migrations is None else migrations
    with Connection.connect(url, autocommit=True, options="-c timezone=UTC -c client_min_messages=warning") as conn:
        _require_extensions(conn)
        conn.execute("SELECT pg_advisory_lock(%s)", (locks.MIGRATE,))
        try:
            applied = _run(conn, wanted)
            if migrations is None:
                scope.settle(conn)
            return applied
        finally:
            conn.execute("SELECT pg_advisory_unlock(%s)", (locks.MIGRATE,))


def status(url: str) -> list[tuple[str, str]]:
    """Give each shipped migration's name and whether it is `applied`, `skipped` (other edition) or `missing`."""
    with Connection.connect(url, autocommit=True) as conn:
        exists = conn.execute("SELECT to_regclass('schema_migration')").fetchone()
        rows = conn.execute(LEDGER).fetchall() if exists and exists[0] else []
    skipped = {number: was_skipped for number, _, was_skipped in rows}
    words = {None: "missing", True: "skipped", False: "applied"}
    return [(f"{m.number:04d}_{m.name}", words[skipped.get(m.number)]) for m in shipped()]


def _run(conn: Connection, wanted: tuple[Migration, ...]) -> list[str]:
    conn.execute(CREATE_LEDGER)
    ledger = {number: (checksum, skipped) for number, checksum, skipped in conn.execute(LEDGER)}
    unknown = set(ledger) - {migration.number for migration in wanted}
    if unknown:
        raise Conflict(
            f"the database has migrations {sorted(unknown)} that this version does not know: update CityGrid"
        )
    community = _has_community_edition(conn)
    applied: list[str] = []
    for migration in wanted:
        done = ledger.get(migration.number)
        if done and done[0] != migration.checksum:
            raise Conflict(f"migration {migration.number:04d}_{migration.name} was edited after it was applied")
        skip = migration.community_only and not community
        if done and (not done[1] or skip):
            continue
        with conn.transaction():
            if not skip:
                scope.drop(conn)
                conn.execute(sql.SQL(migration.text))  # pyright: ignore[reportArgumentType]  # our own files
            conn.execute(
                RECORD,
                {
                    "number": migration.number,
                    "name": migration.name,
                    "checksum": migration.checksum,
                    "skipped": skip,
                },
            )
        if not skip:
            applied.append(f"{migration.number:04d}_{migration.name}")
    return applied


def _require_extensions(conn: Connection) -> None:
    missing = [row[0] for row in conn.execute(MISSING_EXTENSIONS, {"wanted": list(REQUIRED_EXTENSIONS)})]
    if missing:
        commands = " ".join(f"CREATE EXTENSION {name};" for name in missing)
        raise Unavailable(f"the database lacks {', '.join(missing)}: as superuser run: {commands}")


def _has_community_edition(conn: Connection) -> bool:
    row = conn.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    return bool(row and row[0] == "timescale")
