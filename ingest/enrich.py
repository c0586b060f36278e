"""Step 4 of the journey: every reading gets the unit grid it was taken in. Next: `storage.readings`."""

from dataclasses import replace

from core.frame import Frame
from ingest.directory import Directory, ProfileCodec


def enrich(frame: Frame, codec: ProfileCodec, directory: Directory) -> Frame:
    """Give the frame with grids: from the registry for what stands still, from the reading for what moves."""
    if codec.profile.moving and directory.locator is not None:
        grids = directory.locator.locate(frame.column("lon_deg"), frame.column("lat_deg"))
    else:
        grids = directory.fleet.unit_grid_id[frame.slot]
    return replace(frame, unit_grid_id=grids)
