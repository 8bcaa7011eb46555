"""What headings and cells mean."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.core.errors import DomainError
from dengji.imports.columns import MARKER, map_headings, read_cells, read_object
from dengji.law.checks import schema_findings
from dengji.law.record import FIELDS


def read(name: str, cell: Any) -> Any:
    """The value that a cell under a field gives, or the code of the finding."""
    reading = read_cells(map_headings([name]), [cell])
    assert len(reading.findings) + len(reading.content) <= 1
    return reading.findings[0].code if reading.findings else reading.content.get(name)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_is_known_by_its_three_names(name: str) -> None:
    field = FIELDS[name]
    for text in (name, name.upper(), field.label, f" {field.label} *", field.label_en, field.label_en.upper()):
        assert map_headings([text]).taken == ((0, name),)


def test_width_spaces_and_notes_do_not_matter() -> None:
    columns = map_headings(["登记 数据名称", "数据条数（整数）", "ＧＲＡＤＥ", "", "备注", "行标记"])
    assert columns.taken == ((0, "name"), (1, "record_count"), (2, "grade"), (5, MARKER))
    assert columns.unknown == ("备注",)


@pytest.mark.parametrize(
    ("headings", "code"),
    [(["名称A"], "headings_missing"), (["name", "登记数据名称"], "heading_twice"), ([], "headings_missing")],
)
def test_headings_that_cannot_be_used(headings: list[str], code: str) -> None:
    with pytest.raises(DomainError) as error:
        map_headings(headings)
    assert error.value.code == code


def test_adoption_has_columns_of_its_own() -> None:
    headings = ["流水号", "登记结果查询码", "赋码日期", "有效期至", "登记机构", "平台代码", "登记机构层级"]
    names = ("serial", "code", "coded_on", "valid_to", "agency_name", "platform_code", "agency_level")
    assert tuple(name for _, name in map_headings(headings, adoption=True).taken) == names
    assert map_headings(["name", *headings]).unknown == tuple(headings)


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("record_count", 12.0, 12),
        ("record_count", "１，２００", 1200),
        ("record_count", " 1,200 ", 1200),
        ("record_count", "0", 0),
        ("record_count", "12 MB", "cell_not_integer"),
        ("record_count", "1,20", "cell_not_integer"),
        ("record_count", 1.5, "cell_not_integer"),
        ("record_count", "约100", "cell_not_integer"),
        ("record_count", "9" * 30, "cell_not_integer"),
        ("record_count", True, "cell_not_integer"),
        ("record_count", float("inf"), "cell_not_text"),
        ("coverage_start", date(2025, 1, 31), "2025-01-31"),
        ("coverage_start", datetime(2025, 1, 31), "2025-01-31"),  # noqa: DTZ001 - cells carry no zone
        ("coverage_start", "2025年1月31日", "2025-01-31"),
        ("coverage_start", "2025/1/31", "2025-01-31"),
        ("coverage_start", "2025.01.31", "2025-01-31"),
        ("coverage_start", 20250131.0, "2025-01-31"),
        ("coverage_start", "2025-02-30", "cell_not_date"),
        ("coverage_start", "去年", "cell_not_date"),
        ("coverage_start", 45658.0, "cell_not_date"),
        ("evidence_time", datetime(2025, 1, 2, 3, 4, 5), "2025-01-02T03:04:05+08:00"),  # noqa: DTZ001
        ("evidence_time", "2025-01-02 03:04", "2025-01-02T03:04:00+08:00"),
        ("evidence_time", "2025-01-02T03:04:05Z", "2025-01-02T03:04:05+00:00"),
        ("evidence_time", "2025/1/2", "2025-01-02T00:00:00+08:00"),
        ("evidence_time", "三点", "cell_not_time"),
        ("contains_personal", "是", True),
        ("contains_personal", "否", False),
        ("contains_personal", 0.0, False),
        ("contains_personal", "不详", "cell_not_boolean"),
        ("grade", "一般数据", "general"),
        ("grade", "GENERAL", "general"),
        ("grade", "Important", "important"),
        ("grade", "秘密", "cell_not_choice"),
        ("data_format", "电子表格；数据库", ["spreadsheet", "database"]),
        ("data_format", "text,api|text", ["text", "api"]),
        ("data_format", "电子表格、纸张", "cell_not_choice"),
        ("industries", "54", ["54"]),
        ("industries", 1.0, ["01"]),
        ("industries", "54 道路运输业；91", ["54", "91"]),
        ("industries", "农、林、牧、渔专业及辅助性活动", ["05"]),
        ("industries", "G54", ["54"]),
        ("industries", "98", "cell_not_industry"),
        ("coverage_regions", "620700；甘肃省张掖市山丹县", ["620700", "620725"]),
        ("coverage_regions", 620700.0, ["620700"]),
        ("coverage_regions", "火星", "cell_not_region"),
        ("registrant_region", "甘肃省张掖市", "620700"),
        ("registrant_credit_code", "１２６２０７００mb1234567x", "12620700MB1234567X"),
        ("registrant_credit_code", 112620700123456789.0, "cell_digits_lost"),
        ("contact_phone", 13800000000.0, "13800000000"),
        ("name", " \u3000名称 ", "名称"),
        ("name", "名\x00称", "cell_not_text"),
        ("name", "名\ud800称", "cell_not_text"),
        ("name", "#REF!", "cell_formula_error"),
        ("name", "=1+1", "=1+1"),
        ("name", "长" * 20_001, "cell_too_long"),
        ("name", time(3, 4), "03:04:00"),
        ("name", timedelta(hours=30), "1 day, 6:00:00"),
        ("name", "  ", None),
        ("source_codes", "A-1；A-2,A-1", ["A-1", "A-2"]),
        ("evidence_digest", "AB" * 32, "ab" * 32),
    ],
)
def test_cells(name: str, cell: Any, value: Any) -> None:
    assert read(name, cell) == value


def test_structured_cells() -> None:
    partner = {"name": "示例单位", "credit_code": "12620700MB12345671"}
    assert read("co_registrants", "示例单位（12620700MB12345671）") == [partner]
    assert read("co_registrants", "示例单位") == "cell_not_partner"
    items = [{"name": "线路", "type": "文本", "description": "名称", "personal": False}, {"name": "站点"}]
    assert read("data_items", "线路：文本：名称：否\n站点") == items
    assert read("not_applicable", "产品和服务信息：不涉及产品") == {"product": "不涉及产品"}
    assert read("not_applicable", "不适用") == "cell_not_group"


def test_one_bad_cell_keeps_the_others() -> None:
    reading = read_cells(map_headings(["name", "record_count", "grade"]), ["甲数据", "许多", "一般数据"])
    assert reading.content == {"name": "甲数据", "grade": "general"}
    assert [(f.code, f.field) for f in reading.findings] == [("cell_not_integer", "record_count")]


def test_short_and_long_rows() -> None:
    columns = map_headings(["name", "intro"])
    assert read_cells(columns, ["甲"]).content == {"name": "甲"}
    assert read_cells(columns, ["甲", "", "多余"]).content == {"name": "甲"}


def test_objects_keep_their_structure_and_tell_unknown_keys() -> None:
    items = [{"name": " 线路 ", "personal": True}]
    reading = read_object({"登记数据名称": "甲", "data_items": items, "extra": 1, "grade": None})
    assert reading.content == {"name": "甲", "data_items": [{"name": "线路", "personal": True}]}
    assert reading.unknown == ("extra",)


def test_the_example_row_is_marked() -> None:
    assert read_cells(map_headings(["行标记", "name"]), ["示例", "甲"]).example
    assert not read_cells(map_headings(["行标记", "name"]), ["", "示例"]).example


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), json, max_size=6))
def test_whatever_an_object_holds_never_breaks_the_reader(value: dict[str, Any]) -> None:
    reading = read_object(value)
    assert reading.content.keys() <= FIELDS.keys()
    schema_findings(reading.content)


@given(
    st.sampled_from(sorted(FIELDS)), st.text(max_size=40) | st.floats() | st.datetimes() | st.dates() | st.booleans()
)
def test_whatever_a_cell_holds_never_breaks_the_reader(name: str, cell: Any) -> None:
    reading = read_cells(map_headings([name]), [cell])
    assert reading.content.keys() <= {name}
    for finding in reading.findings:
        finding.message.format(**finding.params)
        finding.fix.format(**finding.params)
