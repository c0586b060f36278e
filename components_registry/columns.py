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
    "former_code": ("原部件标识码", "原标识码"),
}
"""Canonical name -> other accepted headings (compared without case). Source: ComponentDTO of a platform in use, and
the Chinese attribute names of GB/T 30428.2 as city tables print them."""

_SHAPEFILE_HEADING = 10
"""Characters of a heading that a Shapefile keeps. Source: dBASE III, field descriptor."""
_NAMES = {alias.casefold(): name for name, aliases in COLUMNS.items() for alias in (name, *aliases)}
_CANONICAL = {**{alias[:_SHAPEFILE_HEADING]: name for alias, name in _NAMES.items()}, **_NAMES}


def positions(header: Sequence[str], name: str, *, named: Mapping[str, str], draws: bool) -> dict[str, int]:
    """Give where each known column stands in `header`; unknown columns are left out.

    `named` gives our column -> the file's heading, and goes before the known headings; a file that `draws` brings
    geometries and needs no coordinates in columns.
    Raises: `InvalidInput` naming the file when there is no code, no place, or a column twice.
    """
    found = {ours: _position(heading, header, f"{name}: column for {ours!r}") for ours, heading in named.items()}
    taken = set(found.values())
    for position, heading in enumerate(header):
        canonical = _CANONICAL.get(heading.strip().casefold())
        if canonical is None or canonical in named or position in taken:
            continue
        if canonical in found:
            raise InvalidInput(f"{name}: two columns mean {canonical!r}: {header[found[canonical]]!r} and {heading!r}")
        found[canonical] = position
    if "code" not in found:
        raise InvalidInput(
            f"{name}: no column for the component code (one of: code, {', '.join(COLUMNS['code'])}; or name it in a"
            f" mapping file); it has {', '.join(header)}"
        )
    if not draws and "wkt" not in found and not {"x", "y"} <= found.keys():
        raise InvalidInput(f"{name}: no coordinates: columns x and y, or wkt, are needed; it has {', '.join(header)}")
    return found


def _position(heading: str, header: Sequence[str], where: str) -> int:
    wanted = heading.strip().casefold()
    places = [position for position, given in enumerate(header) if given.strip().casefold() == wanted]
    if not places:
        raise InvalidInput(f"{where}: there is no {heading!r}; the file has {', '.join(header)}")
    if len(places) > 1:
        raise InvalidInput(f"{where}: {heading!r} stands in the header {len(places)} times")
    return places[0]
