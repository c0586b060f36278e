"""Columns of a survey file: our names, and the names other platforms and Chinese files use."""

from collections.abc import Mapping, Sequence

from core.errors import InvalidInput

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "code": ("部件标识码", "部件代码", "objid", "comp_code"),
    "name": ("部件名称", "objname"),
    "state": ("部件状态", "objstate"),
    "x": ("lon", "lon_deg", "longitude", "easting", "经度", "东坐标"),
    "y": ("lat", "lat_deg", "latitude", "northing", "纬度", "北坐标"),
    "wkt": ("geometry", "geom", "空间位置"),
    "competent": ("主管部门", "maindeptname"),
    "owner": ("权属单位", "ownershipdeptname"),
    "maintainer": ("养护单位", "maintenancedeptname"),
    "surveyed_on": ("初始日期", "initialdate"),
    "changed_on": ("变更日期", "changedate"),
    "data_source": ("数据来源", "datasource"),
    "note": ("备注",),
}
"""Canonical name -> other accepted headings (compared without case). Source: ComponentDTO of a platform in use, and
the Chinese attribute names of GB/T 30428.2 as city tables print them."""

_CANONICAL = {alias.casefold(): name for name, aliases in COLUMNS.items() for alias in (name, *aliases)}


def positions(header: Sequence[str], name: str) -> dict[str, int]:
    """Give where each known column stands in `header`; unknown columns are left out.

    Raises: `InvalidInput` naming the file when there is no code, no place, or a column twice.
    """
    found: dict[str, int] = {}
    for position, heading in enumerate(header):
        canonical = _CANONICAL.get(heading.strip().casefold())
        if canonical is None:
            continue
        if canonical in found:
            raise InvalidInput(f"{name}: two columns mean {canonical!r}: {header[found[canonical]]!r} and {heading!r}")
        found[canonical] = position
    if "code" not in found:
        raise InvalidInput(f"{name}: no column for the component code (one of: code, {', '.join(COLUMNS['code'])})")
    if "wkt" not in found and not {"x", "y"} <= found.keys():
        raise InvalidInput(f"{name}: no coordinates: columns x and y, or wkt, are needed")
    return found
