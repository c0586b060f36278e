"""The API process: builds `Services` and the application, runs its feeds, serves it with uvicorn."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI
from psycopg import OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.app import create_app
from api.authentication import Authenticator
from api.feeds import follow_devices, follow_incidents
from api.live import Hub
from api.memo import Memo
from api.observe import Exchange
from api.rate import Rate
from api.services import POOL_WAIT_S, Services
from api.uploads import Uploads
from components_registry import public_places
from core.errors import Unavailable
from devices.certificates import Signer
from people import accounts
from people.oidc import Provider
from people.passwords import Passwords
from people.sign_in import Doors
from runtime import device_authority, own_classes, rulebooks
from runtime.http_metrics import HttpMetrics
from runtime.import_desk import ImportDesk
from runtime.settings import Settings
from storage import scope
from storage.pool import READER, WRITER, connect, make_pool

CONSOLE = Path(__file__).parent.parent / "console" / "dist"
READ_LIMIT_S = 10.0
WRITE_LIMIT_S = 10.0
MEMO_BYTES = 64 * 1024 * 1024
PUBLIC_REQUESTS, PUBLIC_WINDOW_S = 600, 60.0
"""What one address may ask of the public map: a reader who wanders about asks for some hundred tiles a minute."""
IMPORTS_AT_ONCE = 2
RESTART_S = 1.0
STOP_WITHIN_S = 5
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def run_api(settings: Settings) -> None:
    """Serve the API and the console until told to stop.

    Raises: `Unavailable` when the port is taken.
    """
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Serve inside a running loop."""
    app = make_app(settings)
    listener = listen(settings.http_host, settings.http_port)
    host, port = listener.getsockname()[:2]
    log.info("api_listening", url=f"http://{host}:{port}/")
    await make_server(app, settings.http_proxies).serve(sockets=[listener])


def make_server(app: FastAPI, proxies: str = "") -> uvicorn.Server:
    """Give the server of `app`; it serves the sockets it is handed until `should_exit` is set.

    Only `proxies` are believed when they say for whom they ask, or over what: anybody else could name any address.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        lifespan="on",
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    return _Server(config, app.state.services.hub)


class _Server(uvicorn.Server):
    """Ends the live streams first: uvicorn waits for open answers before anything else is told to stop."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Give the listening socket; raises `Unavailable` when the address is taken.

    Its connections inherit that they send at once: asyncio sets this only on sockets that name their protocol, and an
    answer in two parts then waits 40 ms for the client's delayed acknowledgement.
    """
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {host}:{port} ({error.strerror}): stop what uses it, or set CITYGRID_HTTP_PORT"
        ) from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def make_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    console: Path = CONSOLE,
    passwords: Passwords | None = None,
) -> FastAPI:
    """Give the application; entering its lifespan opens the pools and starts the feeds."""
    read = make_pool(settings.reader_dsn(), role=READER, name="api-read", statement_timeout_s=READ_LIMIT_S)
    write = make_pool(
        settings.writer_dsn(), role=WRITER, name="api-write", max_size=6, statement_timeout_s=WRITE_LIMIT_S
    )
    limited_read, limited_write = _limited_pools(settings)
    hub = Hub()
    metrics = HttpMetrics(hub, (read, write, limited_read, limited_write))

    def observe(exchange: Exchange) -> None:
        metrics.observe(exchange)
        _log_exchange(exchange)

    authenticator = _authenticator(settings, write, clock, passwords or Passwords())
    services = Services(
        read=read,
        write=write,
        limited_read=limited_read,
        limited_write=limited_write,
        authenticator=authenticator,
        hub=hub,
        memo=Memo(MEMO_BYTES),
        clock=clock,
        metrics=metrics.text,
        observe=observe,
        console=console,
        work_day=settings.work_day,
        timezone=settings.timezone,
        profiles=rulebooks.profiles(settings),
        editions=own_classes.editions(settings),
        public_places=public_places.load(settings.public_places or public_places.SHIPPED),
        public_rate=Rate(PUBLIC_REQUESTS, PUBLIC_WINDOW_S),
        signer=lambda: Signer(authority=device_authority.need(settings), days=settings.certificate_days),
        uploads=_uploads(settings),
        hosts=LOCAL_NAMES | {settings.http_host.lower()} | frozenset(settings.http_hosts.lower().split()),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with read, write, limited_read, limited_write, asyncio.TaskGroup() as tasks:
            feeds = (
                tasks.create_task(_keep_up("incident_feed", lambda: _incidents(settings, services)), name="incidents"),
                tasks.create_task(
                    _keep_up("device_feed", lambda: follow_devices(hub, services.reading, clock)), name="devices"
                ),
                tasks.create_task(_keep_up("sign_ins", authenticator.keep_ending), name="sign-ins"),
                tasks.create_task(_welcome(authenticator.doors), name="welcome"),
            )
            yield
            for feed in feeds:
                feed.cancel()

    return create_app(services, lifespan)


def _authenticator(
    settings: Settings, write: AsyncConnectionPool, clock: Callable[[], datetime], passwords: Passwords
) -> Authenticator:
    """Give who finds out who asks; it needs to write, because it notes when a session was used."""
    return Authenticator(
        Doors(lend=lambda: write.connection(timeout=POOL_WAIT_S), passwords=passwords, terms=settings.terms),
        clock,
        provider=Provider(settings.oidc) if settings.oidc else None,
        always_secure=settings.cookie_secure == "always",
    )


def _limited_pools(settings: Settings) -> tuple[AsyncConnectionPool, AsyncConnectionPool]:
    """Give the pools of who may see a part of the city; they hold no connection until somebody asks."""
    return (
        make_pool(
            settings.reader_dsn(),
            role=scope.ROLE,
            name="api-limited-read",
            min_size=0,
            statement_timeout_s=READ_LIMIT_S,
            search_path=scope.SEARCH_PATH,
        ),
        make_pool(
            settings.writer_dsn(),
            role=WRITER,
            name="api-limited-write",
            min_size=0,
            max_size=4,
            statement_timeout_s=WRITE_LIMIT_S,
            search_path=scope.SEARCH_PATH,
        ),
    )


def _uploads(settings: Settings) -> Uploads:
    return Uploads(
        ImportDesk(settings).work,
        largest_mb=settings.upload_largest_mb,
        at_once=IMPORTS_AT_ONCE,
        folder=settings.upload_dir,
    )


async def _welcome(doors: Doors) -> None:
    """Say how to make the first account, when there is none yet."""
    with suppress(OperationalError, PoolTimeout):  # the readiness check speaks of a database that does not answer
        async with doors.lend() as conn:
            if not await accounts.exist(conn):
                log.warning("no_accounts", make_the_first="citygrid people add NAME --grant admin")


async def _incidents(settings: Settings, services: Services) -> None:
    await follow_incidents(
        services.hub,
        lambda: connect(settings.reader_dsn(), role=READER, name="api-listen"),
        services.reading,
    )


async def _keep_up(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a feed for ever; a crash of it is a mistake of ours, which must not end the API."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("feed_crashed", feed=name, restart_s=RESTART_S)
            await asyncio.sleep(RESTART_S)


def _log_exchange(exchange: Exchange) -> None:
    """Write the one line of a request."""
    write = log.error if exchange.error else log.debug if exchange.route in {"/healthz", "/metrics"} else log.info
    write(
        "request",
        request_id=exchange.request_id,
        method=exchange.method,
        route=exchange.route,
        path=exchange.path,
        status=exchange.status,
        duration_ms=round(exchange.duration_s * 1000, 1),
        sent_bytes=exchange.sent_bytes,
        exc_info=exchange.error,
    )
