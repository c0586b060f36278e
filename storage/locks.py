"""Keys of the advisory locks, all in one place so that no two mean different things."""

MIGRATE = 4_217_000_001
"""One migration runner at a time."""
LEASES = 4_217_000_002
"""Leases of shards are taken one at a time, so that two that overlap are never held at once."""
ROLLUPS = 4_217_000_008
"""One refresher of roll-ups at a time: two could overwrite a newer result with an older one."""
DEAD_LETTERS = 4_217_000_009
"""One writer of dead letters at a time: two would wait for each other's rows and counts in different orders."""
