"""Laws of the component code."""

from hypothesis import given
from hypothesis import strategies as st

from components_registry.code import ComponentCode, flaw_of, format_code, parse_code
from components_registry.taxonomy import TANGSHAN

DISTRICTS = ("130202", "130203", "130204", "130205")
codes = st.builds(
    ComponentCode,
    district_code=st.sampled_from(DISTRICTS),
    class_code=st.sampled_from(sorted(TANGSHAN.classes)),
    serial=st.integers(1, 999_999),
)


@given(codes)
def test_parsing_what_was_formatted_gives_it_back(code: ComponentCode) -> None:
    text = format_code(code, TANGSHAN)

    assert len(text) == 16
    assert parse_code(text, TANGSHAN, DISTRICTS) == code


@given(st.text(max_size=20))
def test_a_text_without_a_flaw_is_the_one_its_parts_make(text: str) -> None:
    if flaw_of(text, TANGSHAN, DISTRICTS) is None:
        assert format_code(parse_code(text, TANGSHAN, DISTRICTS), TANGSHAN) == text


@given(codes, st.integers(0, 15), st.characters(exclude_characters="0123456789"))
def test_one_character_that_is_no_digit_spoils_a_code(code: ComponentCode, at: int, character: str) -> None:
    text = format_code(code, TANGSHAN)

    assert flaw_of(text[:at] + character + text[at + 1 :], TANGSHAN, DISTRICTS) is not None
