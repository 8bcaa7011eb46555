"""The workbook to fill in can be imported; the report can be opened without harm."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest

from dengji.core.tables import read
from dengji.imports.checking import Plan, checked
from dengji.imports.columns import map_headings
from dengji.imports.faults import SPECS
from dengji.imports.report import HEADINGS, OUTCOMES, Result, compact, lines, safe, words
from dengji.imports.template import template
from dengji.law import calendar, checks, rulebook
from dengji.law.checks import Context
from dengji.law.record import FIELDS


@pytest.mark.parametrize("data_type", ["resource", "product", "open"])
@pytest.mark.parametrize("adoption", [False, True])
def test_the_template_has_every_field_and_imports_nothing_by_itself(data_type: str, adoption: bool) -> None:
    data = template(data_type, adoption=adoption)
    columns = map_headings(read(io.BytesIO(data)).headings, adoption=adoption)
    wanted = {f.name for f in FIELDS.values() if data_type in f.data_types and not (adoption and f.personal)}
    named = {name for _, name in columns.taken}
    assert columns.unknown == () and wanted <= named
    assert ("code" in named) == adoption
    from datetime import date

    plan = Plan(adoption, data_type, rulebook.load("cn"), calendar.load(), date(2026, 1, 1), credit_code="x")
    rows = [row for batch in checked(io.BytesIO(data), plan) for row in batch if row.number]
    assert [row.example for row in rows] == [True]


def test_the_template_offers_choices_and_explains() -> None:
    with zipfile.ZipFile(io.BytesIO(template())) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
        assert "公共数据资源,公共数据产品和服务,开放数据资源" in sheet and "是,否" in sheet
        assert any("comments" in name for name in book.namelist())
    for field in FIELDS.values():
        if "resource" in field.data_types:
            assert field.label in texts and field.label_en.replace("&", "&amp;") in texts


def report(*results: Result) -> list[list[str]]:
    text = "".join(lines(results))
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:])))


def test_the_report_has_a_line_for_each_finding() -> None:
    (finding,) = [
        f
        for f in checks.run({"data_type": "resource", "registrant_credit_code": "1" * 18}, CONTEXT)
        if f.code == "credit_code"
    ]
    rows = report(
        Result(2, "passes"),
        Result(
            3,
            "refused",
            None,
            [compact(finding), compact(SPECS["cell_not_date"].at("coverage_start", label="覆盖时间起", value="去年"))],
        ),
    )
    assert rows[0] == list(HEADINGS) and [row[0] for row in rows[1:]] == ["2", "3", "3"]
    assert rows[1][1:3] == list(OUTCOMES["passes"])
    assert rows[2][4:8] == ["统一社会信用代码", "registrant_credit_code", "error", "credit_code"]
    assert "去年" in rows[3][8] and rows[3][9]


CONTEXT = Context(
    rulebook.load("cn"), "first", __import__("datetime").date(2026, 1, 1), None, frozenset(), (), calendar.load()
)


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_the_report_is_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"
    finding = SPECS["cell_not_date"].at("coverage_start", label="x", value="y")
    stored = compact(finding) | {"field": text}
    for row in report(Result(2, "refused", None, [stored])):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_a_text_that_looks_like_a_pattern_is_kept() -> None:
    stored = compact(SPECS["cell_not_date"].at("coverage_start", label="覆盖时间起", value="{0}{x}"))
    assert "{0}{x}" in words(stored)["message"]


@pytest.mark.parametrize("code", sorted(SPECS))
def test_every_import_finding_says_how_to_mend_it(code: str) -> None:
    assert SPECS[code].fix and SPECS[code].message and SPECS[code].severity in ("error", "warning")
