"""Reads a sheet of devices, CSV or Excel: its rows as text, each a registration or why it is none."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import InvalidInput
from devices.about import WORDS, About
from devices.model import Finding, Registration

MOST_ROWS = 50_000
COLUMNS = (
    *("label", "profile", "component_code", "district_code", "lon_deg", "lat_deg", "interval_s", "install"),
    *("format", "address", "codec"),
    *WORDS,
)
NEEDED = ("label", "profile")
CHINESE: Mapping[str, str] = {
    "标签": "label", "设备类型": "profile", "部件编码": "component_code", "行政区": "district_code",
    "经度": "lon_deg", "纬度": "lat_deg", "上报间隔": "interval_s", "安装参数": "install",
    "协议": "format", "地址": "address", "编解码": "codec",
    "厂商": "maker", "型号": "model", "序列号": "serial", "硬件版本": "hardware", "固件版本": "firmware",
}  # fmt: skip
"""Chinese heading -> column."""
_FINDING = ("finding_line", "finding_column", "finding_reason", "finding_detail")
_EXACT_DIGITS = 15
"""Excel keeps so many digits of a number; a component's code has sixteen."""
_NUMBERS = ("lon_deg", "lat_deg", "interval_s")
_LONG_NUMBERS = frozenset({"component_code", "serial"})
"""Columns whose numbers Excel may have rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the sheet."""

    number: int
    """As people see it: the heading is line 1."""
    cells: tuple[str, ...]
    rounded: frozenset[int] = frozenset()
    """Cells in which a number with more digits than Excel keeps stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet as it came."""

    header: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a sheet asks for."""

    registrations: tuple[Registration, ...]
    numbers: tuple[int, ...]
    """Line of each registration."""
    findings: tuple[Finding, ...]
    """Why the others are none."""


def read(name: str, content: bytes) -> Sheet:
    """Give the sheet in a file's content; `name` tells CSV from Excel.

    Raises: `InvalidInput` when it is neither, lacks a needed column, or is too long.
    """
    lines = _excel(name, content) if name.lower().endswith((".xlsx", ".xlsm")) else _csv(name, content)
    first = next(lines, None)
    header = tuple(CHINESE.get(cell.strip(), cell.strip()) for cell in first.cells) if first else ()
    missing = [column for column in NEEDED if column not in header]
    if missing:
        raise InvalidInput(f"{name}: no column {', '.join(missing)}; known columns: {', '.join(COLUMNS)}")
    kept: list[Line] = []
    for line in lines:
        if not any(cell.strip() for cell in line.cells):
            continue
        if len(kept) == MOST_ROWS:
            raise InvalidInput(f"{name}: more than {MOST_ROWS} devices; split the file")
        kept.append(line)
    return Sheet(header=header, lines=tuple(kept))


def rows(sheet: Sheet) -> Rows:
    """Give the registrations of a sheet, and a finding for each row that is none."""
    registrations: list[Registration] = []
    numbers: list[int] = []
    findings: list[Finding] = []
    for line in sheet.lines:
        try:
            registrations.append(_registration(sheet.header, line))
            numbers.append(line.number)
        except _BadCell as bad:
            findings.append(Finding(line=line.number, column=bad.column, reason=bad.reason, detail=bad.detail))
    return Rows(registrations=tuple(registrations), numbers=tuple(numbers), findings=tuple(findings))


def refused(sheet: Sheet, findings: Iterable[Finding]) -> str:
    """Give the refused rows as CSV to mend and import again: the sheet's own columns beside the finding."""
    by_line = {finding.line: finding for finding in findings}
    own = [index for index, column in enumerate(sheet.header) if column not in _FINDING]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*_FINDING, *(sheet.header[index] for index in own)))
    for line in sheet.lines:
        finding = by_line.get(line.number)
        if finding is not None:
            cells = (line.cells[index] if index < len(line.cells) else "" for index in own)
            writer.writerow((finding.line, finding.column, finding.reason, finding.detail, *cells))
    return "\ufeff" + text.getvalue()


class _BadCell(Exception):  # noqa: N818  # never leaves this module
    def __init__(self, column: str, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.column, self.reason, self.detail = column, reason, detail


def _registration(header: tuple[str, ...], line: Line) -> Registration:
    for index in line.rounded:
        if index < len(header) and header[index] in _LONG_NUMBERS:
            raise _BadCell(
                header[index],
                "rounded_by_excel",
                "it stands there as a number, of which Excel keeps 15 digits: make the column text and enter it anew",
            )
    row = dict(zip(header, (cell.strip() for cell in line.cells), strict=False))
    return Registration(
        label=row.get("label", ""),
        profile=row.get("profile", ""),
        component_code=row.get("component_code", ""),
        district_code=row.get("district_code", ""),
        **{column: _number(column, row.get(column, "")) for column in _NUMBERS},
        install=_install(row.get("install", "")),
        format=row.get("format") or "native",
        address=row.get("address", ""),
        codec=row.get("codec", ""),
        about=About(**{word: row.get(word, "") for word in WORDS}),
    )


def _number(column: str, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise _BadCell(column, "not_a_number", f"{text!r} is not a number") from None


def _install(text: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text or "{}")
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise _BadCell("install", "not_json", f'{text!r} is not a JSON object such as {{"initial_angle_deg": 1.5}}')
    return {str(key): item for key, item in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _csv(name: str, content: bytes) -> Iterator[Line]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")  # what a Chinese Excel saves as CSV
        except UnicodeDecodeError:
            raise InvalidInput(f"{name}: neither UTF-8 nor GB 18030; save it as CSV UTF-8 or as .xlsx") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in reader:
            yield Line(number=reader.line_num, cells=tuple(cell.replace("\0", "") for cell in cells))
    except csv.Error as error:
        raise InvalidInput(f"{name}, line {reader.line_num}: {error}") from None


def _excel(name: str, content: bytes) -> Iterator[Line]:
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
            rounded = frozenset(index for index, cell in enumerate(cells) if _is_rounded(cell))
            yield Line(number=number, cells=tuple(_text(cell) for cell in cells), rounded=rounded)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise InvalidInput(f"{name}: not a workbook that can be read ({error})") from None


def _is_rounded(cell: object) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) >= 10**_EXACT_DIGITS


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
