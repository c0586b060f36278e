"""Every fault, in the order in which they run."""

from tests.chaos import processes

FAULTS = (*processes.FAULTS,)
