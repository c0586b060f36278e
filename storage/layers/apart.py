"""Makes a file of another format in a process of its own.

GDAL holds Python's lock while it writes, so in a server's process everything else would wait. The memory it took is
given back when the process ends.
"""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from storage.layers.export import Shape
from storage.layers.model import Layer


async def convert(copied: Path, layer: Layer, shape: Shape, file: Path) -> None:
    """Do what `formats.convert` does."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, _convert, copied, layer, shape, file)


def _convert(copied: Path, layer: Layer, shape: Shape, file: Path) -> None:
    from storage.layers import formats  # noqa: PLC0415  # Arrow and GDAL take half a second and 100 MB to import

    formats.convert(copied, layer, shape, file)
