"""Draws sheets of labels as PDF: for each device a QR code, its label in text, its type and its component's class.

Chinese is set in a font that every PDF reader brings (`STSong-Light`), so that none must be on the server (ADR-0031).
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import segno
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from devices.profile import Profile

LATIN = "Helvetica-Bold"
CHINESE = "STSong-Light"
A4_MM = (210.0, 297.0)
MOST = 5_000
_QUIET_MODULES = 4
"""Blank around a QR code, which readers need (ISO/IEC 18004)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How labels stand on an A4 sheet, millimetres."""

    columns: int
    rows: int
    width_mm: float
    height_mm: float
    gap_mm: float = 0.0
    """Between columns."""


LAYOUTS: Mapping[str, Layout] = {
    "3x8": Layout(columns=3, rows=8, width_mm=70.0, height_mm=37.0),
    "2x7": Layout(columns=2, rows=7, width_mm=99.1, height_mm=38.1, gap_mm=2.5),
    "4x10": Layout(columns=4, rows=10, width_mm=48.5, height_mm=25.4),
}
"""The usual sheets of sticky labels, by columns x rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What stands on one label."""

    label: str
    type_zh: str = ""
    type_en: str = ""
    class_zh: str = ""


def of(label: str, profile: Profile | None, class_zh: str = "") -> Label:
    """Give what stands on a device's label."""
    if profile is None:
        return Label(label=label, class_zh=class_zh)
    return Label(label=label, type_zh=profile.name_zh, type_en=profile.name_en, class_zh=class_zh)


def payload(label: str, address: str) -> str:
    """Give what the QR code says: the page where it is registered, which any camera opens; without it the label."""
    return f"{address.rstrip('/')}/field?label={quote(label)}" if address else label


def draw(labels: Sequence[Label], layout: Layout, address: str = "") -> bytes:
    """Give the sheets as PDF."""
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
    content = io.BytesIO()
    canvas = Canvas(content, pagesize=(A4_MM[0] * mm, A4_MM[1] * mm), pageCompression=1)
    canvas.setTitle("CityGrid labels")
    for index, (left, bottom) in zip(range(len(labels)), _places(layout), strict=False):
        if index and index % (layout.columns * layout.rows) == 0:
            canvas.showPage()
        _draw_one(canvas, labels[index], layout, (left * mm, bottom * mm), payload(labels[index].label, address))
    canvas.save()
    return content.getvalue()


def _places(layout: Layout) -> Iterator[tuple[float, float]]:
    """Give the lower left corner of place after place, sheet after sheet."""
    across = layout.columns * layout.width_mm + (layout.columns - 1) * layout.gap_mm
    left, top = (A4_MM[0] - across) / 2, (A4_MM[1] + layout.rows * layout.height_mm) / 2
    while True:
        for row in range(layout.rows):
            for column in range(layout.columns):
                yield left + column * (layout.width_mm + layout.gap_mm), top - (row + 1) * layout.height_mm


def _draw_one(canvas: Canvas, label: Label, layout: Layout, at: tuple[float, float], text: str) -> None:
    padding = 2.5 * mm
    side = min(layout.height_mm * mm - 2 * padding, layout.width_mm * mm * 0.5)
    x, y = at[0] + padding, at[1] + (layout.height_mm * mm - side) / 2
    _draw_code(canvas, text, (x, y), side)
    left, room = x + side + padding / 2, layout.width_mm * mm - side - 2.5 * padding
    top = y + side
    _draw_text(canvas, label.label, (left, top - side * 0.26), room, (LATIN, side * 0.2))
    for row, (words, size) in enumerate(((label.class_zh, 0.15), (label.type_zh, 0.13), (label.type_en, 0.1))):
        if words:
            font = CHINESE if not words.isascii() else "Helvetica"
            _draw_text(canvas, words, (left, top - side * (0.5 + 0.19 * row)), room, (font, side * size))


def _draw_text(canvas: Canvas, text: str, at: tuple[float, float], room: float, font: tuple[str, float]) -> None:
    """Write one line, smaller where it would not fit."""
    name, size = font
    width = pdfmetrics.stringWidth(text, name, size)
    canvas.setFont(name, size * min(1.0, room / width) if width else size)
    canvas.drawString(*at, text)


def _draw_code(canvas: Canvas, text: str, at: tuple[float, float], side: float) -> None:
    """Draw a QR code as one path of runs: sharp at any size, and small in the file."""
    modules = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    unit = side / (len(modules) + 2 * _QUIET_MODULES)
    path = canvas.beginPath()
    for row, line in enumerate(modules):
        y = at[1] + side - (row + 1 + _QUIET_MODULES) * unit
        for start, length in _runs(line):
            path.rect(at[0] + (start + _QUIET_MODULES) * unit, y, length * unit, unit)
    canvas.setFillColorRGB(0, 0, 0)
    canvas.drawPath(path, stroke=0, fill=1)


def _runs(line: bytes) -> Iterator[tuple[int, int]]:
    """Give start and length of each run of dark modules."""
    start = None
    for index, module in enumerate((*line, 0)):
        if module and start is None:
            start = index
        elif not module and start is not None:
            yield start, index - start
            start = None
