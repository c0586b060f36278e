"""Our own PostgreSQL with TimescaleDB and PostGIS: made, configured, started, stopped; roles and database ensured."""

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import conninfo, sql

from core.errors import Conflict, Unavailable
from runtime.services import installation, process
from runtime.services.account import Account
from runtime.services.readiness import explain, wait_until_ready

SETTING = "CITYGRID_DATABASE_PORT"
DATABASE = "citygrid"
START_PATIENCE_S = 120.0  # crash recovery of a full write-ahead log
STOP_PATIENCE_S = 90.0
ATTEMPTS = 5  # after kill -9 the orphaned workers hold the shared memory for a moment
ORPHANS = "pre-existing shared memory block"
GIB = 1 << 30
MIB = 1 << 20
PORT_LINE = 3
INCLUDE = "\n# Rewritten by CityGrid at each start; ALTER SYSTEM wins over it.\ninclude 'citygrid.conf'\n"

GROUP_ROLES = {"citygrid_ingest": "citygrid_writer", "citygrid_view": "citygrid_reader"}
SCOPED_ROLE = "citygrid_scoped"
"""What people see whose grants end at an area (storage/scope.py); a migration makes the readers its members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where our PostgreSQL lives and listens; `extra` overrides settings (the tests trade durability for speed)."""

    folder: Path
    log: Path
    port: int
    account: Account
    extra: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def daemon(self) -> process.Daemon:
        """The process, recognised by its data directory."""
        return process.Daemon(
            title="PostgreSQL", mark=str(self.cluster), pid_file=self.folder / "citygrid.pid", log=self.log
        )

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.folder / "data"

    def address(self, password: str, database: str = "postgres") -> str:
        """Give the superuser's address."""
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"


def configuration(port: int, memory_bytes: int, extra: Mapping[str, str]) -> str:
    """Give our part of postgresql.conf: sizes from the machine's memory, safe writes, loopback only."""
    shared_mib = max(128, min(GIB, memory_bytes // 8) // MIB)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "100",
        "password_encryption": "scram-sha-256",
        "shared_preload_libraries": "timescaledb",
        "timescaledb.telemetry_level": "off",
        "max_worker_processes": "24",
        "timescaledb.max_background_workers": "8",
        "shared_buffers": f"{shared_mib}MB",
        "effective_cache_size": f"{max(256, memory_bytes // 2 // MIB)}MB",
        "maintenance_work_mem": f"{max(64, min(512, shared_mib // 2))}MB",
        "work_mem": "16MB",
        "random_page_cost": "1.1",
        "effective_io_concurrency": "200",
        # Queries find clean pages: without this they write what ingest dirtied before they may read.
        "bgwriter_delay": "50ms",
        "bgwriter_lru_maxpages": "1000",
        "bgwriter_lru_multiplier": "4",
        "synchronous_commit": "on",
        "wal_compression": "on",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_checkpoints": "off",
        "log_autovacuum_min_duration": "-1",
        **extra,
    }
    return "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def data_major(server: Server) -> int | None:
    """Give the PostgreSQL version that made the data; None when there are none."""
    with suppress(FileNotFoundError, ValueError):
        return int((server.cluster / "PG_VERSION").read_text(encoding="ascii"))
    return None


def start(server: Server, password: str, say: Callable[[str], None]) -> bool:
    """Start PostgreSQL, creating its data the first time; tell whether it was started (False: it ran already).

    Raises: `Unavailable` or `Conflict` with what to do.
    """
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted = configuration(server.port, memory_bytes, server.extra)
    if running_port(server) == server.port:
        return False
    chosen = installation.choose(data_major(server), say)
    stop(server)
    process.require_free(server.port, SETTING)
    if data_major(server) is None:
        say("creating the database cluster")
        _initialise(server, chosen.bin, password)
    server.account.write(server.cluster / "citygrid.conf", wanted)
    _drop_stale_lock(server)
    _launch(server, chosen.bin, password)
    return True


def running_port(server: Server) -> int | None:
    """Give the port our running server listens on; None when it does not run."""
    if server.daemon.pid() is None:
        return None
    with suppress(FileNotFoundError, IndexError, ValueError):
        return int((server.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()[PORT_LINE])
    return None


def stop(server: Server) -> bool:
    """Stop PostgreSQL: sessions are ended, everything is on disk; False when it did not run.

    One that cannot finish its last checkpoint (a full disk) is ended at once: its next start recovers from the log.
    """
    try:
        return server.daemon.stop(signal.SIGINT, STOP_PATIENCE_S)
    except Unavailable:
        return server.daemon.stop(signal.SIGQUIT, STOP_PATIENCE_S)


def ensure_database(server: Server, passwords: Mapping[str, str]) -> None:
    """Make the login and group roles, the database and its extensions, where they are missing; set the passwords.

    Raises: `Unavailable` with the reason from the server's log when it dies meanwhile (a full disk).
    """
    seen = server.daemon.log_size()
    try:
        _ensure_roles(server, passwords)
        _ensure_extensions(server, passwords["postgres"])
    except psycopg.OperationalError as error:
        log = f"{error}\n{server.daemon.new_log(seen)}"
        raise Unavailable(explain("PostgreSQL", log, str(server.log))) from error


def _ensure_roles(server: Server, passwords: Mapping[str, str]) -> None:
    superuser = server.address(passwords["postgres"])
    with psycopg.connect(superuser, autocommit=True) as conn:
        known = {row[0] for row in conn.execute("SELECT rolname FROM pg_roles")}
        for group in (*GROUP_ROLES.values(), SCOPED_ROLE):
            if group not in known:
                conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(group)))
        for login in (DATABASE, *GROUP_ROLES):
            verb = "ALTER" if login in known else "CREATE"
            conn.execute(
                sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(login), sql.Literal(passwords[login])
                )
            )
        conn.execute("GRANT citygrid_writer, citygrid_reader, citygrid_scoped TO citygrid WITH ADMIN OPTION")
        for login, group in GROUP_ROLES.items():
            conn.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(login)))
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
            conn.execute("CREATE DATABASE citygrid OWNER citygrid TEMPLATE template0 ENCODING 'UTF8'")


def _ensure_extensions(server: Server, password: str) -> None:
    with psycopg.connect(server.address(password, DATABASE), autocommit=True) as conn:
        present = {row[0] for row in conn.execute("SELECT extname FROM pg_extension")}
        for extension in installation.EXTENSIONS:
            if extension not in present:
                conn.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))


def _initialise(server: Server, programs: Path, password: str) -> None:
    """Run initdb into a neighbour and rename it, so that a half-made cluster is never taken for a whole one."""
    fresh = server.folder / "fresh"
    server.account.run(["rm", "-rf", fresh])
    password_file = server.folder / "initial-password"
    server.account.write(password_file, password)
    done = server.account.run(
        [
            programs / "initdb",
            "--pgdata",
            fresh,
            "--username",
            "postgres",
            "--pwfile",
            password_file,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
            "--data-checksums",
        ]
    )
    server.account.run(["rm", "-f", password_file])
    if done.returncode:
        server.account.run(["rm", "-rf", fresh])
        raise Unavailable(explain("PostgreSQL", done.stdout + done.stderr, str(server.log)))
    conf = fresh / "postgresql.conf"
    server.account.write(conf, server.account.run(["cat", conf]).stdout + INCLUDE)
    server.account.run(["mv", fresh, server.cluster])


def _drop_stale_lock(server: Server) -> None:
    """Remove a lock file left by a reboot, whose process id may now be somebody else's."""
    lock = server.cluster / "postmaster.pid"
    with suppress(FileNotFoundError, IndexError, ValueError):
        pid = int(lock.read_text(encoding="utf-8").split()[0])
        arguments = process.command_line(pid)
        if str(server.cluster) in arguments:
            raise Conflict(f"PostgreSQL already serves {server.cluster} (process {pid}, not started by us): stop it")
        lock.unlink()


def _launch(server: Server, programs: Path, password: str) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        seen = server.daemon.log_size()
        server.daemon.launch([programs / "postgres", "-D", server.cluster], server.account)
        try:
            wait_until_ready(server.daemon, lambda: _accepts(server, password), seen, START_PATIENCE_S)
        except Unavailable:
            if attempt == ATTEMPTS or ORPHANS not in server.daemon.new_log(seen):
                raise
        else:
            return


def _accepts(server: Server, password: str) -> bool:
    address = conninfo.make_conninfo(server.address(password), connect_timeout=2)
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            stop(server)
            raise Conflict(
                f"secrets.json does not hold the password of the data in {server.cluster}: put the right one back,"
                " or `citygrid services reset` deletes the data and starts anew"
            ) from None
        return False
    return True
