"""GDAL in a process of its own: it holds Python's lock while it waits for a server, which may be a thread here."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import pyogrio
import shapely


class Gdal:
    """Calls pyogrio elsewhere."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def layers(self, source: str) -> list[str]:
        """Give the names of a source's layers."""
        return self._pool.submit(_layers, source).result(timeout=60)

    def read(self, source: str, layer: str, **asked: Any) -> tuple[dict[str, Any], list[Any], dict[str, list[Any]]]:
        """Give a layer's description, geometries, and values by column."""
        meta, shapes, columns = self._pool.submit(_read, source, layer, asked).result(timeout=60)
        return meta, shapely.from_wkb(shapes).tolist(), columns


@contextmanager
def gdal(options: Mapping[str, str]) -> Iterator[Gdal]:
    """Give a GDAL with these configuration options."""
    with ProcessPoolExecutor(1, get_context("spawn"), pyogrio.set_gdal_config_options, (dict(options),)) as pool:
        yield Gdal(pool)


def _layers(source: str) -> list[str]:
    return [str(name) for name, _ in pyogrio.list_layers(source)]


def _read(source: str, layer: str, asked: Mapping[str, Any]) -> tuple[dict[str, Any], Any, dict[str, list[Any]]]:
    meta, _, geometry, columns = pyogrio.raw.read(source, layer=layer, **asked)
    names, kinds = meta["fields"].tolist(), [str(kind) for kind in meta["dtypes"]]
    described = {"crs": meta["crs"], "types": dict(zip(names, kinds, strict=True))}
    return described, geometry, dict(zip(names, [column.tolist() for column in columns], strict=True))
