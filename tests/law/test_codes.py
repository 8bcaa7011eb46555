"""Credit codes, industries, registration codes and serials, through the public doors of dengji.law.codes."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from dengji.law.codes import (
    CHECKERS,
    DIVISIONS,
    ISSUERS,
    MAX_LENGTH,
    SECTIONS,
    CodeError,
    check_code,
    division,
    division_by_name,
    format_serial,
    is_local_number,
    local_number,
    make_credit_code,
    parse_serial,
    validate_credit_code,
)

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
NATIONAL_SAMPLE = "1393264726771781632103"
BODIES = st.builds(
    lambda head, region, tail: head + region + tail,
    st.sampled_from(["11", "12", "52", "91", "92", "93", "N2", "A1", "Y1"]),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=9, max_size=9),
)


def refusal(call: Callable[[], object]) -> CodeError:
    with pytest.raises(CodeError) as caught:
        call()
    assert "{" not in str(caught.value), "every parameter of the message is filled in"
    return caught.value


# --- credit codes


@pytest.mark.parametrize(
    "code",
    ["9144030071526726XG", "91330100799655058B", "91110000802100433B", "91440300708461136T", "91110108551385082Q"],
)
def test_real_credit_codes_pass(code: str) -> None:
    assert validate_credit_code(code) == code


@pytest.mark.parametrize(
    "typed",
    [" 91330100799655058b ", "９１３３０１００７９９６５５０５８Ｂ", "9133 0100 7996 5505 8B", "91330100-799655058-B"],
)
def test_credit_codes_are_brought_into_one_form(typed: str) -> None:
    assert validate_credit_code(typed) == "91330100799655058B"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "credit_code_length"),
        ("9133010079965505", "credit_code_length"),
        ("91330100799655058C", "credit_code_check"),
        ("91330100799655085B", "credit_code_check"),
        ("9133010079965505OB", "credit_code_characters"),
        ("９１３３０１００７９９６５５０５市Ｂ", "credit_code_characters"),
        ("91A30100799655058B", "credit_code_structure"),
        ("000000000000000000", "credit_code_structure"),
    ],
)
def test_wrong_credit_codes_say_what_is_wrong(typed: str, code: str) -> None:
    assert refusal(lambda: validate_credit_code(typed)).code == code


def test_the_refusal_names_the_unused_letters() -> None:
    assert refusal(lambda: validate_credit_code("9133010079965SIO8B")).params == {"characters": "IOS"}


@given(BODIES)
def test_made_credit_codes_pass_and_agree_with_the_library(body: str) -> None:
    code = make_credit_code(body)
    assert validate_credit_code(code) == code
    assert code[:17] == body
    if code[:8].isdigit():
        assert uscc.is_valid(code)


@given(BODIES, st.integers(8, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(body: str, place: int, other: str) -> None:
    code = make_credit_code(body)
    wrong = code[:place] + other + code[place + 1 :]
    if wrong != code:
        assert refusal(lambda: validate_credit_code(wrong)).code == "credit_code_check"


def test_a_body_that_cannot_begin_a_code_is_refused() -> None:
    for body in ("9133010079965505", "91330100799655O58", "0" * 17):
        assert refusal(lambda body=body: make_credit_code(body)).code == "credit_code_structure"


# --- industries


def test_the_classification_is_complete() -> None:
    assert "".join(SECTIONS) == "ABCDEFGHIJKLMNOPQRST"
    assert list(DIVISIONS) == [f"{number:02d}" for number in range(1, 98)]
    assert [row.section for row in DIVISIONS.values()] == sorted(row.section for row in DIVISIONS.values())
    assert len({row.name for row in DIVISIONS.values()}) == len({row.name_en for row in DIVISIONS.values()}) == 97


@pytest.mark.parametrize("code", ["54", "541", "5412", "G54", "g5412", " ５４ "])
def test_a_deeper_code_leads_to_its_division(code: str) -> None:
    found = division(code)
    assert (found.code, found.name, found.section) == ("54", "道路运输业", "G")
    assert SECTIONS[found.section].name == "交通运输、仓储和邮政业"


@pytest.mark.parametrize("code", ["", "5", "00", "98", "54123", "A54", "道路", "五四"])
def test_what_is_no_industry_is_refused(code: str) -> None:
    assert refusal(lambda: division(code)).code == "industry_unknown"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("教育", "83"),
        ("国家机构", "92"),
        ("社会保障", "94"),
        ("畜牧业", "03"),
        ("娱乐业", "90"),
        ("零售业", "52"),
        ("房地产业", "70"),
        (" 道路运输业 ", "54"),
        ("皮革，毛皮，羽毛及其制品和制鞋业", "19"),
    ],
)
def test_divisions_are_found_by_name(name: str, code: str) -> None:
    found = division_by_name(name)
    assert found is not None
    assert found.code == code


def test_a_name_that_is_only_part_of_a_division_is_none() -> None:
    assert division_by_name("道路") is None
    assert division_by_name("") is None


# --- registration codes


def test_a_national_code_is_taken_as_it_is() -> None:
    assert check_code(f" {NATIONAL_SAMPLE} ", demonstration=False) == NATIONAL_SAMPLE
    assert check_code("aB-1.2_3:4~5", demonstration=False) == "aB-1.2_3:4~5"
    assert len(check_code("9" * MAX_LENGTH, demonstration=False)) == 64


@pytest.mark.parametrize("spelling", ["DEMO-7K2M", "demo-7k2m", "Demo-7K2M", " DEMO-7K2M"])
def test_production_refuses_demonstration_codes_for_ever(spelling: str) -> None:
    assert refusal(lambda: check_code(spelling, demonstration=False)).code == "code_is_demonstration"
    assert refusal(lambda: CHECKERS["national"].check(spelling)).code == "code_is_demonstration"
    assert check_code(spelling, demonstration=True) == "DEMO-7K2M"


def test_a_wide_spelling_does_not_slip_through() -> None:
    assert refusal(lambda: check_code("ＤＥＭＯ－7K2M", demonstration=False)).code == "code_characters"


def test_a_demonstration_accepts_nothing_else() -> None:
    assert refusal(lambda: check_code(NATIONAL_SAMPLE, demonstration=True)).code == "code_not_demonstration"
    assert refusal(lambda: CHECKERS["demo"].check(NATIONAL_SAMPLE)).code == "code_not_demonstration"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "code_length"),
        ("   ", "code_length"),
        ("9" * 65, "code_length"),
        ("../etc", "code_characters"),
        ("12/34", "code_characters"),
        ("12 34", "code_characters"),
        ("12\n34", "code_characters"),
        ("<b>1</b>", "code_characters"),
        ("١٢٣", "code_characters"),
        ("登记1", "code_characters"),
    ],
)
def test_malformed_codes_are_refused(text: str, code: str) -> None:
    assert refusal(lambda: check_code(text, demonstration=False)).code == code


@given(st.text(max_size=80), st.booleans())
def test_an_accepted_code_is_stable_and_short(text: str, demonstration: bool) -> None:
    try:
        code = check_code(text, demonstration=demonstration)
    except CodeError:
        return
    assert check_code(code, demonstration=demonstration) == code
    assert code == unicodedata.normalize("NFC", code)
    assert 0 < len(code) <= MAX_LENGTH
    assert code.casefold().startswith("demo-") == demonstration


@pytest.mark.parametrize("name", ["demo", "national"])
def test_issued_codes_are_unique_unguessable_and_accepted(name: str) -> None:
    issuer = ISSUERS[name]
    now = datetime(2026, 9, 17, 4, tzinfo=UTC)
    codes = {issuer.issue(now, "resource", "620725") for _ in range(500)}
    assert len(codes) == 500
    for code in codes:
        assert CHECKERS[name].check(code) == code
        assert code.startswith(issuer.prefix)
        random_part = code.removeprefix(issuer.prefix).replace("-", "")
        assert re.fullmatch("[2-9A-HJ-NP-Z]+", random_part), "no I, O, 0 or 1"
        assert len(random_part) * 5 >= 64
        assert "20260917" not in code
        assert "620725" not in code


def test_demonstration_and_nation_never_share_a_code() -> None:
    now = datetime(2026, 9, 17, 4, tzinfo=UTC)
    assert refusal(lambda: CHECKERS["national"].check(ISSUERS["demo"].issue(now, "resource", "620725")))
    assert refusal(lambda: CHECKERS["demo"].check(ISSUERS["national"].issue(now, "resource", "620725")))


def test_a_local_number_is_never_a_code() -> None:
    number = local_number("gs-zhangye", "20260917000150")
    assert number == "本地-gs-zhangye-20260917000150"
    assert is_local_number(number)
    assert not is_local_number(NATIONAL_SAMPLE)
    for demonstration in (True, False):
        error = refusal(lambda demonstration=demonstration: check_code(number, demonstration=demonstration))
        assert error.code == "code_is_local"


def test_a_local_number_needs_a_slug_and_a_serial() -> None:
    for slug in ("", "张掖", "Gs", "gs--zy", "-gs", "gs/zy"):
        assert refusal(lambda slug=slug: local_number(slug, "20260917000150")).code == "register_slug"
    assert refusal(lambda: local_number("gs", "150")).code == "serial_format"


# --- serials


def test_the_serials_of_the_real_notices() -> None:
    assert format_serial(date(2026, 9, 17), 150) == "20260917000150"
    assert parse_serial("20260917000150") == (date(2026, 9, 17), 150)
    assert parse_serial(" ２０２６０９１７０００１５０ ") == (date(2026, 9, 17), 150)


@given(st.dates(), st.integers(1, 999_999))
def test_serials_are_read_as_written_and_sort_by_time(day: date, sequence: int) -> None:
    serial = format_serial(day, sequence)
    assert re.fullmatch("[0-9]{14}", serial)
    assert parse_serial(serial) == (day, sequence)
    if sequence < 999_999:
        assert serial < format_serial(day, sequence + 1)


@pytest.mark.parametrize("sequence", [-1, 0, 1_000_000])
def test_a_day_holds_999999_serials(sequence: int) -> None:
    assert refusal(lambda: format_serial(date(2026, 9, 17), sequence)).code == "serial_exhausted"


@pytest.mark.parametrize(
    "text",
    ["", "2026091700015", "202609170001500", "20260931000150", "20260917000000", "2026-09-17-0150", "٢٠٢٦٠٩١٧٠٠٠١٥٠"],
)
def test_what_is_no_serial_is_refused(text: str) -> None:
    assert refusal(lambda: parse_serial(text)).code == "serial_format"


@pytest.mark.parametrize("body", ["11620700000000001", "91440101MA5D0XYW3", "N2441881539450591"])
def test_exactly_the_check_character_of_the_independent_implementation_is_accepted(body: str) -> None:
    right = uscc.calc_check_digit(body)
    for last in "0123456789ABCDEFGHJKLMNPQRTUWXY":
        if last == right:
            assert validate_credit_code(body + last) == body + last
        else:
            with pytest.raises(CodeError):
                validate_credit_code(body + last)
