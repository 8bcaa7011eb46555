"""The queue and what stands beside the acts: tabs, claims, deputies, batches, filters, notes, wordings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse

from dengji.core.clock import legal_now
from dengji.law.calendar import shanghai_date
from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import services
from dengji.registration.models import Application, CaseAssignment, CaseNoteText, Decision
from dengji.registration.queries import workbench
from tests.factories import world as w

from .conftest import Clients, transaction_in


def submitted(world: w.World, number: int, until: str = "submit") -> list[UUID]:
    found = []
    for _ in range(number):
        found.append(w.draft(world))
        w.advance(world, found[-1], until)
    return found


def todo(clients: Clients, name: str, **query: Any) -> str:
    return clients(name).get(reverse("desk:queue"), query).content.decode()


def hold(clients: Clients, name: str, pk: UUID, change: str, **fields: Any) -> int:
    url = reverse("desk:hold", args=["application", pk, change])
    return clients(name).post(url, {"transaction_id": w.tid(), **fields}).status_code


def test_tabs_agree_with_their_counts_and_pages_follow_on(world: w.World, clients: Clients) -> None:
    submitted(world, 3)
    late = submitted(world, 1, "begin_review")[0]
    (held,) = submitted(world, 1)
    hold(clients, "acceptor", held, "claim")
    submitted(world, 1, "open_notice")
    w.draft(world)
    ends = Application.objects.get(pk=late).deadline_ends
    assert ends is not None
    for instant in (None, ends + timedelta(hours=1)):
        if instant:
            w.move_clock(instant)
        for role in ("acceptor", "reviewer", "notice_opener", "agency_supervisor", "objection_officer", "clerk"):
            actor = world.actor(role)
            for tab, number in workbench.counts(actor).items():
                seen, cursor = [], ""
                while True:
                    page = workbench.listed(actor, tab, cursor=cursor, limit=2)
                    seen += [row["id"] for row in page["items"]]
                    if not page["next"]:
                        break
                    cursor = page["next"]
                assert len(seen) == len(set(seen)) == number, (role, tab)
    assert workbench.counts(world.actor("acceptor")) == {"todo": 4, "open": 6, "soon": 0, "overdue": 5}
    assert workbench.counts(world.actor("reviewer"))["todo"] == 1
    assert "已超期" in todo(clients, "reviewer", tab="overdue")
    assert todo(clients, "acceptor", cursor="x")
    assert clients("acceptor").get(reverse("desk:queue"), {"cursor": "x"}).status_code == 422


def test_claim_release_reassign_and_stand_in(world: w.World, clients: Clients) -> None:
    second = w.person("acceptor-b")
    parties.grant_role(actor=OPERATOR, person=second, kind="acceptor", register=world.register)
    world.people["second"] = second
    pk, other = submitted(world, 2)
    serial = Application.objects.get(pk=pk).serial
    assert serial in todo(clients, "second")
    assert hold(clients, "acceptor", pk, "claim") == 302
    assert serial not in todo(clients, "second") and serial in todo(clients, "acceptor")
    assert serial in todo(clients, "acceptor", mine="on") and serial in todo(clients, "second", tab="open")
    hold(clients, "second", pk, "claim")
    assert CaseAssignment.objects.get(object_id=pk).person_id == world.people["acceptor"].pk
    assert hold(clients, "second", pk, "release") == 403
    assert hold(clients, "stranger_clerk", pk, "claim") == 403
    day = shanghai_date(legal_now()).isoformat()
    form = {
        "register": str(world.register.pk),
        "person": str(world.people["acceptor"].pk),
        "deputy": str(second.pk),
        "first_day": day,
        "last_day": day,
    }
    url = reverse("desk:deputies")
    assert clients("second").post(url, {**form, "transaction_id": w.tid()}).status_code == 422, "another's deputy"
    assert clients("acceptor").post(url, {**form, "transaction_id": w.tid()}).status_code == 302
    assert serial in todo(clients, "second"), "a deputy sees the work"
    ended = clients("acceptor").get(url).content.decode()
    assert reverse("desk:end-deputy", args=[1]).rsplit("/", 3)[0] in ended
    assert hold(clients, "agency_supervisor", pk, "reassign", person=str(second.pk)) == 302
    assert serial not in todo(clients, "acceptor")
    assert hold(clients, "second", pk, "release") == 302 and serial in todo(clients, "acceptor")
    hold(clients, "second", other, "claim")
    w.act(world, "accept", other, "acceptor")
    assert Application.objects.get(pk=other).serial in todo(clients, "reviewer"), "at the next stage a case is free"
    assert hold(clients, "acceptor", pk, "reassign", person=str(world.people["clerk"].pk)) in (302, 403)
    assert not Decision.objects.filter(act__in=("claim", "release", "reassign")).exists()


def test_a_batch_tells_each_file_by_itself(world: w.World, clients: Clients) -> None:
    good, done = submitted(world, 2)
    w.act(world, "accept", done, "acceptor")
    client, url = clients("acceptor"), reverse("desk:batch")
    form = {"act": "accept", "case": [str(good), str(done), "nonsense"], "transaction_id": w.tid()}
    asked = client.post(url, form).content.decode()
    assert "确认办理" in asked and Application.objects.get(pk=good).state == "SUBMITTED"
    sure = {**form, "sure": "1", "transaction_id": transaction_in(asked)}
    told = client.post(url, sure).content.decode()
    assert "已办理 1 件，1 件没有办理" in told and "未办理：" in told
    assert client.post(url, sure).content.decode().count("未办理：") == told.count("未办理：")
    assert Decision.objects.filter(object_id=good, act="accept").count() == 1
    assert client.post(url, {**form, "act": "decline"}).status_code == 302
    assert client.post(url, {"act": "accept"}).status_code == 302
    refused = clients("notice_opener").post(url, {**sure, "transaction_id": w.tid()}).content.decode()
    assert "已办理 0 件，2 件没有办理" in refused


def test_filters_are_kept_and_narrow(world: w.World, clients: Clients) -> None:
    first, second = submitted(world, 2)
    one, two = (Application.objects.get(pk=pk).serial for pk in (first, second))
    page = todo(clients, "acceptor", serial=one)
    assert one in page and two not in page
    assert one not in todo(clients, "acceptor", kind="change") and one in todo(clients, "acceptor", registrant="张掖")
    client = clients("acceptor")
    client.post(reverse("desk:filters"), {"name": "我的筛选", "query": f"serial={one}"})
    assert "我的筛选" in todo(clients, "acceptor") and "我的筛选" not in todo(clients, "reviewer")
    for name in ("done", "open", "soon", "nonsense"):
        assert client.get(reverse("desk:queue"), {"tab": name}).status_code == 200
    w.act(world, "accept", first, "acceptor")
    assert one in todo(clients, "acceptor", tab="done") and one not in todo(clients, "reviewer", tab="done")


def test_notes_are_the_agencys_alone_and_leave_with_a_suppression(world: w.World, clients: Clients) -> None:
    (pk,) = submitted(world, 1)
    url = reverse("desk:note", args=["application", pk])
    form = {"kind": "telephone", "text": "电话核实示例单位", "transaction_id": w.tid()}
    for _ in range(2):
        assert clients("acceptor").post(url, form).status_code == 302
    page = clients("reviewer").get(reverse("desk:case", args=[pk])).content.decode()
    assert page.count("电话核实示例单位") == 1
    assert b"\xe7\x94\xb5\xe8\xaf\x9d" not in bytes(CaseNoteText.objects.get().data)
    assert clients("clerk").post(url, form).status_code == 403
    words = {"ground": "personal_information", "authority": "示例机关", "reason": "示例"}
    more = {"object_kind": "application", "object_id": pk, **words}
    services.suppress_content(actor=world.actor("agency_supervisor"), transaction_id=w.tid(), **more)
    page = clients("reviewer").get(reverse("desk:case", args=[pk])).content.decode()
    assert "电话核实示例单位" not in page and "（文字已依法删除）" in page


def test_a_wording_fills_the_form(world: w.World, clients: Clients) -> None:
    (pk,) = submitted(world, 1)
    client, url = clients("acceptor"), reverse("desk:wordings")
    form = {"register": str(world.register.pk), "act": "decline", "title": "不属范围", "text": "所报事项不属登记范围。"}
    assert client.post(url, {**form, "transaction_id": w.tid()}).status_code == 302
    act = reverse("desk:act", args=["application", pk, "decline"])
    page = client.get(act).content.decode()
    assert "不属范围" in page
    chosen = page.split("?wording=")[1].split('"')[0]
    assert "所报事项不属登记范围。</textarea>" in client.get(act, {"wording": chosen}).content.decode()
    assert client.post(reverse("desk:drop-wording", args=[chosen]), {"transaction_id": w.tid()}).status_code == 302
    assert "不属范围" not in client.get(url).content.decode()
    assert clients("reviewer").post(url, {**form, "transaction_id": w.tid()}).status_code == 422
