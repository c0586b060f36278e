"""Daemons: start one in its own session, recognise it later by pid file and command line, stop it and no other.

A pid file alone proves nothing after a reboot or a kill, so a process counts as ours only when its command line in
/proc also holds the data path that only our server was given.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import Conflict, Unavailable
from runtime.services.account import ENVIRONMENT, Account

PROC = Path("/proc")
LISTENING = "0A"
POLL_S = 0.02
LOG_LIMIT_BYTES = 20_000_000
LAUNCH = 'echo $$ >"$0" && exec "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """One server process: `mark` is an argument that no other process has."""

    title: str
    mark: str
    pid_file: Path
    log: Path

    def pid(self) -> int | None:
        """Give the running process's id, or None. A full disk leaves an empty pid file."""
        with suppress(FileNotFoundError, ValueError, IndexError, PermissionError):
            pid = int(self.pid_file.read_text(encoding="ascii").split()[0])
            return pid if self.mark in command_line(pid) else None
        return None

    def launch(self, command: Sequence[str | Path], account: Account) -> None:
        """Start `command` as `account`, detached from our terminal; its output goes to the log."""
        self.log.parent.mkdir(exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        self.pid_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            subprocess.run(
                ["setsid", "--fork", "sh", "-c", LAUNCH, str(self.pid_file), *(str(part) for part in command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                cwd="/",
                env=ENVIRONMENT,
                umask=0o077,
                **account.demotion(),
            )

    def stop(self, stop_signal: signal.Signals, patience_s: float) -> bool:
        """End the process and wait for that; False when none ran.

        Raises: `Unavailable` when it still runs after `patience_s`.
        """
        pid = self.pid()
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, stop_signal)
        deadline = time.monotonic() + patience_s
        while self.pid() is not None:
            if time.monotonic() > deadline:
                raise Unavailable(f"{self.title} (process {pid}) does not stop: see {self.log}")
            time.sleep(POLL_S)
        self.pid_file.unlink(missing_ok=True)
        return True

    def new_log(self, since: int) -> str:
        """Give what was logged after byte `since`."""
        with self.log.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def log_size(self) -> int:
        """Give the log's length, to read only what comes after."""
        return self.log.stat().st_size if self.log.exists() else 0


def command_line(pid: int) -> list[str]:
    """Give the arguments of a live process; empty when there is none (or it is a zombie)."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0") if part]


def answers(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:`port`."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def require_free(port: int, setting: str) -> None:
    """Raise `Conflict` saying who holds `port`, and which setting moves us."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Conflict(f"port {port} is taken by {holder(port)}: stop that, or set {setting}") from None


def holder(port: int) -> str:
    """Say which process listens on `port`, as far as we may know."""
    inodes = _listening_inodes(port)
    for folder in PROC.glob("[0-9]*/fd"):
        with suppress(OSError):
            if any(str(entry.readlink()) in inodes for entry in folder.iterdir()):
                pid = int(folder.parent.name)
                return f"process {pid} ({' '.join(command_line(pid))[:120]})"
    return "another user's process"


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("net/tcp", "net/tcp6"):
        with suppress(FileNotFoundError):
            for line in (PROC / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
