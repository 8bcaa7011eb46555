"""Names and briefs: the faults seen in published notices, and their mends (R44–R46, R49)."""

from __future__ import annotations

import pytest

from dengji.law.checks import normalise, suggest_industries, tidy

from .samples import PRODUCT, RESOURCE, check, codes, context, one

#: (name, registrant, industry, what the notice is about): twelve notices published by Zhangye in September 2026.
NOTICES = [
    ("甘肃省张掖市-国家机构-公共法律服务资源数据", "92", "620700", "律所、公证处、司法鉴定机构名录"),
    ("甘肃省张掖市山丹县-教育-学校名录", "83", "620725", "公共服务中的学校名录，用于教育资源统筹"),
    ("甘肃省张掖市山丹县-国家机构-节假日客运量报表", "92", "620725", "节假日客运量、车辆数、座位数"),
    ("甘肃省张掖市山丹县-国家机构-山丹县土地利用现状分类面积汇总情况", "92", "620725", "土地利用现状分类面积汇总"),
    ("甘肃省张掖市山丹县-娱乐业-景区人数及收入", "90", "620725", "景区运营中的游客人数和收入"),
    ("甘肃省张掖市山丹县-畜牧业-食品质量检验检测报告", "03", "620725", "检验检测的检验项目、依据、结论"),
    ("甘肃省张掖市-社会保障-张掖市居民职工参保数据", "94", "620700", "参保人数、金额、参保地、就诊及结算记录"),
    (
        "甘肃省张掖市肃南自治县-国家机构-智慧“猛屹”融合通信指挥调度平台",
        "92",
        "620721",
        "视频监控、执法记录仪、移动警务",
    ),
    ("甘肃省张掖市山丹县-社会保障-社会保险参保缴费企业信息（信用评价）", "94", "620725", "参保企业名称、缴纳月份"),
    ("甘肃省张掖市-房地产业-张掖市住房公积金年度报告", "70", "620700", "公积金业务运行、财务数据"),
    ("甘肃省张掖市-道路运输业-张掖市城市客运信息", "54", "620700", "线路名称、运输企业、途经地、停靠站"),
    ("甘肃省张掖市-零售业-张掖市“甘味”品牌信息", "52", "620700", "“甘味”品牌企业名称、主要产品"),
]
REPEATED = {3: "山丹县", 6: "张掖市", 9: "张掖市", 10: "张掖市", 11: "张掖市"}
BY_REGISTRANT = {0: "72", 2: "54", 3: "79"}
SYSTEMS = {7}


@pytest.mark.parametrize("number", range(len(NOTICES)))
def test_the_known_faults_of_real_notices_are_found_and_no_others_invented(number: int) -> None:
    name, industry, region, about = NOTICES[number]
    findings = check(name=name, industries=[industry], coverage_regions=[region], registrant_region=region, intro=about)
    found = codes(findings)
    assert ("name_region_repeated" in found) == (number in REPEATED)
    assert ("industry_by_registrant" in found) == (number in BY_REGISTRANT)
    assert ("system_as_resource" in found) == (number in SYSTEMS)
    pattern = ("name_pattern", "name_region_unknown", "name_region_mismatch")
    assert found.isdisjoint({*pattern, "name_division_unknown", "name_division_mismatch"})
    if number in REPEATED:
        assert one(findings, "name_region_repeated").params["region"] == REPEATED[number]
    if number in BY_REGISTRANT:
        assert one(findings, "industry_by_registrant").params["code"] == BY_REGISTRANT[number]


def test_the_mend_of_a_repeated_region_is_the_name_without_it() -> None:
    finding = one(check(name="甘肃省张掖市-道路运输业-张掖市城市客运信息"), "name_region_repeated")
    assert finding.fix.format(**finding.params) == "建议改为：甘肃省张掖市-道路运输业-城市客运信息"
    assert (finding.field, finding.severity) == ("name", "warning")


def test_surveillance_in_a_police_platform_must_be_cleared_by_a_human() -> None:
    name, industry, region, about = NOTICES[7]
    hit = one(check(name=name, industries=[industry], coverage_regions=[region], intro=about), "sensitive_word")
    assert (hit.field, hit.clearable, hit.params["word"]) == ("intro", True, "视频监控")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("城市客运信息", "name_pattern"),
        ("甘肃省张掖市-城市客运信息", "name_pattern"),
        ("甘肃省张掖市-道路运输业-", "name_pattern"),
        ("张掖地区-道路运输业-城市客运信息", "name_region_unknown"),
        ("甘肃省张掖市某县-道路运输业-城市客运信息", "name_region_unknown"),
        ("山东省威海市-道路运输业-城市客运信息", "name_region_mismatch"),
        ("甘肃省张掖市-客运行业-城市客运信息", "name_division_unknown"),
        ("甘肃省张掖市-教育-城市客运信息", "name_division_mismatch"),
        ("甘肃省张掖市-道路运输业-城市客运管理系统", "system_as_resource"),
        ("甘肃省张掖市-道路运输业-城市客运管理平台（二期）", "system_as_resource"),
        ("甘肃省张掖市 - 道路运输业 － 城市客运信息", "name_not_tidy"),
        ("甘肃省张掖市-道路运输业-２０２５年城市客运信息", "name_not_tidy"),
    ],
)
def test_a_faulty_name_is_found(name: str, code: str) -> None:
    assert code in codes(check(name=name))


@pytest.mark.parametrize(
    "name",
    [
        "甘肃省张掖市-道路运输业-客运平台运行数据",
        "甘肃省张掖市－道路运输业—城市客运信息",
        "甘肃省-道路运输业-城市客运信息",
    ],
)
def test_a_right_name_in_any_dash_has_no_pattern_finding(name: str) -> None:
    found = codes(check(name=name))
    assert not {code for code in found if code.startswith("name_") and code != "name_not_tidy"}
    assert "system_as_resource" not in found


def test_products_are_not_named_by_the_pattern() -> None:
    assert "name_pattern" not in codes(check(PRODUCT))


def test_the_brief_is_at_most_a_hundred_characters() -> None:
    at_limit = "客" * 99 + "。"
    assert "intro_too_long" not in codes(check(intro=at_limit))
    finding = one(check(intro="客" + at_limit), "intro_too_long")
    assert (finding.severity, finding.params) == ("error", {"length": 101, "limit": 100})


@pytest.mark.parametrize(
    ("intro", "code"),
    [
        ("线路和停靠站。", "intro_too_short"),
        (
            "该数据资源在城市客运管理过程中产生，包含线路名称、运输企业、单程距离，可用于防止公众财产遭受损",
            "intro_unfinished",
        ),
        ("无", "intro_not_description"),
        ("……——", "intro_not_description"),
        ("城市客运信息。", "intro_not_description"),
        ("甘肃省张掖市-道路运输业-城市客运信息", "intro_not_description"),
    ],
)
def test_a_brief_that_does_not_describe_is_found(intro: str, code: str) -> None:
    assert code in codes(check(intro=intro))


def test_the_mend_of_a_poor_brief_is_the_usual_sentence_filled_from_the_record() -> None:
    finding = one(check(intro="无"), "intro_not_description")
    sentence = finding.fix.format(**finding.params)
    for part in ("张掖市大数据中心", "城市客运管理", "线路名称、运输企业", "线网优化"):
        assert part in sentence


def test_industries_are_suggested_by_title_and_brief_not_by_what_the_name_claims() -> None:
    assert suggest_industries("甘肃省张掖市山丹县-国家机构-节假日客运量报表", "节假日客运量、车辆数")[0][0] == "54"
    assert suggest_industries("学校名录", "")[0][0] == "83"
    assert suggest_industries("甲乙丙丁", "") == ()


def test_an_industry_close_to_the_words_is_left_alone_and_another_only_suggested() -> None:
    assert not {code for code in codes(check()) if code.startswith("industry_")}
    assert not {code for code in codes(check(industries=["5412", "92"])) if code.startswith("industry_")}
    finding = one(check(industries=["83"]), "industry_suggested")
    assert (finding.severity, finding.params["code"]) == ("info", "54")
    assert one(check(industries=["99"]), "industry_unknown").params["code"] == "99"


def test_normalise_and_tidy() -> None:
    assert normalise(" 甘肃省－张掖市 — Ａ１　数据（一）") == "甘肃省-张掖市-A1 数据(一)"
    assert tidy(" 甘肃省－张掖市 — Ａ１　数据（一）") == "甘肃省-张掖市-A1 数据（一）"
    assert normalise(normalise(RESOURCE["name"])) == RESOURCE["name"] == tidy(RESOURCE["name"])


def test_limits_come_from_the_rulebook() -> None:
    class Book:
        region = "620000"

        def __init__(self) -> None:
            self.real = context().rulebook

        def get(self, key: str, default: object = None) -> object:
            changed = {"record.name_max": 10, "record.intro_max": 30, "record.name_pattern": "free"}
            return changed[key] if key in changed else self.real.get(key)

    found = codes(check(name="城市客运信息城市客运信息", ctx=context(rulebook=Book())))
    assert {"name_too_long", "intro_too_long"} <= found
    assert "name_pattern" not in found
