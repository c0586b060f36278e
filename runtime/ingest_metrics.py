"""Prometheus metrics of the ingest process: names, units, help in one place. docs/metrics.md lists them, by test."""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STEP_SECONDS = (0.0001, 0.001, 0.01, 0.1, 1, 10)


@dataclass(frozen=True, slots=True)
class IngestMetrics:
    """One set a process, for all its shards; every reading ends in exactly one of stored, repeated and refused."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    received: Counter = field(init=False)
    stored: Counter = field(init=False)
    repeated: Counter = field(init=False)
    facts_stored: Counter = field(init=False)
    facts_repeated: Counter = field(init=False)
    refused: Counter = field(init=False)
    unmapped: Counter = field(init=False)
    transitions: Counter = field(init=False)
    retries: Counter = field(init=False)
    batch_seconds: Histogram = field(init=False)
    step_seconds: Histogram = field(init=False)
    lag_seconds: Gauge = field(init=False)
    waiting: Gauge = field(init=False)
    broker_queued: Gauge = field(init=False)
    devices: Gauge = field(init=False)
    shards_held: Gauge = field(init=False)
    leases_taken: Counter = field(init=False)
    leases_lost: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Make the metrics in this set's own registry."""

        def counter(attribute: str, name: str, words: str, *labels: str) -> None:
            object.__setattr__(self, attribute, Counter(f"citygrid_{name}", words, labels, registry=self.registry))

        def gauge(attribute: str, name: str, words: str, *labels: str) -> None:
            object.__setattr__(self, attribute, Gauge(f"citygrid_{name}", words, labels, registry=self.registry))

        def histogram(attribute: str, name: str, words: str, buckets: tuple[float, ...], *labels: str) -> None:
            made = Histogram(f"citygrid_{name}", words, labels, buckets=buckets, registry=self.registry)
            object.__setattr__(self, attribute, made)

        counter("received", "messages_received", "Messages carried, by lane", "lane")
        counter("stored", "readings_stored", "Reading sets stored")
        counter("repeated", "readings_repeated", "Reading sets stored before")
        counter("facts_stored", "facts_stored", "Facts (detections, states) stored")
        counter("facts_repeated", "facts_repeated", "Facts stored before")
        counter("refused", "refusals", "Messages and items of messages that became dead letters", "reason")
        counter("unmapped", "unmapped", "Quantities left out that the device's profile does not have", "format")
        counter("transitions", "transitions", "Incidents fired and recovered")
        counter("retries", "batch_retries", "Batches tried again because the database did not answer")
        histogram("batch_seconds", "batch_seconds", "Time from a batch's start to its commit", _SECONDS)
        histogram("step_seconds", "step_seconds", "Time a batch spent in each step", _STEP_SECONDS, "step")
        gauge("lag_seconds", "lag_seconds", "Age of the readings of the last live batch at its commit", "shard")
        gauge("waiting", "waiting_messages", "Messages received that no batch has taken yet", "shard", "lane")
        gauge("broker_queued", "broker_queued_messages", "Messages the broker holds for all its clients")
        gauge("devices", "shard_devices", "Devices of a held shard", "shard")
        gauge("shards_held", "shards_held", "Shards this process carries")
        counter("leases_taken", "leases_taken", "Shards taken over or begun")
        counter("leases_lost", "leases_lost", "Shards lost to another process, or because the database was away")
        ProcessCollector(registry=self.registry)
        self.broker_queued.set(math.nan)

    @property
    def broker_queued_now(self) -> float:
        """Messages the broker last said it holds; NaN = it does not tell."""
        return next(sample.value for metric in self.broker_queued.collect() for sample in metric.samples)

    def took(self, step_seconds: Mapping[str, float]) -> None:
        """Note what the steps of a batch took."""
        for step, seconds in step_seconds.items():
            self.step_seconds.labels(step).observe(seconds)

    def forget(self, shard: str, lanes: Iterable[str]) -> None:
        """Drop the gauges of a shard that somebody else carries from now on."""
        with suppress(KeyError):  # it may have ended before it had any
            self.devices.remove(shard)
            self.lag_seconds.remove(shard)
            for lane in lanes:
                self.waiting.remove(shard, lane)

    def serve(self, host: str, port: int) -> int:
        """Answer scrapes; give the port, which is a free one when `port` is 0."""
        server, _ = start_http_server(port, addr=host, registry=self.registry)
        return server.server_port
