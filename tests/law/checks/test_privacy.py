"""Personal and sensitive detail in what the public will see (R50)."""

from __future__ import annotations

import pytest
from stdnum import luhn
from stdnum.cn import ric

from dengji.law.checks.privacy import SCANNED, mask
from dengji.law.visibility import visible_fields

from .samples import RESOURCE, check, codes, one

_BODY = "62070019900307001"
ID_NUMBER = _BODY + ric.calc_check_digit(_BODY + "0")
CARD = "622848001234567890" + luhn.calc_check_digit("622848001234567890")
CARD18 = "62284800123456789" + luhn.calc_check_digit("62284800123456789")
WRONG_ID = ID_NUMBER[:-1] + ("0" if ID_NUMBER[-1] != "0" else "1")

HITS = [
    (f"身份证{ID_NUMBER}", "personal_id_number"),
    (f"身份证{ID_NUMBER.lower()}号", "personal_id_number"),
    (f"身份证{ID_NUMBER[:6]} {ID_NUMBER[6:14]} {ID_NUMBER[14:]}", "personal_id_number"),
    ("电话13800001234", "personal_mobile"),
    ("电话138 0000 1234", "personal_mobile"),
    ("电话+86-138-0000-1234", "personal_mobile"),
    ("电话１３８００００１２３４", "personal_mobile"),
    ("电话0936-8212345", "personal_landline"),
    ("电话（0936）8212345", "personal_landline"),
    (f"账号{CARD}", "personal_bank_card"),
    (f"账号{CARD18}", "personal_bank_card"),
    (f"账号{CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:16]} {CARD[16:]}", "personal_bank_card"),
    ("邮箱a.b@example.gov.cn", "personal_email"),
    ("邮箱ａ＠ｅｘａｍｐｌｅ．ｃｎ", "personal_email"),
    ("护照E12345678", "personal_passport"),
    ("车牌甘G12345", "personal_plate"),
    ("车牌甘G·D12345", "personal_plate"),
    ("含机密信息", "sensitive_word"),
]
CLEAN = [
    "2024-01-01至2025-12-31共100000条",
    "面积12345.678901234平方米",
    "编码1393264726771781632103",
    "代码91110000802100433B",
    f"号{WRONG_ID}",
    "共13800001234567条",
    "G30连霍高速、S12345线路",
    "COVID2019数据",
]


def _intro(text: str) -> str:
    return RESOURCE["intro"][:-1] + text + "。"


def _privacy(found: set[str]) -> set[str]:
    return {code for code in found if code.startswith(("personal_", "sensitive"))}


@pytest.mark.parametrize(("text", "code"), HITS)
@pytest.mark.parametrize("field", ["name", "intro", "registrant_name", "operator_name"])
def test_every_hit_in_every_public_text_needs_a_human(text: str, code: str, field: str) -> None:
    finding = one(check(**{field: _intro(text) if field == "intro" else "甲" + text}), code)
    assert (finding.field, finding.clearable, finding.severity) == (field, True, "warning")


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_figures_are_no_hits(text: str) -> None:
    assert _privacy(codes(check(intro=_intro(text)))) == set()


def test_a_finding_never_repeats_the_detail() -> None:
    for text, _ in HITS[:-1]:
        for finding in check(intro=_intro(text)):
            said = finding.message.format(**finding.params) + finding.fix.format(**finding.params)
            assert ID_NUMBER not in said
            assert "13800001234" not in said
            assert CARD not in said
            assert "a.b@example.gov.cn" not in said
    assert mask("13800001234") == "138******34"


def test_what_the_public_never_sees_is_not_scanned() -> None:
    findings = check(contact_phone="13800001234", contact_email="a@example.cn", registrant_address="电话13800001234")
    assert _privacy(codes(findings)) == set()


def test_the_scan_covers_all_free_text_of_notice_and_page() -> None:
    assert {"name", "intro", "registrant_name", "operator_name", "open_url"} <= set(SCANNED)
    assert set(SCANNED) <= set(visible_fields("notice")) | set(visible_fields("page"))


def test_several_hits_in_one_text_are_each_listed() -> None:
    found = codes(check(intro=_intro(f"电话13800001234，身份证{ID_NUMBER}，内部资料")))
    assert {"personal_mobile", "personal_id_number", "sensitive_word"} <= found
