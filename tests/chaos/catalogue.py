"""Every fault, in the order in which they run."""

from tests.chaos import bursts, clock, disk, durable, network, processes

FAULTS = (
    *processes.FAULTS,
    *durable.FAULTS,
    *network.FAULTS,
    *disk.FAULTS,
    *clock.FAULTS,
    *bursts.FAULTS,
)
