"""Keys of the advisory locks, all in one place so that no two mean different things."""

MIGRATE = 4_217_000_001
"""One migration runner at a time."""
LEASES = 4_217_000_002
"""Leases of shards are taken one at a time, so that two that overlap are never held at once."""
ROLLUPS = 4_217_000_008
"""One refresher of roll-ups at a time: two could overwrite a newer result with an older one."""
DEAD_LETTERS = 4_217_000_009
"""One writer of dead letters at a time: two would wait for each other's rows and counts in different orders."""
COMMANDER = 4_217_000_010
"""One process tells devices what to do: two sessions of one name at the broker would throw each other out."""
ADMINISTRATORS = 4_217_000_012
"""Whether an account is the last administrator's is asked one at a time: two could disable each other."""
CODES = 4_217_000_013
"""Codes of components are issued by many at once (shared), or brought by one survey: never one code to two of them."""
