"""Keys of the advisory locks, all in one place so that no two mean different things."""

MIGRATE = 4_217_000_001
"""One migration runner at a time."""
ONE_INGEST = 4_217_000_002
"""Held as long as it lives by the one ingest process that owns the rules' memory."""
ROLLUPS = 4_217_000_008
"""One refresher of roll-ups at a time: two could overwrite a newer result with an older one."""
