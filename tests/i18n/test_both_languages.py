"""Pages, answers, commands, messages and reports come out in the language asked for, wholly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from dengji.cli import output
from dengji.cli.main import main, names
from dengji.imports import report
from dengji.law import checks
from dengji.law.codes import DIVISIONS
from dengji.law.rulebook import vocabulary
from dengji.law.wording import in_english
from dengji.notify.messages import MESSAGES, OBJECTS
from dengji.notify.selectors import text
from dengji.parties import services as parties
from dengji.registration.api.base import act_label, say, state_label
from dengji.registration.models import Registration
from dengji.registration.services.suppression import SUPPRESSED_NAME
from tests.catalogue import kit
from tests.factories import world as w

CHINESE = re.compile("[\u4e00-\u9fff]")
QUOTED = re.compile("“[^”]*”|《[^》]*》")
EN, ZH = {"Accept-Language": "en-GB,en;q=0.9"}, {"Accept-Language": "zh-CN"}


@pytest.fixture(autouse=True)
def _unlimited(settings: Any) -> Any:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.DENGJI_RATE_LIMITS = False
    yield
    output.use_language("zh")
    translation.activate("zh-hans")


def chinese(told: str) -> str:
    """What is Chinese in a text, quotations left out."""
    return " ".join(CHINESE.findall(QUOTED.sub("", told)))


def test_the_home_page_in_both_languages(db: None) -> None:
    client = Client()
    english = client.get("/", headers=EN).content.decode()
    assert '<html lang="en">' in english and "Public notices" in english and "Demonstration data" in english
    assert not chinese(english.replace("中文", ""))
    again = client.get("/", headers=ZH).content.decode()
    assert '<html lang="zh-hans">' in again and "登记公示" in again and "Public notices" not in again


def test_suppressed_content_is_told_in_the_visitors_language(db: None) -> None:
    world = w.build()
    w.registered(world, title="城市客运线路")
    kit.catch_up()
    page = Client().get("/", headers=EN).content.decode()
    assert re.search(r'<td lang="zh-Hans"><a href="/r/[^"]*">[^<]*城市客运线路</a></td>', page)
    Registration.objects.update(name=SUPPRESSED_NAME, registrant_name=SUPPRESSED_NAME)
    page = Client().get("/", headers=EN).content.decode()
    assert "(content lawfully suppressed)" in page and not chinese(page.replace("中文", ""))
    assert SUPPRESSED_NAME in Client().get("/", headers=ZH).content.decode()


def test_a_language_once_chosen_stays(db: None) -> None:
    client = Client()
    assert "Public notices" in client.get("/?lang=en", headers=ZH).content.decode()
    assert "Public notices" in client.get("/", headers=ZH).content.decode()
    assert "Public notices" not in client.get("/?lang=zh-hans", headers=EN).content.decode()
    assert "Public notices" in Client().get("/?lang=xx", headers=EN).content.decode()


def test_a_page_that_does_not_exist_says_so_in_both_languages(db: None) -> None:
    answer = Client().get("/nowhere", headers=EN)
    assert answer.status_code == 404 and "Page not found" in answer.content.decode()
    assert not chinese(answer.content.decode().replace("中文", ""))
    assert "找不到此页" in Client().get("/nowhere", headers=ZH).content.decode()


def test_an_internal_error_has_a_page_in_both_languages(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dengji.web.views.home_figures", lambda: 1 // 0)
    client = Client(raise_request_exception=False)
    answer = client.get("/", headers=EN)
    assert answer.status_code == 500 and "Internal error" in answer.content.decode()
    assert "系统内部错误" in client.get("/", headers=ZH).content.decode()


def test_the_evidence_page_in_english(db: None) -> None:
    page = Client().get("/evidence/", headers=EN, follow=True)
    assert page.status_code == 200 and not chinese(page.content.decode().replace("中文", ""))


def test_an_error_of_the_api_in_both_languages(db: None) -> None:
    client = Client()
    english = client.get("/api/v1/registrations/none", headers=EN)
    assert english.json()["title"] == "What you asked for does not exist, or you may not see it"
    assert english.json()["demonstration"] == "Demonstration data, not a registration result"
    assert english["Content-Language"] == "en"
    same = client.get("/api/v1/registrations/none", headers=ZH)
    assert same.json()["title"] == "找不到所请求的内容，或您无权查看" and same.json()["code"] == english.json()["code"]
    members = client.get("/api/v1/registrations?limit=0&state=none", headers=EN).json()
    assert members["errors"] and not chinese(str(members))


def test_the_findings_of_a_refused_application_in_english(db: None) -> None:
    world = w.build()
    token = parties.create_token(actor=parties.OPERATOR, person=world.people["clerk"], label="test")
    pk = w.draft(world, fields={"intro": "短", "grade": "core", "volume_value": 3, "scenarios": None})
    answer = Client().post(
        f"/api/v1/applications/{pk}/acts/submit_for_business_review",
        content_type="application/json",
        headers={**EN, "Authorization": f"Bearer {token}", "Idempotency-Key": w.tid()},
    )
    assert answer.status_code == 422 and answer.json()["code"] == "findings", answer.content
    found = answer.json()["findings"]
    assert len(found) > 2
    told = [(one["message"], one["fix"]) for one in found]
    quoted = [part for message, _ in told for part in QUOTED.findall(message)]
    assert quoted and not any(CHINESE.search(part) for part in quoted), quoted
    assert not chinese(" ".join(message for message, _ in told))


def test_the_procedure_and_roles_in_english(db: None) -> None:
    assert not chinese(Client().get("/api/v1/procedure", headers=EN).content.decode())
    assert "受理" in Client().get("/api/v1/procedure", headers=ZH).content.decode()


@pytest.mark.parametrize("command", sorted(names()))
def test_the_help_of_every_command_in_english(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--lang", "en", "--help"]) == 0
    told = capsys.readouterr().out
    assert len(told) > 100 and not chinese(told)


def test_the_overview_of_commands_in_english(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--lang", "en", "--help"])
    told = capsys.readouterr().out
    assert told.startswith("Public-data-resource registration platform") and not chinese(told)


def test_errors_and_findings_of_the_command_in_english(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense", "--lang", "en"]) == 2
    assert capsys.readouterr().err.startswith("Error [usage] There is no command named nonsense")
    assert main(["check", '{"name": "x", "evidence_digest": "0", "registrant_type": 5}', "--lang", "en"]) == 1
    told = capsys.readouterr().out
    assert "“Digest” is not in the required form" in told and not chinese(told)
    assert main(["check", '{"name": "x", "evidence_digest": "0"}', "--lang", "zh"]) == 1
    assert "“存证摘要”不符合格式要求" in capsys.readouterr().out


@pytest.mark.parametrize("event", sorted(MESSAGES))
def test_every_message_to_people_in_english(event: str) -> None:
    params = {"serial": "", "code": "c", "deadline": "2026-01-05", "provisional": True}
    params |= {"days": 9, "valid_to": "2026-02-01", "version": 2}
    for kind in OBJECTS:
        with translation.override("en"):
            subject, body = text(event, kind, params, "why")
        assert not chinese(subject + body) and "{" not in body
        with translation.override("zh-hans"):
            assert CHINESE.search(text(event, kind, params, "why")[0])


def test_a_report_of_an_import_says_all_in_both_languages() -> None:
    spec = checks.SPECS["material_any_of"]
    labels = vocabulary("material")["commitment_letter"]
    told = report.words({"code": spec.code, "params": {"labels": f"{labels['zh']}、不明材料"}})
    assert told["message"].endswith(f"{labels['zh']}、不明材料")
    assert told["message_en"].endswith(f"{labels['en']}, 不明材料")


def test_words_of_the_form_are_translated_and_words_of_people_are_not() -> None:
    division = DIVISIONS["05"]
    given = {"label": "数据格式", "chosen": f"{division.name}、农业", "name": "数据格式", "value": "农业", "limit": 3}
    assert in_english(given, lambda word: word) == {
        "label": "Data format",
        "chosen": f"{division.name_en}, Farming",
        "name": "数据格式",
        "value": "农业",
        "limit": 3,
    }
    assert in_english({"label": "表外"}, {"表外": "elsewhere"}.__getitem__) == {"label": "elsewhere"}


def test_params_follow_the_language_of_the_caller() -> None:
    with translation.override("en"):
        assert say("缺少“{label}”", {"label": "数据格式"}) == "“Data format” is missing"
    with translation.override("zh-hans"):
        assert say("缺少“{label}”", {"label": "数据格式"}) == "缺少“数据格式”"


def test_an_act_and_the_state_it_leads_to_are_told_apart() -> None:
    with translation.override("en"):
        assert (act_label("decline"), state_label("application", "DECLINED")) == ("Decline", "Declined")
        assert act_label("accept") == "Accept"
    with translation.override("zh-hans"):
        assert act_label("decline") == state_label("application", "DECLINED") == "不予受理"
