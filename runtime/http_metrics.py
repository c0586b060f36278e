"""What Prometheus learns of the API; names, units and help in one place."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector
from psycopg_pool import AsyncConnectionPool

from api.live import Hub
from api.observe import Exchange

DURATIONS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
STREAM_SUFFIX = "/stream"


class HttpMetrics:
    """The API's metrics, in a registry of their own."""

    def __init__(self, hub: Hub, pools: tuple[AsyncConnectionPool, ...]) -> None:
        self._hub = hub
        self._pools = pools
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._duration_s = Histogram(
            "citygrid_http_request_duration_seconds",
            "Time to the last byte, by route; streams are left out.",
            ("method", "route", "status"),
            buckets=DURATIONS_S,
            registry=self._registry,
        )
        self._sent = Counter(
            "citygrid_http_sent_bytes_total", "Bytes of answers, before HTTP framing.", registry=self._registry
        )
        self._live = {
            name: self._gauge(f"citygrid_live_{name}", text, read)
            for name, text, read in (
                ("subscribers", "Clients following the live stream.", lambda: hub.subscribers),
                ("dropped_total", "Clients let go because they were too slow.", lambda: hub.dropped),
                ("listening", "1 while the database announces events to us.", lambda: hub.listening),
                ("last_event_id", "Newest incident event passed on.", lambda: hub.last_event_id or 0),
            )
        }
        self._pool = Gauge(
            "citygrid_pool_connections", "Database connections, by pool and state.", ("pool", "state"),
            registry=self._registry,
        )  # fmt: skip

    def _gauge(self, name: str, text: str, read: Callable[[], float]) -> Gauge:
        gauge = Gauge(name, text, registry=self._registry)
        gauge.set_function(read)
        return gauge

    def observe(self, exchange: Exchange) -> None:
        """Count one request."""
        self._sent.inc(exchange.sent_bytes)
        if not exchange.route.endswith(STREAM_SUFFIX):
            self._duration_s.labels(exchange.method, exchange.route, str(exchange.status)).observe(exchange.duration_s)

    def text(self) -> tuple[bytes, str]:
        """Give everything in Prometheus' text format, and its media type."""
        for pool in self._pools:
            stats = pool.get_stats()
            for state in ("pool_size", "pool_available", "requests_waiting"):
                self._pool.labels(pool.name, state).set(stats.get(state, 0))
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
