"""Every act of the desk by its own role over HTTP; refused for others; sent twice it happens once."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dengji.law.procedure import TABLE
from dengji.parties import services as parties
from dengji.parties.roles import AGENCY_ROLES
from dengji.parties.services import OPERATOR
from dengji.registration import services
from dengji.registration.models import Application, Decision, Objection, Recheck, Registration
from dengji.web.desk import table
from tests.factories import world as w

from .conftest import Clients, address, do, transaction_in

REASON = {"reason": "示例理由"}


def state(pk: Any) -> str:
    return Application.objects.get(pk=pk).state


def lodged(world: w.World, application_id: UUID) -> UUID:
    notice = Application.objects.get(pk=application_id).notices.get()
    made = services.lodge(
        actor=world.actor("nobody"),
        transaction_id=w.tid(),
        notice_id=notice.pk,
        objector_kind="person",
        identity={"name": "示例异议人", "document_type": "resident_id", "document_number": "示例证件号一"},
        relation="示例关系",
        grounds="示例异议理由",
        evidence=[services.Upload("证据.pdf", w.PDF)],
    )
    return UUID(made["id"])


def test_the_whole_way_by_forms(world: w.World, clients: Clients) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    steps: list[tuple[str, str, dict[str, Any], str]] = [
        ("acceptor", "accept", {}, "ACCEPTED"),
        ("reviewer", "begin_review", {}, "UNDER_REVIEW"),
        ("reviewer", "pass_review", {"opinion": "符合要求"}, "REVIEW_PASSED"),
        ("notice_opener", "open_notice", {"seen": "on"}, "NOTICE"),
        ("agency_supervisor", "suspend_notice", {"ground": "error", **REASON}, "NOTICE_SUSPENDED"),
        ("agency_supervisor", "resume_notice", {}, "NOTICE"),
    ]
    for role, act, fields, after in steps:
        told = clients(role).get(reverse("desk:case", args=[pk])).content.decode()
        assert address("application", pk, act) in told, f"{act} is not offered to {role}"
        answer = do(clients(role), "application", pk, act, **fields)
        assert (answer.status_code, state(pk)) == (302, after), (act, answer.content.decode()[-2000:])
    w.after_notice(pk)
    w.act(world, "close_notice", pk, "clock")
    assert do(clients("gateway"), "application", pk, "request_code", way="upstream").status_code == 302
    assert do(clients("agency_supervisor"), "application", pk, "cancel_request").status_code == 302
    assert do(clients("gateway"), "application", pk, "request_code", way="upstream").status_code == 302
    assert do(clients("gateway"), "application", pk, "refuse_code", **REASON).status_code == 302
    assert state(pk) == "CODING_REFUSED"
    assert do(clients("agency_supervisor"), "application", pk, "request_code", way="upstream").status_code == 302
    assert do(clients("agency_supervisor"), "application", pk, "terminate", **REASON).status_code == 302
    assert state(pk) == "TERMINATED"
    told = clients("reviewer").get(reverse("desk:case", args=[pk])).content.decode()
    assert "符合要求" in told and "示例理由" in told


@pytest.mark.parametrize(
    ("act", "until", "role"), [("decline", "submit", "acceptor"), ("reject", "begin_review", "reviewer")]
)
def test_refusals_are_reasoned(world: w.World, clients: Clients, act: str, until: str, role: str) -> None:
    pk = w.draft(world)
    w.advance(world, pk, until)
    before = state(pk)
    answer = do(clients(role), "application", pk, act, reason="  ")
    assert answer.status_code == 422 and state(pk) == before
    assert do(clients(role), "application", pk, act, **REASON).status_code == 302 and state(pk) != before


def test_who_may_not(world: w.World, clients: Clients) -> None:
    pk = w.draft(world)
    url = address("application", pk, "accept")
    assert clients("acceptor").get(url).status_code == 404, "a draft is nobody's business before it is submitted"
    w.advance(world, pk, "submit")
    assert clients("nobody").get(url).status_code == 302
    for role in ("clerk", "stranger_clerk", "authority_supervisor", "system_admin", "citizen"):
        assert clients(role).get(reverse("desk:queue")).status_code == 403, role
        assert clients(role).post(url, {"transaction_id": w.tid()}).status_code == 403, role
    for role in ("reviewer", "notice_opener", "gateway", "objection_officer"):
        assert clients(role).post(url, {"transaction_id": w.tid()}).status_code == 403, role
    other = w.build()
    stranger = clients("acceptor")
    stranger.force_login(other.people["acceptor"], backend="django.contrib.auth.backends.ModelBackend")
    assert stranger.get(url).status_code == stranger.post(url, {"transaction_id": w.tid()}).status_code == 404
    assert stranger.get(reverse("desk:case", args=[pk])).status_code == 404
    assert clients("acceptor").get(address("application", uuid4(), "accept")).status_code == 404
    assert clients("acceptor").get(address("application", pk, "close_notice")).status_code == 404
    parties.grant_role(actor=OPERATOR, person=world.people["acceptor"], kind="clerk", organisation=world.registrant)
    assert clients("acceptor").get(reverse("desk:case", args=[pk])).status_code == 403, "a file of one's own"
    assert clients("acceptor").post(url, {"transaction_id": w.tid()}).status_code == 403
    assert str(pk) not in clients("acceptor").get(reverse("desk:queue")).content.decode()
    assert state(pk) == "SUBMITTED"


def test_sent_twice_it_happens_once(world: w.World, clients: Clients) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    client, url = clients("acceptor"), address("application", pk, "accept")
    form = {"transaction_id": transaction_in(client.get(url).content.decode())}
    assert [client.post(url, form).status_code for _ in range(2)] == [302, 302]
    assert Decision.objects.filter(object_id=pk, act="accept").count() == 1
    again = client.post(url, {"transaction_id": w.tid()})
    assert again.status_code == 422 and "error-summary" in again.content.decode()


def test_a_supplement_is_one_list_and_a_late_item_is_told(world: w.World, clients: Clients) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    client = clients("acceptor")
    empty = do(client, "application", pk, "request_supplement")
    assert empty.status_code == 422 and "一次列全" in empty.content.decode()
    unbound = do(client, "application", pk, "request_supplement", x0_text="请说明")
    assert unbound.status_code == 422 and "对应一个字段或材料" in unbound.content.decode()
    fields = {"x0_field": "intro", "x0_text": "请补充来源", "x1_field": "source_basis", "x1_text": "请补盖章"}
    assert do(client, "application", pk, "request_supplement", **fields).status_code == 302
    said = client.get(reverse("desk:case", args=[pk])).content.decode()
    assert state(pk) == "SUPPLEMENT" and "请补充来源" in said and "请补盖章" in said
    w.act(world, "save_draft", pk, "clerk", content={"scenarios": "公众出行查询与调度"})
    w.act(world, "submit_for_business_review", pk, "clerk")
    w.act(world, "submit", pk, "business_reviewer", **w.SECRECY)
    assert "公众出行查询与调度" in client.get(reverse("desk:case", args=[pk])).content.decode()
    late = {"x0_field": "update_frequency", "x0_text": "频率不实"}
    warned = do(client, "application", pk, "request_supplement", **late)
    assert warned.status_code == 422 and "更新频率" in warned.content.decode() and state(pk) == "SUBMITTED"
    fresh = {"x0_field": "scenarios", "x0_text": "请写具体"}
    known = {"x1_field": "update_frequency", "x1_text": "频率不实", "late_known": "on"}
    assert do(client, "application", pk, "request_supplement", **fresh, **known).status_code == 302
    assert Decision.objects.filter(object_id=pk).latest("n").data["previously_visible"] == ["update_frequency"]


def test_a_notice_shows_all_before_and_hits_are_cleared_by_a_human(world: w.World, clients: Clients) -> None:
    pk = w.draft(world, fields={"intro": w.RECORD["intro"] + "联系电话13912345678。"})
    w.advance(world, pk, "pass_review")
    client = clients("notice_opener")
    page = client.get(address("application", pk, "open_notice")).content.decode()
    assert "将向社会公开的全部内容" in page and "hit0" in page and "示例经办人" not in page
    assert do(client, "application", pk, "open_notice", seen="on").status_code == 422 and state(pk) == "REVIEW_PASSED"
    assert do(client, "application", pk, "open_notice", seen="on", hit0="为公开的服务热线").status_code == 302


def test_objections_evidence_identity_and_decision(world: w.World, clients: Clients) -> None:
    first, second = (w.draft(world) for _ in range(2))
    for pk in (first, second):
        w.advance(world, pk, "open_notice")
    officer = clients("objection_officer")
    bad, doubted, good = lodged(world, first), lodged(world, first), lodged(world, first)
    page = officer.get(reverse("desk:objection", args=[good]))
    assert "示例异议理由" in page.content.decode() and "示例异议人" not in page.content.decode()
    assert "示例异议人" in officer.get(reverse("desk:objection", args=[good]), {"identity": "1"}).content.decode()
    assert clients("acceptor").get(reverse("desk:objection", args=[good])).status_code in (403, 404)
    assert do(officer, "objection", bad, "find_inadmissible", **REASON).status_code == 302
    for pk in (doubted, good):
        assert do(officer, "objection", pk, "verify").status_code == 302
    assert do(officer, "objection", doubted, "dismiss", **REASON).status_code == 302
    assert do(officer, "objection", good, "uphold", **REASON).status_code == 302
    states = dict(Objection.objects.values_list("pk", "state"))
    assert states == {bad: "INADMISSIBLE", doubted: "DISMISSED", good: "UPHELD"} and state(first) == "TERMINATED"
    notice = Application.objects.get(pk=second).notices.get()
    form = {
        "transaction_id": w.tid(),
        "objector_kind": "person",
        "name": "示例来信人",
        "document_type": "resident_id",
        "document_number": "示例证件号二",
        "relation": "示例关系",
        "grounds": "来信异议",
        "received_on": notice.first_day.isoformat(),
    }
    url = reverse("desk:paper", args=[second])
    assert officer.post(url, form).status_code == 422, "without evidence"
    answer = officer.post(url, {**form, "evidence": SimpleUploadedFile("来信.pdf", w.PDF)})
    entered = Objection.objects.filter(application_id=second, received_on=notice.first_day)
    assert answer.status_code == 302 and entered.exists()
    assert clients("reviewer").get(url).status_code == 403


def test_a_registration_is_revoked_and_its_content_suppressed_only_when_confirmed_twice(
    world: w.World, clients: Clients
) -> None:
    coded = w.registered(world)
    pk, head = coded["registration"], clients("agency_supervisor")
    found = head.get(reverse("desk:registrations"), {"code": coded["code"]})
    assert found.status_code == 302 and str(pk) in found["Location"]
    assert head.get(found["Location"]).status_code == 200
    ground = {"ground": "false_materials", **REASON}
    assert do(head, "registration", pk, "revoke", **ground).status_code == 422, "without investigation"
    for kind in ("revocation_investigation", "registrant_statement"):
        form = {"kind": kind, "file": SimpleUploadedFile("记录.pdf", w.PDF), "transaction_id": w.tid()}
        assert head.post(reverse("desk:attach", args=[pk]), form).status_code == 302
    assert do(head, "registration", pk, "revoke", **ground).status_code == 302
    assert Registration.objects.get(pk=pk).state == "REVOKED"
    wanted = {"ground": "personal_information", "authority": "示例机关", "understood": "on", **REASON}
    once = do(head, "registration", pk, "suppress_content", **wanted)
    assert once.status_code == 200 and "再次确认" in once.content.decode()
    assert do(head, "registration", pk, "suppress_content", **wanted, number="错号").status_code == 200
    assert Registration.objects.get(pk=pk).name != "（内容已依法屏蔽）"
    assert do(head, "registration", pk, "suppress_content", **wanted, number=coded["code"]).status_code == 302
    assert Registration.objects.get(pk=pk).name == "（内容已依法屏蔽）"


def test_complaints_and_rechecks(world: w.World, clients: Clients) -> None:
    w.registered(world)
    made = services.file_complaint(
        actor=world.actor("nobody"), transaction_id=w.tid(), register_id=world.register.pk, text="示例投诉内容"
    )
    head = clients("agency_supervisor")
    assert made["number"] in head.get(reverse("desk:complaints")).content.decode()
    assert "示例投诉内容" in head.get(reverse("desk:complaint", args=[made["id"]])).content.decode()
    assert do(head, "complaint", made["id"], "answer_complaint", **REASON).status_code == 302
    form = {"register": str(world.register.pk), "period": "2026Q4", "transaction_id": w.tid()}
    assert head.post(reverse("desk:rechecks"), form).status_code == 302
    drawn = Recheck.objects.get()
    assert head.get(reverse("desk:recheck", args=[drawn.pk])).status_code == 200
    assert do(head, "recheck", drawn.pk, "find_deficient", **REASON).status_code == 302
    assert Recheck.objects.get().state == "DEFICIENT"
    for name in ("complaints", "rechecks"):
        assert clients("acceptor").get(reverse(f"desk:{name}")).status_code == 403


def test_every_row_of_the_table_has_a_service_and_no_act_of_the_agency_is_missing() -> None:
    by_staff = {act.name for act in TABLE.values() if act.roles & AGENCY_ROLES}
    elsewhere = {"lodge", "retract", "adopt", "hand_over", "draw_recheck"}
    assert {act for _, act in table.FORMS} == by_staff - elsewhere
    assert set(table.FORMS) <= set(table._SERVICES)
