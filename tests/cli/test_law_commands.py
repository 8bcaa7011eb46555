"""Working days, rules and the checks of a record: no database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dengji.law import rulebook
from dengji.law.rulebook import KEYS
from tests.cli.harness import Command


@pytest.fixture
def dengji(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-09-17", 10, "2026-10-08"),
        ("2026-09-18", 10, "2026-10-09"),
        ("2026-09-20", 10, "2026-10-10"),
        ("2026-09-21", 10, "2026-10-12"),
        ("2025-01-20", 5, "2025-01-26"),
    ],
)
def test_working_days_are_added(dengji: Command, start: str, days: int, expected: str) -> None:
    assert dengji("workdays", "add", start, days).out.split() == [expected]
    assert dengji.data("workdays", "add", start, days)["provisional"] is False


def test_a_year_not_yet_published_is_provisional(dengji: Command) -> None:
    assert "暂定" in dengji("workdays", "add", "2027-03-01", 10).out
    assert dengji.data("workdays", "add", "2027-03-01", 10)["provisional"] is True


def test_working_days_between_two_days(dengji: Command) -> None:
    assert dengji("workdays", "between", "2026-09-17", "2026-10-08").out.split() == ["10"]
    assert dengji.data("workdays", "between", "2026-10-08", "2026-09-17")["working_days"] == -10


@pytest.mark.parametrize(
    "words",
    [
        ("add", "2026-9-1", "1"),
        ("add", "1066-10-14", "1"),
        ("add", "2026-09-17", "-1"),
        ("between", "2026-09-17", "x"),
        ("add", "2099-12-30", "50"),
    ],
)
def test_what_is_no_day_of_the_calendar_is_wrong_use(dengji: Command, words: tuple[str, ...]) -> None:
    answer = dengji("workdays", words[0], *(["--", *words[1:]] if words[-1].startswith("-") else words[1:]), "--json")
    assert answer.code == 2


def test_rules_show_every_value_with_its_citation(dengji: Command) -> None:
    shown = dengji.data("rules", "show", "cn-tj")
    assert [v["key"] for v in shown["values"]] == list(KEYS)
    assert all(v["cite"] and v["sure"] in ("read", "excerpt", "assumed") for v in shown["values"])
    assert shown["digest"] == rulebook.load("cn-tj").digest
    text = dengji("rules", "show", "cn-tj").out
    assert all(key in text for key in KEYS)
    assert "第十条" in text


def test_rules_show_only_what_is_asked_for(dengji: Command) -> None:
    own = dengji.data("rules", "show", "cn-tj", "--own")["values"]
    assert {v["set_by"] for v in own} == {"cn-tj"}
    some = dengji.data("rules", "show", "cn", "--key", "limits.")["values"]
    assert {v["key"].partition(".")[0] for v in some} == {"limits"}


def test_rules_list_names_every_shipped_rulebook(dengji: Command) -> None:
    assert [b["id"] for b in dengji.data("rules", "list")] == rulebook.ids()


def test_rules_diff_names_exactly_what_differs(dengji: Command) -> None:
    differences = dengji.data("rules", "diff", "cn-tj", "cn")["differences"]
    one, other = rulebook.load("cn-tj"), rulebook.load("cn")
    assert {d["key"] for d in differences} == {k for k in KEYS if one.get(k) != other.get(k)}
    assert dengji.data("rules", "diff", "cn", "cn")["differences"] == []


def test_an_unknown_rulebook_is_wrong_use(dengji: Command) -> None:
    answer = dengji("rules", "show", "cn-nowhere", "--json")
    assert (answer.code, answer.error["code"]) == (2, "unknown_rulebook")


def test_a_record_is_checked_from_a_file(dengji: Command, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps({"name": "数据", "data_type": "resource"}), "utf-8")
    answer = dengji("check", f"@{file}", "--rulebook", "cn-gs", "--json")
    assert answer.code == 1
    assert answer.data["passed"] is False
    assert {f["field"] for f in answer.data["findings"]} >= {"intro", "registrant_name"}
    assert all(f["message"] and f["fix"] for f in answer.data["findings"])
    assert "不能提交" in dengji("check", file).out


def test_materials_are_asked_for_where_some_are_named(dengji: Command, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps({"name": "数据", "data_type": "resource"}), "utf-8")
    without = dengji("check", file, "--json").data["findings"]
    some = dengji("check", file, "--material", "commitment_letter", "--json").data["findings"]
    assert not [f for f in without if f["code"].startswith("material_")]
    assert [f for f in some if f["code"] == "material_missing"]


@pytest.mark.parametrize("text", ["{", "[]", "7"])
def test_what_is_no_record_is_wrong_use(dengji: Command, tmp_path: Path, text: str) -> None:
    file = tmp_path / "record.json"
    file.write_text(text)
    assert dengji("check", file).code == 2


def test_a_missing_file_is_told(dengji: Command, tmp_path: Path) -> None:
    answer = dengji("check", tmp_path / "none.json", "--json")
    assert (answer.code, answer.error["code"]) == (3, "io_error")
