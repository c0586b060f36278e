"""An end to waiting for a database that has gone silent: a half-open connection answers nothing and never closes.

TCP's own keep-alive finds a machine that is gone (`storage.pool`), but not a server that hangs or a middlebox that
acknowledges for it. Hanging up makes whoever waits get an error, as if the other side had closed.
"""

import asyncio
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress

import structlog
from psycopg import AsyncConnection

log: structlog.stdlib.BoundLogger = structlog.get_logger()

FIRST_S = 30.0
LONGEST_S = 300.0
"""Our choice: a batch takes well under a second; a database that recovers or waits for a lock may take a minute."""


@contextmanager
def hung_up(conn: AsyncConnection, patience_s: float) -> Generator[None]:
    """Hang up when the block takes longer than `patience_s`; what waits in it gets `psycopg.OperationalError`."""
    timer = asyncio.get_running_loop().call_later(patience_s, _hang_up, conn, patience_s)
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(conn: AsyncConnection, patience_s: float) -> None:
    if conn.closed:
        return
    log.warning("database_silent", waited_s=patience_s, action="hung up; the batch is tried again")
    with suppress(OSError), socket.socket(fileno=os.dup(conn.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
