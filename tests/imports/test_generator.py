"""Made-up records: all different, without errors, the same everywhere, belonging to nobody."""

from __future__ import annotations

import hashlib
from datetime import date
from itertools import islice

import orjson
import pytest

from dengji.law import calendar, checks, rulebook
from dengji.law.checks import Context
from dengji.law.codes import check_code, parse_serial, validate_credit_code
from dengji.registration.generator import adoption_rows, capacity, generate

RULES = rulebook.load("cn")
MATERIALS = frozenset(m for kind in checks.DATA_TYPES for m in RULES.get(f"materials.required.first.{kind}", ()))
CONTEXT = Context(RULES, "first", date(2026, 1, 1), None, MATERIALS, (), calendar.load())


@pytest.mark.parametrize("seed", [1, 7, 99])
def test_no_record_has_an_error_or_looks_sensitive(seed: int) -> None:
    for record in generate(400, seed, start=seed * 1000):
        found = checks.run(record, CONTEXT)
        assert not [f.code for f in found if f.severity == "error" or f.clearable]


def test_records_differ(seed: int = 4) -> None:
    rows = list(generate(20_000, seed))
    assert len({row["name"] for row in rows}) == 20_000
    assert len({row["evidence_digest"] for row in rows}) == 20_000
    assert len({row["code"] for row in adoption_rows(20_000, seed)}) == 20_000


def test_they_are_the_same_on_every_machine() -> None:
    rows = list(islice(generate(1_000_000, 1), 50)) + list(adoption_rows(50, 2, start=123_456))
    digest = hashlib.sha256(b"".join(orjson.dumps(r, option=orjson.OPT_SORT_KEYS) for r in rows)).hexdigest()
    assert digest == "1d2fe2516b081ae560f6e9a0f32f2f5d2d6a87f38234647bdf3f08ea4814c09d"


def test_a_later_part_is_the_same_as_in_the_whole() -> None:
    whole = list(generate(40, 3))
    assert list(generate(10, 3, start=25)) == whole[25:35]


def test_there_are_more_than_ten_million_without_repeats() -> None:
    assert capacity() > 20_000_000
    with pytest.raises(ValueError, match="only"):
        next(generate(1, start=capacity()))
    # The same place and title come again only as another issue.
    once = capacity() // 10
    first, again = list(generate(200, 1)), list(generate(200, 1, start=once))
    assert [record["name"] + "（第2期）" for record in first] == [record["name"] for record in again]
    far = list(adoption_rows(2000, 1, start=10_000_000 - 1000))
    assert len({row["name"] for row in far} | {row["name"] for row in adoption_rows(2000, 1)}) == 4000
    assert len({row["code"] for row in far} | {row["code"] for row in adoption_rows(2000, 1)}) == 4000


def test_units_belong_to_nobody_and_records_say_so() -> None:
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    for record in generate(300, 8):
        code = validate_credit_code(record["registrant_credit_code"])
        inner, check = code[8:16], code[16]
        proper = (11 - sum(int(d) * w for d, w in zip(inner, weights, strict=True)) % 11) % 11
        assert check != ("X" if proper == 10 else str(proper))
        assert record["alternative_identifiers"][0].startswith("生成数据")
        assert record["contact_name"].startswith("示例")


def test_adoption_rows_bear_codes_of_their_side_of_the_line() -> None:
    for demonstration in (True, False):
        for row in adoption_rows(20, 5, demonstration=demonstration):
            assert check_code(row["code"], demonstration=demonstration) == row["code"]
            parse_serial(row["serial"])
            assert row["coded_on"] < row["valid_to"]
