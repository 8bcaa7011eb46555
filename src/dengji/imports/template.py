"""The workbook to fill in: headings with notes, drop-down lists, an example row marked 示例, a sheet on every field."""

from __future__ import annotations

import io
from typing import Any

import xlsxwriter

from dengji.core.errors import N_
from dengji.law.codes import DIVISIONS
from dengji.law.record import FIELDS, GROUPS, Field

from .cells import ADOPTION, LEVELS
from .columns import EXAMPLE

_ROWS = 5000
_LIST_LIMIT = 250
_MARK = "行标记"
_LISTS = frozenset({"array"})
#: How structured cells are written, for the notes.
_HOW = {
    "co_registrants": N_("按“单位名称（信用代码）”填写，多个以；分隔"),
    "data_items": N_("每项一行或以；分隔，按“名称：类型：说明：是否个人信息”填写"),
    "not_applicable": N_("按“材料组：理由”填写，多个以；分隔"),
    "industries": N_("两位大类代码或大类全称，多个以；分隔"),
    "coverage_regions": N_("六位代码或全称，多个以；分隔"),
    "evidence_time": N_("按 2025-01-31 09:30:00 填写，北京时间"),
}
_SAMPLES: dict[str, Any] = {
    "name": "甘肃省张掖市-道路运输业-城市客运信息",
    "intro": "该数据资源为示例单位在提供城市客运服务过程中产生，包含线路名称、停靠站等具体信息，可用于出行查询。",
    "registrant_name": "示例单位",
    "registrant_credit_code": "（18位信用代码）",
    "registrant_region": "620700",
    "collection_basis": "《中华人民共和国道路运输条例》",
    "duty_basis": "城市客运管理",
    "industries": "54",
    "coverage_regions": "620700",
    "record_count": 120,
    "evidence_digest": "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b",
    "evidence_time": "2025-01-02 03:04:05",
    "scenarios": "公众出行查询",
    "risk_assessment_conclusion": "风险可控",
    "coverage_start": "2025-01-01",
}
_ADOPTED_SAMPLES = {
    "serial": "20250301000001",
    "code": "（原查询码）",
    "coded_on": "2025-03-20",
    "valid_to": "2028-03-19",
    "agency_name": "示例登记机构",
}


def template(data_type: str = "resource", *, adoption: bool = False) -> bytes:
    """Return an .xlsx workbook for one data type; `adoption` adds the columns of already registered records.

    Raises KeyError for an unknown data type.
    """
    label = FIELDS["data_type"].labels[data_type]["zh"]
    fields = [f for f in FIELDS.values() if data_type in f.data_types and not (adoption and f.personal)]
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        _fill_sheet(book, fields, data_type, adoption)
        _explain(book, fields, label, adoption)
    return buffer.getvalue()


def _fill_sheet(book: Any, fields: list[Field], data_type: str, adoption: bool) -> None:
    sheet = book.add_worksheet("填报")
    head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "top"})
    must = book.add_format({"bold": True, "bg_color": "#FCE4D6", "border": 1, "text_wrap": True, "valign": "top"})
    text = book.add_format({"num_format": "@"})
    sheet.freeze_panes(1, 1)
    sheet.write_string(0, 0, _MARK, head)
    sheet.write_comment(0, 0, f"填“{EXAMPLE}”的行不导入")
    sheet.write_string(1, 0, EXAMPLE)
    column = 1
    if adoption:
        for name, (zh, _en, kind, required) in ADOPTION.items():
            sheet.set_column(column, column, 18, text)
            sheet.write_string(0, column, zh, must if required else head)
            if kind == "choice":
                _choices(sheet, column, list(LEVELS.values()))
            sheet.write(1, column, _ADOPTED_SAMPLES.get(name, ""))
            column += 1
    for field in fields:
        sheet.set_column(column, column, 24 if field.kind == "string" else 16, text)
        sheet.write_string(0, column, field.label, must if field.required_for else head)
        if note := _note(field):
            sheet.write_comment(0, column, note, {"x_scale": 2})
        if field.kind == "boolean":
            _choices(sheet, column, ["是", "否"])
        elif field.labels and field.kind not in _LISTS:
            _choices(sheet, column, [row["zh"] for row in field.labels.values()])
        sheet.write(1, column, _sample(field, data_type))
        column += 1


def _choices(sheet: Any, column: int, choices: list[str]) -> None:
    if len(",".join(choices)) <= _LIST_LIMIT:
        sheet.data_validation(1, column, _ROWS, column, {"validate": "list", "source": choices})


def _sample(field: Field, data_type: str) -> Any:
    if field.name == "data_type":
        return field.labels[data_type]["zh"]
    if field.name in _SAMPLES:
        return _SAMPLES[field.name]
    if field.kind == "boolean" and field.name in ("contains_personal", "within_authorised_operation"):
        return "否"
    return next(iter(field.labels.values()))["zh"] if field.labels and field.required_for else ""


def _note(field: Field) -> str:
    parts = [field.note, _HOW.get(field.name, "")]
    if field.labels and field.kind in _LISTS:
        parts.append("可多选，以；分隔：" + "、".join(row["zh"] for row in field.labels.values()))
    if field.max_length:
        parts.append(f"至多 {field.max_length} 字")
    return "；".join(part for part in parts if part)


def _explain(book: Any, fields: list[Field], label: str, adoption: bool) -> None:
    sheet = book.add_worksheet("填写说明")
    bold = book.add_format({"bold": True})
    sheet.set_column(0, 5, 28)
    sheet.write_row(
        0, 0, [f"登记类型：{label}", "表头可用中文、英文或字段名；列的顺序不限；无须填写的列可以删除"], bold
    )
    sheet.write_row(1, 0, ["表头", "English", "字段名", "必填", "说明", "Note"], bold)
    line = 2
    if adoption:
        for name, (zh, en, _kind, required) in ADOPTION.items():
            sheet.write_row(
                line, 0, [zh, en, name, "是" if required else "", "原登记平台的记载", "As first registered"]
            )
            line += 1
    for field in fields:
        group = GROUPS[field.group]["zh"]
        sheet.write_row(
            line,
            0,
            [field.label, field.label_en, field.name, "是" if field.required_for else "", _note(field) or group,
             field.note_en],
        )  # fmt: skip
        line += 1
    codes = book.add_worksheet("行业大类")
    codes.set_column(1, 2, 44)
    codes.write_row(0, 0, ["代码", "名称", "English"], bold)
    for number, row in enumerate(DIVISIONS.values(), 1):
        codes.write_row(number, 0, [row.code, row.name, row.name_en])
