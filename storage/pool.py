"""Opens connections and pools with the session defaults every statement relies on."""

from psycopg import AsyncConnection, conninfo
from psycopg_pool import AsyncConnectionPool

OWNER = ""
WRITER = "citygrid_writer"
READER = "citygrid_reader"


def session_options(role: str, statement_timeout_s: float = 0, search_path: str = "") -> str:
    """Give libpq's `options`: UTC, no JIT (it costs more than it saves on short queries), the role to act as."""
    options = ["-c timezone=UTC", "-c jit=off"]
    if role:
        options.append(f"-c role={role}")
    if statement_timeout_s:
        options.append(f"-c statement_timeout={int(statement_timeout_s * 1000)}")
    if search_path:
        options.append(f"-c search_path={search_path}")
    return " ".join(options)


def watched(url: str) -> str:
    """Give the address with TCP's keep-alive: a machine or network that is gone is noticed within half a minute."""
    return conninfo.make_conninfo(
        url, keepalives_idle=15, keepalives_interval=5, keepalives_count=3, tcp_user_timeout=30_000
    )


def make_pool(  # noqa: PLR0913  # one argument a property of the pool
    url: str,
    *,
    role: str,
    name: str,
    min_size: int = 1,
    max_size: int = 8,
    statement_timeout_s: float = 0,
    search_path: str = "",
) -> AsyncConnectionPool:
    """Give a pool that is not open yet: use it with `async with`."""
    return AsyncConnectionPool(
        watched(url),
        min_size=min_size,
        max_size=max_size,
        name=name,
        open=False,
        reconnect_timeout=8,  # then each request tries anew, so a database that was away long is found at once
        check=AsyncConnectionPool.check_connection,
        kwargs={
            "options": session_options(role, statement_timeout_s, search_path),
            "application_name": f"citygrid-{name}",
        },
    )


async def connect(url: str, *, role: str, name: str) -> AsyncConnection:
    """Open one connection outside any pool, for loops that own theirs; autocommit is off."""
    return await AsyncConnection.connect(
        watched(url),
        options=session_options(role),
        application_name=f"citygrid-{name}",
        connect_timeout=10,
    )
