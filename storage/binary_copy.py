"""Turns frames into PostgreSQL's binary COPY format without touching a row in Python.

Rows that lack the same channels have the same byte layout, so each such group is one structured array.
Source: PostgreSQL documentation, COPY, "Binary Format"; array layout as in its `array_send`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.fleet import Fleet
from core.frame import Frame

SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
"""Header: signature, no flags, no extension."""
TRAILER = b"\xff\xff"
POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01 in microseconds since 1970."""

_FLOAT8_OID = 701
_SCALARS: tuple[tuple[str, str], ...] = (
    ("ts", ">i8"),
    ("device_id", ">i4"),
    ("seq", ">i4"),
    ("received_at", ">i8"),
    ("quality", ">i2"),
    ("origin", ">i2"),
    ("unit_grid_id", ">i4"),
)
HEAD_BYTES = 2 + sum(4 + np.dtype(kind).itemsize for _, kind in _SCALARS) + 4 + 20
"""Of a row before its first value: the columns' sizes and contents, and the array's head."""
COLUMNS = (*(name for name, _ in _SCALARS), "values")
"""Order of the columns in the COPY statement."""


def rows(frame: Frame, fleet: Fleet, received_us: int | NDArray[np.int64]) -> Iterator[bytes]:
    """Give the binary rows of a frame, in groups; order within a frame is not kept.

    Units: `received_us` microseconds since 1970 UTC, one for all or one a row.
    """
    received = np.broadcast_to(received_us, len(frame))
    missing = np.isnan(frame.values)
    packed = np.packbits(missing, axis=1)
    alike = np.zeros(len(frame), dtype=np.int64)
    for byte in packed.T:  # at most 64 channels: eight bytes make one number
        alike = alike << 8 | byte
    for pattern in np.unique(alike):
        chosen = alike == pattern
        first = int(np.argmax(chosen))
        if chosen.all():
            yield _group(frame, missing[first], fleet, received)
        else:
            yield _group(frame.take(chosen), missing[first], fleet, received[chosen])


def _group(frame: Frame, missing: NDArray[np.bool_], fleet: Fleet, received_us: NDArray[np.int64]) -> bytes:
    table = np.empty(len(frame), dtype=layout(missing))
    table[:] = _template(missing)
    table["ts"] = frame.ts_us - POSTGRES_EPOCH_US
    table["device_id"] = fleet.device_id[frame.slot]
    table["seq"] = frame.seq
    table["received_at"] = received_us - POSTGRES_EPOCH_US
    table["quality"] = frame.quality
    table["origin"] = frame.origin
    table["unit_grid_id"] = frame.unit_grid_id
    for position in np.flatnonzero(~missing).tolist():
        table[f"value_{position}"] = frame.values[:, position]
    return table.tobytes()


def _template(missing: NDArray[np.bool_]) -> NDArray[np.void]:
    """Give one row with all that is the same in every row of the group: counts and sizes."""
    row = np.zeros(1, dtype=layout(missing))
    row["fields"] = len(COLUMNS)
    for name, kind in _SCALARS:
        row[f"{name}_size"] = np.dtype(kind).itemsize
    row["values_size"] = 20 + 4 * len(missing) + 8 * int((~missing).sum())
    row["dimensions"] = 1
    row["has_null"] = int(missing.any())
    row["element_type"] = _FLOAT8_OID
    row["length"] = len(missing)
    row["lower_bound"] = 1
    for position, is_missing in enumerate(missing):
        row[f"size_{position}"] = -1 if is_missing else 8
    return row


def layout(missing: NDArray[np.bool_]) -> np.dtype[np.void]:
    """Give a row's bytes as a structured type, for rows that lack the same channels."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in _SCALARS:
        fields += [(f"{name}_size", ">i4"), (name, kind)]
    fields.append(("values_size", ">i4"))
    fields += [(name, ">i4") for name in ("dimensions", "has_null", "element_type", "length", "lower_bound")]
    for position, is_missing in enumerate(missing):
        fields.append((f"size_{position}", ">i4"))
        if not is_missing:
            fields.append((f"value_{position}", ">f8"))
    return np.dtype(fields)
