"""Takes what the checks of quality remember from each device's newest stored reading."""

import numpy as np
from psycopg import AsyncConnection

from core.quality import Quality
from ingest.directory import Directory
from ingest.quality import Memory
from storage import device_quality, device_state


async def load(conn: AsyncConnection, directory: Directory) -> Memory:
    """Give the memory as the last commit left it.

    A device whose newest reading was a suspected jump, or did not hold a channel, starts that channel anew.
    """
    fleet = directory.fleet
    memory = Memory(newest_us=await device_state.latest_times(conn, fleet))
    if not len(fleet):
        return memory
    for codec in directory.codecs:
        for watched in codec.checks.watched:
            device, ts_us, value = await device_quality.last_values(
                conn, codec.profile.profile, watched.channel, except_flags=int(Quality.SUSPECT_JUMP)
            )
            slot = np.minimum(np.searchsorted(fleet.device_id, device), len(fleet) - 1)
            ours = fleet.device_id[slot] == device
            held = memory.of(codec.profile.profile, watched.channel)
            held["ts_us"][slot[ours]] = ts_us[ours]
            held["value"][slot[ours]] = value[ours]
    return memory
