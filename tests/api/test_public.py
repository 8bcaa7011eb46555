"""What anyone may read, and what stays closed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import trans_real

from dengji.core import node
from dengji.law.visibility import visible_fields
from dengji.registration import services
from dengji.web.marks import DEMONSTRATION
from tests.api.conftest import Callers
from tests.api.test_errors import problem
from tests.catalogue import kit
from tests.factories import world as w

PERSONAL = ("13800000000", "example@example.com", "示例经办人")


def revoke(world: w.World, registration: str) -> None:
    """Revoke a registration by the book."""
    supervisor = world.actor("agency_supervisor")
    for kind in ("revocation_investigation", "registrant_statement"):
        services.add_material(
            actor=supervisor,
            transaction_id=w.tid(),
            owner_kind="registration",
            owner_id=registration,  # type: ignore[arg-type]
            kind=kind,
            upload=services.Upload(f"{kind}.pdf", w.PDF),
        )
    services.revoke(
        actor=supervisor,
        transaction_id=w.tid(),
        registration_id=registration,  # type: ignore[arg-type]
        ground="false_materials",
        reason="示例理由",
    )


def test_a_code_shows_its_page_and_a_revoked_one_its_tombstone(callers: Callers) -> None:
    coded = w.registered(callers.world)
    page = callers.public.get(f"registrations/{coded['code']}").json()
    assert page["state_label"] == "有效" and page["agency_name"] == "示例登记中心" and page["expired"] is False
    assert set(page["fields"]) <= set(visible_fields("page")) and page["fields"]["industries"] == ["54"]
    assert [v["number"] for v in page["versions"]] == [1]
    local = callers.public.get(f"registrations/{page['local_number']}").json()
    assert local["code"] == coded["code"]
    revoke(callers.world, coded["registration"])
    stone = callers.public.get(f"registrations/{coded['code']}").json()
    assert stone["state"] == "REVOKED" and stone["ground"] == "false_materials" and stone["ended_on"]
    assert stone["fields"] == {} and stone["name"] == page["name"]
    problem(callers.public.get("registrations/DEMO-none"), 404, "not_found")


def test_suppressed_content_shows_the_ground_and_no_word(callers: Callers) -> None:
    coded = w.registered(callers.world, title="须屏蔽的名称")
    done = callers["agency_supervisor"].post(
        f"registrations/{coded['registration']}/acts/suppress_content",
        {"ground": "authority_order", "authority": "示例机关", "reason": "示例理由"},
    )
    assert done.status_code == 200, done.content
    page = callers.public.get(f"registrations/{coded['code']}").json()
    kit.catch_up()
    listed = callers.public.get("registrations", {"state": "VALID"}).json()["items"][0]
    assert page["suppressed"] == listed["suppressed"] == "authority_order"
    assert page["fields"] == listed["fields"] == {} and "须屏蔽" not in str(page) + str(listed)
    assert page["versions"][0]["suppressed"] is True


def test_a_notice_shows_the_statutory_items_only_while_it_runs(callers: Callers) -> None:
    world, pk = callers.world, w.draft(callers.world)
    notice = w.advance(world, pk, "open_notice")["notice"]
    shown = callers.public.get(f"notices/{notice}").json()
    assert set(shown["fields"]) == {"data_type", "name", "intro", "registrant_name"}
    assert shown["serial"] and shown["first_day"] < shown["last_day"]
    ground = {"ground": "state_secret", "reason": "示例理由"}
    done = callers["agency_supervisor"].post(f"applications/{pk}/acts/suspend_notice", ground)
    assert done.status_code == 200, done.content
    hidden = callers.public.get(f"notices/{notice}").json()
    assert hidden["state"] == "SUSPENDED" and hidden["fields"] is None
    assert callers.public.get("notices").json()["items"] == []


def test_an_objector_without_an_account_follows_and_retracts_by_key(callers: Callers) -> None:
    world, pk = callers.world, w.draft(callers.world)
    notice = w.advance(world, pk, "open_notice")["notice"]
    body = {
        "objector_kind": "person",
        "identity": {"name": "示例异议人", "document_type": "resident_id", "document_number": "620000190001010000"},
        "relation": "数据提供方",
        "grounds": "示例理由",
        "evidence": [{"name": "a.pdf", "data": "!!!"}],
    }
    path = f"notices/{notice}/objections"
    problem(callers.public.post(path, body), 422, "invalid_input")
    body["evidence"] = [{"name": "a.pdf", "data": "JVBERi0xLjcKMSAwIG9iajw8Pj5lbmRvYmoKdHJhaWxlcjw8Pj4KJSVFT0YK"}]
    key = w.tid()
    lodged = callers.public.post(path, body, key=key)
    assert lodged.status_code == 201, lodged.content
    assert callers.public.post(path, body, key=key).json() == lodged.json()
    objection = lodged.json()["id"]
    mine = callers.public.get(f"objections/{objection}", {"key": lodged.json()["key"]}).json()
    assert mine["identity"]["name"] == "示例异议人" and mine["acts"] == ["retract"]
    problem(callers.public.get(f"objections/{objection}", {"key": "0" * 32}), 404, "not_found")
    problem(callers.public.get(f"objections/{objection}"), 404, "not_found")
    masked = callers["clerk"].get(f"objections/{objection}").json()
    assert masked["shown"] == "masked" and masked["identity"] is None and masked["grounds"] == "示例理由"
    full = callers["objection_officer"].get(f"objections/{objection}").json()
    assert full["identity"]["document_number"] == "620000190001010000" and "verify" in full["acts"]
    assert "read_identity" in {line["act"] for line in callers["audit_admin"].get("access-log").json()["items"]}
    wrong = callers.public.post(f"objections/{objection}/acts/retract", {"key": "0" * 32})
    problem(wrong, 404, "not_found")
    done = callers.public.post(f"objections/{objection}/acts/retract", {"key": lodged.json()["key"]})
    assert done.json()["state"] == "RETRACTED"


def test_a_complaint_is_followed_by_key_and_answered(callers: Callers) -> None:
    body = {"text": "示例内容", "register_id": str(callers.world.register.pk), "contact": {"phone": "13900000000"}}
    filed = callers.public.post("complaints", body).json()
    follow = {"key": filed["key"]}
    assert callers.public.get(f"complaints/{filed['id']}", follow).json()["state"] == "RECEIVED"
    problem(callers.public.get(f"complaints/{filed['id']}", {"key": "x"}), 404, "not_found")
    problem(callers["clerk"].get(f"complaints/{filed['id']}"), 404, "not_found")
    watching = callers["authority_supervisor"].get(f"complaints/{filed['id']}").json()
    assert watching["text"] == "示例内容" and watching["contact"] is None
    supervisor = callers["agency_supervisor"]
    assert supervisor.get("queue").json()["items"][0]["number"] == filed["number"]
    assert supervisor.post(f"complaints/{filed['id']}/acts/answer_complaint", {"reason": "已处理"}).status_code == 200
    assert callers.public.get(f"complaints/{filed['id']}", follow).json()["answer"] == "已处理"


def test_personal_fields_are_opened_on_request_to_those_who_need_them_and_logged(callers: Callers) -> None:
    pk = w.draft(callers.world)
    w.advance(callers.world, pk, "submit")
    acceptor, path = callers["acceptor"], f"applications/{pk}"
    assert not any(word in acceptor.get(path).content.decode() for word in PERSONAL)
    before = len(callers["audit_admin"].get("access-log").json()["items"])
    assert acceptor.get(path, {"personal": "true"}).json()["content"]["contact_phone"] == "13800000000"
    lines = callers["audit_admin"].get("access-log").json()["items"]
    assert len(lines) == before + 1 and lines[-1]["act"] == "read_personal" and lines[-1]["object_id"] == str(pk)
    problem(callers["notice_opener"].get(path, {"personal": "true"}), 403, "forbidden")
    problem(callers["authority_supervisor"].get(path, {"personal": "true"}), 403, "forbidden")
    history = callers["authority_supervisor"].get(f"{path}/decisions").content.decode()
    assert "示例保密审查人" not in history and "person:" not in history
    assert "示例保密审查人" in callers["clerk"].get(f"{path}/decisions").content.decode()


def test_statistics_count_what_happened(callers: Callers) -> None:
    coded = w.registered(callers.world)
    pk = w.draft(callers.world)
    w.advance(callers.world, pk, "submit")
    items = {"items": [{"field": "intro", "text": "请补充"}]}
    assert callers["acceptor"].post(f"applications/{pk}/acts/request_supplement", items).status_code == 200
    w.draft(callers.world)
    revoke(callers.world, coded["registration"])
    kit.catch_up()
    figures = callers.public.get("statistics", {"register_id": str(callers.world.register.pk)}).json()
    assert figures["applications"] == {"REGISTERED": 1, "SUPPLEMENT": 1}
    assert figures["registrations"] == {"REVOKED": 1} and figures["revocations"] == {"false_materials": 1}
    assert figures["supplements"] == {"applications": 2, "returned": 1, "rounds": 1}
    assert figures["on_time"]["acceptance"] == {"done": 2, "on_time": 2}
    assert figures["on_time"]["review"] == {"done": 1, "on_time": 1} and "形式审核" in figures["notice"]


def test_the_desk_lists_the_nearest_deadline_first_and_pages(callers: Callers) -> None:
    ids = []
    for _ in range(3):
        pk = w.draft(callers.world)
        w.advance(callers.world, pk, "submit")
        ids.append(str(pk))
    acceptor = callers["acceptor"]
    first = acceptor.get("queue", {"limit": 2}).json()
    assert [i["id"] for i in first["items"]] == ids[:2] and not first["items"][0]["overdue"]
    rest = acceptor.get("queue", {"limit": 2, "cursor": first["next"]}).json()
    assert [i["id"] for i in rest["items"]] == ids[2:] and rest["next"] is None
    assert {"accept", "decline", "request_supplement"} == set(rest["items"][0]["acts"])
    assert callers["stranger_clerk"].get("queue").json()["items"] == []


def test_rules_and_table_are_public(callers: Callers) -> None:
    book = callers.public.get("rulebooks/cn-gs").json()
    assert all(value["cite"] and value["sure"] in ("read", "excerpt", "assumed") for value in book["values"])
    assert book["parents"] == ["cn"]
    acts = {act["name"]: act for act in callers.public.get("procedure").json()["acts"]}
    assert acts["accept"]["roles"] == ["acceptor"] and acts["accept"]["label"] == "受理"
    assert callers.public.get("calendars").json()["overrides"] == []
    assert callers.public.get("registers").json()["items"][0]["slug"] == callers.world.register.slug


def test_a_calendar_is_set_by_the_system_administrator_alone(callers: Callers) -> None:
    body = {"version": "示例-1", "overrides": [{"day": "2027-01-01", "working": False, "source": "示例文件"}]}
    problem(callers["agency_supervisor"].post("calendars", body), 403, "forbidden")
    assert callers["system_admin"].post("calendars", body).status_code == 201
    assert callers.public.get("calendars").json()["overrides"][0]["day"] == "2027-01-01"


def test_rechecks_are_drawn_listed_and_found(callers: Callers) -> None:
    w.registered(callers.world)
    watcher = callers["authority_supervisor"]
    drawn = watcher.post("rechecks", {"register_id": str(callers.world.register.pk), "period": "2026"}).json()
    listed = watcher.get("rechecks", {"period": "2026"}).json()["items"]
    assert [r["id"] for r in listed] == drawn["drawn"] and watcher.get("queue").json()["items"]
    path = f"rechecks/{drawn['drawn'][0]}/acts"
    problem(watcher.post(f"{path}/find_deficient", {}), 422, "invalid_input")
    assert watcher.post(f"{path}/find_deficient", {"reason": "示例"}).json()["state"] == "DEFICIENT"


def test_every_answer_of_a_demonstration_node_is_marked(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    for response in (callers.public.get("notices"), callers.public.get("nothing"), callers.public.get("queue")):
        assert response["Dengji-Demonstration"] == "1" and response["X-Robots-Tag"] == "noindex"
        assert response.json()["demonstration"] == DEMONSTRATION
    monkeypatch.setattr("dengji.web.marks.identity", lambda: ("example", False))
    response = callers.public.get("notices")
    assert "Dengji-Demonstration" not in response and response.json()["demonstration"] is None
    assert node.identity()[1] is True


def _catalogue(path: Path, words: dict[str, str]) -> None:
    """Write a compiled gettext catalogue."""
    rows = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **words}.items())
    keys, values = ([text.encode() for text in column] for column in zip(*rows, strict=True))
    head, at = 28 + 16 * len(rows), 0
    tables, blob = [b"", b""], b""
    for i, texts in enumerate((keys, values)):
        for text in texts:
            tables[i] += struct.pack("<II", len(text), head + at)
            blob += text + b"\0"
            at += len(text) + 1
    numbers = (0x950412DE, 0, len(rows), 28, 28 + 8 * len(rows), 0, head)
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack("<7I", *numbers) + tables[0] + tables[1] + blob)


def test_errors_speak_the_callers_language(callers: Callers, settings: Any, tmp_path: Path) -> None:
    words = {"找不到所请求的内容，或您无权查看": "Not found, or not yours to see", "有效": "valid"}
    _catalogue(tmp_path / "en" / "LC_MESSAGES" / "django.mo", words)
    settings.LOCALE_PATHS = [tmp_path]
    trans_real._translations.clear()
    try:
        english = callers.public.get("registrations/none", None, **{"Accept-Language": "en-GB,en;q=0.9"})
        chinese = callers.public.get("registrations/none", None, **{"Accept-Language": "zh"})
    finally:
        trans_real._translations.clear()
    assert english.json()["title"] == "Not found, or not yours to see" and english["Content-Language"] == "en"
    assert chinese.json()["title"].startswith("找不到") and chinese["Content-Language"] == "zh-hans"
