"""Label sheets as a printer sees them: drawn, looked at, and their codes read back."""

import pypdfium2
import pytest
import zxingcpp

from devices import label_sheet
from devices.label_sheet import LAYOUTS, Label, draw

DOTS_A_POINT = 4
"""288 dots an inch."""


def looked_at(content: bytes, page: int = 0) -> list[str]:
    """Read every code of a page at the resolution of an office printer."""
    picture = pypdfium2.PdfDocument(content)[page].render(scale=DOTS_A_POINT, grayscale=True).to_numpy()
    return sorted(code.text for code in zxingcpp.read_barcodes(picture.squeeze()))


def some(count: int) -> list[Label]:
    return [
        Label(label=f"MC-{n:06d}", type_zh="智能井盖", type_en="Smart manhole cover", class_zh="污水井盖")
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_code_of_a_full_sheet_reads_as_its_label(layout: str):
    on_a_sheet = LAYOUTS[layout].columns * LAYOUTS[layout].rows
    labels = some(on_a_sheet)

    assert looked_at(draw(labels, LAYOUTS[layout])) == [label.label for label in labels]


def test_with_an_address_the_code_opens_the_page_in_the_street():
    read = looked_at(draw(some(3), LAYOUTS["3x8"], "https://city.example/"))

    assert read[0] == "https://city.example/field?label=MC-000001"


def test_the_text_is_the_label_its_class_and_its_type_in_chinese():
    document = pypdfium2.PdfDocument(draw(some(1), LAYOUTS["3x8"]))
    text = document[0].get_textpage().get_text_bounded()

    assert all(part in text for part in ("MC-000001", "污水井盖", "智能井盖", "Smart manhole cover"))


def test_labels_go_on_on_the_next_sheet():
    document = draw(some(25), LAYOUTS["3x8"])

    assert len(pypdfium2.PdfDocument(document)) == 2
    assert looked_at(document, 1) == ["MC-000025"]


def test_the_longest_label_stays_on_its_own_label():
    longest = "L" * 64
    document = pypdfium2.PdfDocument(draw([Label(label=longest), Label(label="B")], LAYOUTS["3x8"]))
    page = document[0].get_textpage()
    found = page.search(longest).get_next()
    assert found
    right = max(page.get_charbox(found[0] + n)[2] for n in range(64))

    assert right < 70 / 25.4 * 72
    assert label_sheet.payload(longest, "") == longest
