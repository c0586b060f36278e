"""Prometheus metrics of the bridges: names, units, help in one place."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server


@dataclass(frozen=True, slots=True)
class BridgeMetrics:
    """One set a process."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    published: Counter = field(init=False)
    failed: Counter = field(init=False)
    frames: Counter = field(init=False)
    noise: Counter = field(init=False)
    connections: Gauge = field(init=False)
    turned_away: Counter = field(init=False)
    polls: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Make the metrics in this set's own registry."""
        make, registry = object.__setattr__, self.registry
        counters = {
            "published": ("citygrid_bridge_published", "Messages the broker keeps", ["bridge"]),
            "failed": ("citygrid_bridge_failed", "Messages not acknowledged by the broker in time", ["bridge"]),
            "frames": ("citygrid_jt808_frames", "Frames by what they are and how they were answered", ["kind"]),
            "noise": ("citygrid_jt808_noise_bytes", "Bytes between frames, thrown away", []),
            "turned_away": ("citygrid_jt808_turned_away", "Connections refused because there are too many", []),
            "polls": ("citygrid_gtfs_rt_polls", "Polls by outcome", ["feed", "outcome"]),
        }
        for name, (metric, what, labels) in counters.items():
            make(self, name, Counter(metric, what, labels, registry=registry))
        make(self, "connections", Gauge("citygrid_jt808_connections", "Terminals connected now", registry=registry))

    def serve(self, port: int) -> None:
        """Answer scrapes on 127.0.0.1; `port` 0 = not at all."""
        if port:
            start_http_server(port, addr="127.0.0.1", registry=self.registry)
