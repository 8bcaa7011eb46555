"""Banded signatures find likely duplicates among many names; percent judges them; the exact key is exact (R48)."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.law.similarity import BANDS, exact_key, percent, signature

PLACE = "甘肃省张掖市山丹县"
WHO = "山丹县交通运输局"
COMMON = (
    "城乡居民企业道路运输客运车辆学校教育医疗卫生机构土地水利农业市场监管行政许可处罚社会保险就业环境监测公共服务设施"
)
#: Stored values: these may only change together with a migration that recomputes every row.
FIRST_BAND = 6571002995440072297
EXACT = "ab1976f1433b9697821491eccc8b5f46"
ENDINGS = ("信息", "数据", "名录", "统计表", "情况汇总", "登记台账", "基础信息", "年度报告")


def _title(rng: random.Random) -> str:
    return "".join(rng.choice(COMMON) for _ in range(rng.randint(6, 18))) + rng.choice(ENDINGS)


def _edited(rng: random.Random, title: str) -> str:
    place = rng.randrange(len(title))
    piece = rng.choice(COMMON)
    return rng.choice((title[:place] + piece + title[place + 1 :], title[:place] + title[place + 1 :], title + "表"))


def _name(title: str) -> str:
    return f"{PLACE}-道路运输业-{title}"


def _meet(a: str, b: str) -> bool:
    return not set(signature(_name(a), WHO)).isdisjoint(signature(_name(b), WHO))


def test_four_in_five_alike_are_caught_with_95_percent() -> None:
    rng = random.Random(20260922)
    pairs = []
    while len(pairs) < 1500:
        title = _title(rng)
        other = title
        for _ in range(rng.randint(1, 3)):
            other = _edited(rng, other)
        if 80 <= percent(_name(title), _name(other)) < 100:
            pairs.append((title, other))
    caught = sum(_meet(a, b) for a, b in pairs)
    assert caught / len(pairs) >= 0.95


def test_at_the_threshold_itself_95_percent_are_caught() -> None:
    rng = random.Random(7)
    pairs = []
    while len(pairs) < 600:
        title = _title(rng)
        other = _edited(rng, _edited(rng, title))
        if 80 <= percent(_name(title), _name(other)) <= 82:
            pairs.append((title, other))
    assert sum(_meet(a, b) for a, b in pairs) / len(pairs) >= 0.95


def test_unrelated_names_of_one_place_rarely_share_a_band() -> None:
    rng = random.Random(3)
    titles = [_title(rng) for _ in range(400)]
    pairs = [(a, b) for i, a in enumerate(titles) for b in titles[i + 1 :] if percent(_name(a), _name(b)) < 40]
    assert len(pairs) > 50_000
    signatures = {title: set(signature(_name(title), WHO)) for title in titles}
    met = sum(not signatures[a].isdisjoint(signatures[b]) for a, b in pairs)
    assert met / len(pairs) < 0.01


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("甘肃省张掖市山丹县", "甘肃省张掖市民乐县"),
        ("贵州省铜仁市沿河土家族自治县", "甘肃省武威市天祝藏族自治县"),
        ("内蒙古自治区呼和浩特市", "内蒙古自治区锡林郭勒盟二连浩特市"),
        ("山东省济南市市中区", "山东省青岛市市北区"),
    ],
)
def test_the_same_title_in_another_county_is_no_candidate(here: str, there: str) -> None:
    named, others = signature(f"{here}-教育-学校名录", ""), signature(f"{there}-教育-学校名录", "")
    assert set(named).isdisjoint(others)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("甘肃省张掖市-道路运输业-张掖市城市客运信息", "甘肃省张掖市-道路运输业-城市客运信息"),
        ("甘肃省张掖市山丹县-教育-学校名录", "山丹县-教育-学校名录"),
        ("甘肃省张掖市山丹县－教育－学校 名录", "甘肃省张掖市山丹县-教育-学校名录"),
        ("甘肃省张掖市山丹县-教育-《学校名录》", "甘肃省张掖市山丹县-国家机构-学校名录"),
    ],
)
def test_region_division_punctuation_and_width_do_not_hide_a_duplicate(a: str, b: str) -> None:
    assert percent(a, b) == 100
    assert not set(signature(a, "山丹县教育局")).isdisjoint(signature(b, "山丹县教育局"))


def test_a_name_without_region_is_placed_by_its_registrant() -> None:
    assert signature("学校名录", "山丹县教育局") == signature("甘肃省张掖市山丹县-教育-学校名录", "山丹县教育局")
    assert signature("学校名录", "山丹县教育局") != signature("学校名录", "民乐县教育局")
    long = signature("贵州省铜仁市沿河土家族自治县-教育-学校名录", "")
    assert signature("学校名录", "沿河土家族自治县教育局") == signature("沿河土家族自治县-教育-学校名录", "") == long


def test_percent_knows_alike_from_unlike() -> None:
    assert percent(_name("城市客运信息"), _name("城市客运信息")) == 100
    assert percent(_name("城市客运信息"), _name("学校名录")) == 0
    assert percent(_name("城市客运信息"), _name("城市客运线路信息")) == 66
    assert percent("", "") == 100


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=60))
def test_any_text_has_a_signature_that_fits_the_database(name: str, registrant: str, other: str) -> None:
    bands = signature(name, registrant)
    assert len(bands) == BANDS
    assert all(-(2**63) <= band < 2**63 for band in bands)
    assert 0 <= percent(name, other) == percent(other, name) <= 100
    assert percent(name, name) == 100


def test_signatures_are_the_same_in_every_process() -> None:
    assert signature("甘肃省张掖市-道路运输业-城市客运信息", "张掖市大数据中心")[0] == FIRST_BAND
    assert exact_key("学校名录", "91110000802100433B", ["620725"]).hex() == EXACT
    code = "from dengji.law.similarity import signature; print(signature('甘肃省-教育-学校名录', '甘肃省教育厅'))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "src", "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{signature('甘肃省-教育-学校名录', '甘肃省教育厅')}\n"}


def test_the_exact_key_ignores_width_space_and_order_of_regions_only() -> None:
    key = exact_key("甘肃省-教育-学校名录", "91110000802100433B", ["620725", "620700"])
    assert len(key) == 16
    assert key == exact_key("甘肃省－教育－学校 名录", "91110000802100433b", ["620700", "620725", "620725"])
    assert key != exact_key("甘肃省-教育-学校名单", "91110000802100433B", ["620725", "620700"])
    assert key != exact_key("甘肃省-教育-学校名录", "91330100799655058B", ["620725", "620700"])
    assert key != exact_key("甘肃省-教育-学校名录", "91110000802100433B", ["620725"])
