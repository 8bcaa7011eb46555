"""The example: real dates come out of ordinary acts, side stories end as told, nothing loads twice or by half."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from dengji.cli import story
from dengji.cli.commands import demo
from dengji.cli.story import facts
from dengji.core import clock, node
from dengji.core.errors import DomainError
from dengji.law import rulebook
from dengji.law.calendar import shanghai_date
from dengji.law.codes import validate_credit_code
from dengji.ledger.models import Pending
from dengji.parties.models import Organisation, Register, Token
from dengji.parties.selectors import actor_for_token
from dengji.registration.models import Application, Decision, Objection, Registration, RegistrationVersion
from dengji.registration.projection import differences

MARK = "演示数据 非登记结果"


def arguments(**more: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"json": False, "tokens": False, **more})


def events(found: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return next(one["events"] for one in found["stories"] if one["key"] == key)


def ending(found: Mapping[str, Any], key: str, act: str, name: str) -> Any:
    return [e[name] for e in events(found, key) if e["act"] == act and name in e][-1]


def refusals(found: Mapping[str, Any], key: str) -> list[str]:
    return [event["refused"] for event in events(found, key) if "refused" in event]


@pytest.mark.long
def test_the_example_is_loaded_once_with_the_real_dates(
    demonstration: None, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Mapping[str, Any]] = []
    found = story.load(seen.append)
    assert not found["already_loaded"] and found["all_as_published"]
    _check_real_records(found)
    _check_side_stories(found)
    _check_marks(found)
    assert {event["story"] for event in seen} >= {record.key for record in facts.RECORDS}
    assert abs(clock.legal_now() - clock.real_now()) < timedelta(minutes=1), (
        "the demonstration now runs on today's date"
    )
    _check_again(capsys)


def _check_real_records(found: Mapping[str, Any]) -> None:
    ends = {r["published_serial"]: (r["notice_opened"], r["last_day"]) for r in found["records"]}
    assert len(ends) == 12
    for record in facts.RECORDS:
        opened, last_day = ends[record.published_serial]
        assert opened >= record.notice_from
        assert shanghai_date(opened) == shanghai_date(record.notice_from)
        assert last_day == record.last_day == shanghai_date(record.notice_to)
    counts = {day: sum(last == day for _, last in ends.values()) for day in {last for _, last in ends.values()}}
    assert counts == {
        date(2026, 10, 8): 6,
        date(2026, 10, 9): 1,
        date(2026, 10, 10): 3,
        date(2026, 10, 12): 2,
    }
    for told in found["records"]:
        row = Registration.objects.get(code=told["code"])
        assert told["state"] == "REGISTERED" and row.state == "VALID"
        assert row.coded_on == told["last_day"] + timedelta(days=1)
        assert told["serial"][:8] == told["published_serial"][:8], "submitted on the day of the published serial"
        acts = Decision.objects.filter(object_id=row.applications.get(kind="first").pk).order_by("n")
        names = [d.act for d in acts]
        assert (names[0], names[-1]) == ("create_application", "assign_code")
        assert [d.at for d in acts] == sorted(d.at for d in acts)


def _check_side_stories(found: Mapping[str, Any]) -> None:
    assert [e["act"] for e in events(found, "supplement")].count("submit") == 2
    assert refusals(found, "supplement") == ["file_type"]
    assert ending(found, "supplement", "assign_code", "state") == "REGISTERED"
    assert ending(found, "decline", "decline", "state") == "DECLINED"
    assert ending(found, "objections", "uphold", "application_state") == "TERMINATED"
    assert refusals(found, "objections") == ["no_open_objection"]
    assert sorted(Objection.objects.values_list("state", flat=True)) == ["DISMISSED", "UPHELD"]
    first, again = [e["last_day"] for e in events(found, "suspension") if e["act"] in ("open_notice", "resume_notice")]
    assert (str(first), str(again)) == ("2026-10-13", "2026-10-22")
    assert _versions(found, "change") == 2 and refusals(found, "change") == ["renewal_window"]
    assert _versions(found, "rectification") == 2
    assert {e["role"] for e in events(found, "rectification") if e["act"] == "submit"} == {
        "business_reviewer",
        "citizen",
    }
    assert str(ending(found, "renewal", "assign_code", "valid_to")) == "2026-11-18"
    assert str(ending(found, "renewal", "complete", "valid_to")) == "2027-02-18"
    assert refusals(found, "expiry") == ["expired", "agency_confirms"]
    assert "expired" in ending(found, "expiry", "clock_marks", "marks")
    assert ending(found, "expiry", "cancel", "state") == "CANCELLED"
    assert refusals(found, "revocation") == ["investigated"]
    assert ending(found, "revocation", "revoke", "state") == "REVOKED"
    hidden = Registration.objects.get(code=ending(found, "suppression", "assign_code", "code"))
    assert "志愿" not in hidden.name and RegistrationVersion.objects.get(registration=hidden).fields == {}
    assert set(found["counts"]["application"]) >= {"DRAFT", "SUBMITTED", "UNDER_REVIEW", "NOTICE", "REGISTERED"}
    for model in (Application, Registration, Objection):
        assert all(differences(row) == {} for row in model.objects.all())
    assert not Pending.objects.exists(), "every entry has its place in the log"


def _versions(found: Mapping[str, Any], key: str) -> int:
    return Registration.objects.get(code=ending(found, key, "complete", "code")).versions.count()


def _check_marks(found: Mapping[str, Any]) -> None:
    assert found["origin"].startswith("demo.")
    assert all(code.startswith("DEMO-") for code in Registration.objects.values_list("code", flat=True))
    for unit in Organisation.objects.all():
        assert unit.example and validate_credit_code(unit.credit_code) == unit.credit_code
    real = {record.name for record in facts.RECORDS}
    for name, registrant in Application.objects.values_list("name", "registrant_name"):
        assert name in real or "示例" in f"{name}{registrant}" or "屏蔽" in name
    platform = next(r for r in found["records"] if r["key"] == "command_platform")
    assert platform["content"] == "example"
    assert {"system_as_resource", "sensitive_word"} <= set(platform["findings"])
    assert refusals(found, "command_platform") == ["hits_cleared"]
    text = list(demo.lines(found))
    assert MARK in text[0] and MARK in text[-1]
    assert sum("✓" in line for line in text) == 12


def _check_again(capsys: pytest.CaptureFixture[str]) -> None:
    before = Decision.objects.count(), Register.objects.count()
    assert demo.run(arguments(json=True)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["already_loaded"] and told["demonstration"] == MARK
    assert [r["last_day"] for r in told["records"]] == [r["expected_last_day"] for r in told["records"]]
    assert (Decision.objects.count(), Register.objects.count()) == before
    assert "tokens" not in told and not Token.objects.exists()
    said: list[tuple[str, str]] = []
    assert demo.load(lambda zh, en: said.append((zh, en)))["already_loaded"]
    assert MARK in said[-1][0] and "Demonstration" in said[-1][1]
    assert demo.run(arguments(json=True, tokens=True)) == 0
    tokens = json.loads(capsys.readouterr().out)["tokens"]
    acceptor = actor_for_token(tokens["demo-acceptor"])
    assert acceptor is not None and acceptor.kinds() == {"acceptor"}
    assert tokens.keys() == {account.username for account in facts.ACCOUNTS}


def test_a_story_that_breaks_leaves_nothing_behind(demonstration: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from dengji.cli.story import stories

    def breaks(scene: Any) -> Any:
        yield stories.at("2026-09-17", "11:30")
        raise RuntimeError("broken")

    monkeypatch.setitem(stories.STORIES, "decline", (breaks, "示例", "Example"))
    with pytest.raises(RuntimeError, match="broken"):
        story.load()
    assert not Register.objects.exists() and not Decision.objects.exists()
    assert clock.legal_now() - facts.LEGAL_START < timedelta(minutes=5), "the clock has not moved either"


def test_production_refuses_the_example_for_ever(unfounded: None) -> None:
    node.found("example.gov.cn", demonstration=False)
    with pytest.raises(DomainError) as refused:
        story.load()
    assert refused.value.code == "demonstration_only"
    assert not Register.objects.exists()


def test_a_clock_that_has_passed_the_dates_is_told_so(committed: str) -> None:
    with pytest.raises(DomainError) as refused:
        demo.load(lambda zh, en: None)
    assert refused.value.code == "demo_clock_passed"
    assert not Register.objects.exists() and not Application.objects.exists()


def test_a_fresh_database_becomes_a_demonstration(unfounded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from dengji.cli.story import telling

    monkeypatch.setattr(telling, "_perform", lambda world, report: [])
    assert story.load()["origin"].startswith("demo.")
    assert clock.legal_now() - facts.LEGAL_START < timedelta(minutes=5)


def test_the_table_of_facts_is_packaged_and_fits_the_rules() -> None:
    shown = Path(__file__).parents[2] / "examples" / "records.toml"
    packaged = Path(facts.__file__).with_name("records.toml")
    assert shown.resolve() == packaged.resolve()
    rules = rulebook.load("cn-gs")
    for record in facts.RECORDS:
        assert rules.get("record.intro_min") <= len(record.intro) <= rules.get("record.intro_max")
        assert record.drafted < record.notice_from and record.notice_from > facts.LEGAL_START
    assert {row["registrant"] for row in facts.OTHERS} == {"卢龙县医疗保障局", "武昌区经科局（数据局）"}
    assert all(account.name.startswith("示例") for account in facts.ACCOUNTS)
