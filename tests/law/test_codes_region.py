"""Regions: what the standard's table holds, what is laid over it, and how names begin with them."""

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.law.codes import (
    CodeError,
    Region,
    find_region_prefix,
    is_within,
    match_region_prefix,
    region,
    regions,
    validate_regions,
)

CURRENT = list(regions())
ONE = st.sampled_from(CURRENT)


@pytest.mark.parametrize(
    ("code", "full_name", "level", "parent"),
    [
        ("000000", "全国", "nation", None),
        ("620000", "甘肃省", "province", "000000"),
        ("620700", "甘肃省张掖市", "prefecture", "620000"),
        ("620721", "甘肃省张掖市肃南裕固族自治县", "county", "620700"),
        ("620725", "甘肃省张掖市山丹县", "county", "620700"),
        ("371000", "山东省威海市", "prefecture", "370000"),
        ("610100", "陕西省西安市", "prefecture", "610000"),
        ("110101", "北京市东城区", "county", "110000"),
        ("429004", "湖北省仙桃市", "county", "420000"),
        ("659001", "新疆维吾尔自治区石河子市", "county", "650000"),
        ("330114", "浙江省杭州市钱塘区", "county", "330100"),
        ("232761", "黑龙江省大兴安岭地区加格达奇区", "county", "232700"),
        ("660000", "新疆生产建设兵团", "province", "000000"),
        ("660800", "新疆生产建设兵团第八师石河子市", "prefecture", "660000"),
        ("810000", "香港特别行政区", "province", "000000"),
    ],
)
def test_regions_have_names_levels_and_parents(code: str, full_name: str, level: str, parent: str | None) -> None:
    found = region(code)
    assert (found.full_name, found.level, found.parent) == (full_name, level, parent)
    assert found in CURRENT


def test_the_tree_is_whole() -> None:
    codes = {row.code for row in CURRENT}
    assert all(row.parent in codes for row in CURRENT if row.code != "000000")
    assert [row.code for row in CURRENT] == sorted(codes)
    assert len({row.full_name for row in CURRENT}) == len(CURRENT)
    provinces = [row for row in CURRENT if row.level == "province"]
    assert len(provinces) == 35  # 34 of the standard, and 兵团
    assert sum(row.parent == "660000" for row in CURRENT) == 14
    assert not {"市辖区", "县", "省直辖县级行政单位"} & {row.name for row in CURRENT}


def test_every_shipped_rulebook_lies_in_a_known_region() -> None:
    rulebooks = resources.files("dengji.law").joinpath("rulebooks")
    lines = (
        line
        for path in rulebooks.iterdir()
        if path.name.endswith(".toml")
        for line in path.read_text("utf-8").splitlines()
    )
    named = [line.split('"')[1] for line in lines if line.startswith('region = "')]
    assert validate_regions([code for code in set(named) if code != "000000"])


def test_codes_are_brought_into_one_form() -> None:
    assert validate_regions([" ６２０７２５ ", "371000"]) == ["620725", "371000"]
    assert validate_regions(["000000"]) == ["000000"]
    assert validate_regions([]) == []


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        (["620799"], "region_unknown"),
        (["62"], "region_unknown"),
        ([""], "region_unknown"),
        (["甘肃省"], "region_unknown"),
        (["000000", "620000"], "region_nation_exclusive"),
        (["620725", "000000"], "region_nation_exclusive"),
        (["620725", "371000", "620725"], "region_repeated"),
        (["330104"], "region_retired"),
    ],
)
def test_wrong_choices_are_refused(codes: list[str], code: str) -> None:
    with pytest.raises(CodeError) as caught:
        validate_regions(codes)
    assert caught.value.code == code
    assert "{" not in str(caught.value)


def test_a_retired_code_still_resolves_for_records_of_its_time() -> None:
    old = region("330104")
    assert (old.full_name, old.until) == ("浙江省杭州市江干区", 2021)
    assert old not in CURRENT
    assert validate_regions(["330104"], retired=True) == ["330104"]
    assert find_region_prefix("浙江省杭州市江干区-教育-名录") == region("330100")


def test_headings_of_the_table_resolve_but_are_not_offered() -> None:
    heading = region("620701")
    assert heading.group
    assert heading not in CURRENT
    assert validate_regions(["620701"]) == ["620701"]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("甘肃省张掖市山丹县-教育-学校名录", "620725", "甘肃省张掖市山丹县"),
        ("甘肃省张掖市-道路运输业-张掖市城市客运信息", "620700", "甘肃省张掖市"),
        ("甘肃省张掖市肃南自治县-国家机构-平台", "620721", "甘肃省张掖市肃南自治县"),
        ("甘肃省张掖市肃南裕固族自治县-教育-名录", "620721", "甘肃省张掖市肃南裕固族自治县"),
        ("甘肃省临夏州积石山县-教育-名录", "622927", "甘肃省临夏州积石山县"),
        ("内蒙古呼伦贝尔市鄂伦春自治旗-林业-名录", "150723", "内蒙古呼伦贝尔市鄂伦春自治旗"),
        ("新疆维吾尔自治区石河子市-教育-名录", "659001", "新疆维吾尔自治区石河子市"),
        ("新疆生产建设兵团第八师石河子市-教育-名录", "660800", "新疆生产建设兵团第八师石河子市"),
        ("新疆兵团第八师-教育-名录", "660800", "新疆兵团第八师"),
        ("北京市海淀区-教育-名录", "110108", "北京市海淀区"),
        ("全国-教育-名录", "000000", "全国"),
        ("山东省威海市", "371000", "山东省威海市"),
    ],
)
def test_a_name_begins_with_its_region(name: str, code: str, said: str) -> None:
    assert match_region_prefix(name) == (region(code), len(said))
    assert find_region_prefix(name) == region(code)


@pytest.mark.parametrize("name", ["", "山", "学校名录", "山丹县-教育-学校名录", "-甘肃省", "某省某市"])
def test_a_name_without_a_region_in_full_has_none(name: str) -> None:
    assert find_region_prefix(name) is None
    assert match_region_prefix(name) is None


def test_territory() -> None:
    assert is_within("620725", "620700")
    assert is_within("620725", "620000")
    assert is_within("620725", "620725")
    assert is_within("620725", "000000")
    assert is_within("110101", "110000")
    assert not is_within("620700", "620725")
    assert not is_within("620725", "371000")
    with pytest.raises(CodeError):
        is_within("620725", "629999")


def test_the_corps_hangs_under_the_nation_and_not_under_xinjiang() -> None:
    assert is_within("660800", "660000")
    assert is_within("660800", "000000")
    assert not is_within("660800", "650000")
    assert not is_within("659001", "660000")


@given(ONE, st.text(max_size=8))
def test_every_full_name_is_found_at_the_beginning(row: Region, rest: str) -> None:
    assert row in CURRENT
    full_name = row.full_name
    assert find_region_prefix(f"{full_name}-{rest}") == row


@given(ONE, ONE)
def test_territory_is_an_order(one: Region, two: Region) -> None:
    first, second = one.code, two.code
    assert is_within(first, "000000")
    assert (is_within(first, second) and is_within(second, first)) == (first == second)
