"""Prometheus metrics of the ingest process: names, units, help in one place."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class IngestMetrics:
    """One set a process; every message ends in exactly one of stored, repeated and refused."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    received: Counter = field(init=False)
    stored: Counter = field(init=False)
    repeated: Counter = field(init=False)
    refused: Counter = field(init=False)
    transitions: Counter = field(init=False)
    retries: Counter = field(init=False)
    batch_seconds: Histogram = field(init=False)
    lag_seconds: Gauge = field(init=False)
    backlog: Gauge = field(init=False)

    def __post_init__(self) -> None:
        """Make the metrics in this set's own registry."""
        make = object.__setattr__
        registry = self.registry
        make(
            self, "received", Counter("citygrid_messages_received", "Messages taken from the broker", registry=registry)
        )
        make(self, "stored", Counter("citygrid_readings_stored", "Reading sets stored", registry=registry))
        make(self, "repeated", Counter("citygrid_readings_repeated", "Reading sets stored before", registry=registry))
        make(self, "refused", Counter("citygrid_refusals", "Dead letters", ["reason"], registry=registry))
        make(self, "transitions", Counter("citygrid_transitions", "Incidents fired and recovered", registry=registry))
        make(self, "retries", Counter("citygrid_batch_retries", "Batches tried again", registry=registry))
        make(
            self,
            "batch_seconds",
            Histogram("citygrid_batch_seconds", "Time from batch to commit", buckets=_SECONDS, registry=registry),
        )
        make(self, "lag_seconds", Gauge("citygrid_lag_seconds", "Age of the newest stored reading", registry=registry))
        make(self, "backlog", Gauge("citygrid_backlog_messages", "Received and waiting", registry=registry))

    def serve(self, port: int) -> None:
        """Answer scrapes on 127.0.0.1; `port` 0 = not at all."""
        if port:
            start_http_server(port, addr="127.0.0.1", registry=self.registry)
