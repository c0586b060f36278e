"""Waits for a daemon to come up, and turns the log of one that died into one sentence."""

import re
import time
from collections.abc import Callable

from core.errors import Unavailable
from runtime.services.process import POLL_S, Daemon

PID_FILE_GRACE_S = 5.0

CAUSES: tuple[tuple[str, str], ...] = (
    (r"No space left on device", "the disk is full: free some space and start again"),
    (r"Address (?:already )?in use", "its port is taken: `citygrid doctor` says by whom"),
    (r"could not access file \"([^\"]+)\"", "the library {0} is missing: run scripts/bootstrap"),
    (r"could not create shared memory|Cannot allocate memory", "the machine has too little free memory"),
    (
        r"database files are incompatible",
        "its data were made by another version: `citygrid services reset` starts anew",
    ),
    (
        r"could not locate a valid checkpoint record",
        "its data are damaged: restore a backup or `citygrid services reset`",
    ),
    (r"Permission denied", "it may not read its own files: `citygrid doctor` shows the data directory"),
)


def explain(title: str, log: str, log_path: str) -> str:
    """Give one sentence for the operator from what a server wrote before it died."""
    for pattern, sentence in CAUSES:
        match = re.search(pattern, log)
        if match:
            return f"{title} does not start: {sentence.format(*match.groups())}"
    lines = [line for line in log.strip().splitlines() if re.search(r"FATAL|PANIC|[Ee]rror", line)]
    reason = lines[-1].strip() if lines else "it gave no reason"
    return f"{title} does not start: {reason} (log: {log_path})"


def wait_until_ready(daemon: Daemon, is_ready: Callable[[], bool], seen: int, patience_s: float) -> None:
    """Return once the daemon runs and `is_ready`; `seen` is the log's length before it was launched.

    Raises: `Unavailable` with the reason when it died, or when it is not ready after `patience_s`.
    """
    started = time.monotonic()
    was_alive = False
    while True:
        alive = daemon.pid() is not None
        if alive and is_ready():
            return
        waited_s = time.monotonic() - started
        if (was_alive or waited_s > PID_FILE_GRACE_S) and not alive:
            raise Unavailable(explain(daemon.title, daemon.new_log(seen), str(daemon.log)))
        if waited_s > patience_s:
            raise Unavailable(f"{daemon.title} is not ready after {patience_s:.0f} s: see {daemon.log}")
        was_alive = was_alive or alive
        time.sleep(POLL_S)
