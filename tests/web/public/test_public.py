"""Pages of the public by HTTP: objections, complaints, requests, notices, texts; and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from dengji.content import services as content
from dengji.content.models import PrivacyRequest
from dengji.core import node
from dengji.registration import queries
from dengji.registration.models import Complaint, Material, Notice, Objection
from dengji.web.limits import BUCKETS
from tests.factories import world as w

pytestmark = pytest.mark.django_db
EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
PERSON = {
    "name": "示例异议人",
    "document_type": "resident_id",
    "document_number": "示例证件号九",
    "phone": "13700000000",
    "relation": "数据由本人车辆产生",
    "grounds": f"线路名称有误 {EVIL}",
    "consent": "on",
}


@pytest.fixture(autouse=True)
def _static(settings: Any) -> None:
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    settings.DENGJI_RATE_LIMITS = False


@pytest.fixture
def world() -> w.World:
    return w.build()


@pytest.fixture
def notice(world: w.World) -> Notice:
    pk = w.draft(world)
    w.advance(world, pk, "open_notice")
    return Notice.objects.get(application_id=pk)


def pdf(name: str = "证据.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, w.PDF, "application/pdf")


def objecting(notice: Notice, kind: str = "person", relation: str = "personal") -> str:
    return f"/notices/{notice.pk}/object?relation={relation}&kind={kind}"


def followed(answer: Any) -> tuple[UUID, str]:
    """Where a post led: the id and the key of the page that follows it."""
    assert answer.status_code == 302, answer.content.decode()
    found = urlsplit(answer.url)
    return UUID(found.path.rsplit("/", 1)[1]), parse_qs(found.query)["key"][0]


def login(client: Client, world: w.World, role: str) -> None:
    client.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")


def test_a_person_s_objection_reaches_the_desk_and_stays_secret(client: Client, world: w.World, notice: Notice) -> None:
    start = client.get(f"/notices/{notice.pk}/object")
    assert "没有直接关系" in start.content.decode()
    elsewhere = client.get(objecting(notice, relation="none"))
    assert elsewhere.status_code == 302 and elsewhere.url == f"/complaints/new?code={notice.serial}"
    page = client.get(objecting(notice)).content.decode()
    assert "个人信息处理告知书" in page and 'name="csrfmiddlewaretoken"' in page
    transaction = {"transaction_id": w.tid()}
    for missing in ("document_number", "consent", "grounds"):
        answer = client.post(objecting(notice), {k: v for k, v in PERSON.items() if k != missing} | {"evidence": pdf()})
        assert answer.status_code == 422 and f"id_{missing}" in answer.content.decode()
    assert client.post(objecting(notice), PERSON).status_code == 422  # without evidence
    pk, key = followed(client.post(objecting(notice), {**PERSON, **transaction, "evidence": [pdf(), pdf("二.pdf")]}))
    again = client.post(objecting(notice), {**PERSON, **transaction, "evidence": [pdf(), pdf("二.pdf")]})
    assert followed(again) == (pk, key) and Objection.objects.count() == 1
    seen = queries.objection_detail(world.actor("objection_officer"), pk)
    assert seen["identity"]["document_number"] == PERSON["document_number"] and len(seen["evidence"]) == 2
    assert seen["relation"].startswith("数据涉及本人的个人信息")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(o::text, '') FROM registration_objection o")
        stored = cursor.fetchone()[0]
    assert len(stored) > 100 and not any(word in stored for word in (PERSON["name"], PERSON["phone"], "线路名称"))
    own = client.get(f"/objections/{pk}", {"key": key})
    text = own.content.decode()
    assert own.headers["Cache-Control"] == "no-store" and own.headers["Referrer-Policy"] == "same-origin"
    assert PERSON["name"] in text and "<script>alert" not in text and "&lt;script&gt;alert(1)" in text
    for wrong in ("", "0" * 32, key[:-1], "钥匙"):
        assert client.get(f"/objections/{pk}", {"key": wrong}).status_code == 404
        assert client.post(f"/objections/{pk}/retract", {"key": wrong, "sure": "1"}).status_code == 404
    credential = re.search(r"YY-[0-9a-f]{32}-[0-9a-f]{32}", text)
    assert credential and followed(client.post("/follow", {"credential": credential[0]})) == (pk, key)
    assert client.post("/follow", {"credential": "YY-1"}).status_code == 422
    asked = client.post(f"/objections/{pk}/retract", {"key": key})
    assert asked.status_code == 200 and Objection.objects.get(pk=pk).state == "LODGED"
    client.post(f"/objections/{pk}/retract", {"key": key, "sure": "1", "transaction_id": w.tid()})
    assert Objection.objects.get(pk=pk).state == "RETRACTED"
    assert "撤回" in client.get(f"/objections/{pk}", {"key": key}).content.decode()


def test_a_unit_s_objection_brings_its_letter_and_learns_the_decision(
    client: Client, world: w.World, notice: Notice
) -> None:
    unit = {
        "name": "示例异议单位",
        "credit_code": w.credit_code(),
        "agent": "示例经办",
        "relation": "共同管理",
        "grounds": "该数据由两个单位共同管理",
        "consent": "on",
    }
    wrong = client.post(
        objecting(notice, "unit", "co_holder"), unit | {"credit_code": "1", "evidence": pdf(), "letter": pdf()}
    )
    assert wrong.status_code == 422 and "统一社会信用代码不正确" in wrong.content.decode()
    assert client.post(objecting(notice, "unit", "co_holder"), unit | {"evidence": pdf()}).status_code == 422
    sent = client.post(objecting(notice, "unit", "co_holder"), unit | {"evidence": pdf(), "letter": pdf("委托书.pdf")})
    pk, key = followed(sent)
    kinds = Material.objects.filter(owner_id=pk).values_list("kind", flat=True)
    assert sorted(kinds) == ["agency_letter", "objection_evidence"]
    officer = world.actor("objection_officer")
    from dengji.registration import services

    services.verify(actor=officer, transaction_id=w.tid(), objection_id=pk)
    services.dismiss(actor=officer, transaction_id=w.tid(), objection_id=pk, reason=f"理由不成立 {EVIL}")
    text = client.get(f"/objections/{pk}", {"key": key}).content.decode()
    assert "理由不成立" in text and "<img src=x" not in text
    late = client.post(f"/objections/{pk}/retract", {"key": key, "sure": "1"}, follow=True)
    assert "已经办结" in late.content.decode()


def test_voices_are_limited_and_forgery_refused(client: Client, notice: Notice, settings: Any) -> None:
    settings.DENGJI_RATE_LIMITS, settings.DENGJI_RATE_VOICE = True, "1/60"
    BUCKETS.clear()
    form = {"text": "服务态度", "transaction_id": w.tid()}
    assert client.post("/complaints/new", form).status_code == 302
    second = client.post("/complaints/new", form | {"transaction_id": w.tid()})
    assert (
        second.status_code == 429 and int(second.headers["Retry-After"]) > 0 and "服务态度" in second.content.decode()
    )
    assert Complaint.objects.count() == 1
    BUCKETS.clear()
    strict = Client(enforce_csrf_checks=True)
    for path in (
        "/complaints/new",
        objecting(notice),
        "/privacy/request",
        "/follow",
        "/tour/clock",
        "/desk/pages/edit",
    ):
        assert strict.post(path, PERSON).status_code == 403, path


def test_a_complaint_is_anonymous_and_answered(client: Client, world: w.World) -> None:
    pk, key = followed(client.post("/complaints/new", {"text": f"泄露 {EVIL}", "subject_code": EVIL[:60]}))
    from dengji.registration import services

    text = client.get(f"/complaints/{pk}", {"key": key}).content.decode()
    assert "<script>alert" not in text and "<img src=x" not in text and "TS-" in text
    assert client.get(f"/complaints/{pk}", {"key": "0" * 32}).status_code == 404
    assert client.get(f"/complaints/{pk}").status_code == 404
    services.answer_complaint(
        actor=world.actor("agency_supervisor"), transaction_id=w.tid(), complaint_id=pk, reason="已整改"
    )
    assert "已整改" in client.get(f"/complaints/{pk}", {"key": key}).content.decode()
    assert client.post("/complaints/new", {"text": " "}).status_code == 422


def test_a_request_about_personal_data_is_answered_at_the_desk(client: Client, world: w.World) -> None:
    form = {
        "kind": "delete",
        "text": f"请删除 {EVIL}",
        "name": "示例本人",
        "document_type": "passport",
        "document_number": "E00000000",
        "email": "example@example.com",
        "consent": "on",
    }
    assert client.post("/privacy/request", form | {"email": ""}).status_code == 422
    pk, key = followed(client.post("/privacy/request", form))
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(p::text, '') FROM content_privacyrequest p")
        assert "示例本人" not in cursor.fetchone()[0]
    assert client.get(f"/privacy/requests/{pk}", {"key": "f" * 32}).status_code == 404
    assert client.get("/desk/privacy/").status_code == 302
    login(client, world, "reviewer")
    assert client.get("/desk/privacy/").status_code == 403
    login(client, w.build(), "agency_supervisor")
    assert client.get(f"/desk/privacy/{pk}").status_code == 404
    login(client, world, "agency_supervisor")
    number = PrivacyRequest.objects.get(pk=pk).number
    listed = client.get("/desk/privacy/").content.decode()
    assert number in listed and "示例本人" not in listed
    shown = client.get(f"/desk/privacy/{pk}").content.decode()
    assert "示例本人" in shown and "<script>alert" not in shown
    assert client.post(f"/desk/privacy/{pk}", {"outcome": "granted"}).status_code == 422
    done = client.post(f"/desk/privacy/{pk}", {"outcome": "granted", "words": "已删除", "transaction_id": w.tid()})
    assert done.status_code == 302
    assert "已删除" in client.get(f"/privacy/requests/{pk}", {"key": key}).content.decode()


def page_of(client: Client, notice: Notice) -> str:
    """The page of a notice."""
    return client.get(f"/notices/{notice.pk}").content.decode()


def test_notices_are_listed_filtered_and_hidden_once_suspended(client: Client, world: w.World, notice: Notice) -> None:
    name = notice.fields["name"]
    listed = client.get("/notices").content.decode()
    assert (
        name in listed
        and "RUNNING" not in page_of(client, notice)
        and "个工作日" in listed
        and notice.last_day.isoformat() in listed
    )
    page = client.get(f"/notices/{notice.pk}").content.decode()
    assert name in page and notice.fields["intro"] in page and notice.serial in page
    assert "13800000000" not in page and "示例经办人" not in page  # the statutory items and nothing else
    assert name not in client.get("/notices?kind=change").content.decode()
    assert name in client.get(f"/notices?region=62&register={world.register.pk}").content.decode()
    assert name not in client.get("/notices?region=11").content.decode()
    for nonsense in ("/notices?after=x&register=%00&region=%25&kind='", "/registrants?after='", "/coded?month=0000-01"):
        assert client.get(nonsense).status_code in (200, 422), nonsense
    assert name in client.get("/").content.decode()
    w.act(
        world,
        "suspend_notice",
        notice.application_id,
        "agency_supervisor",
        ground="personal_information",
        reason="核查",
    )
    for path in ("/", "/notices", "/notices?state=ended", f"/notices/{notice.pk}"):
        answer = client.get(path)
        assert name not in answer.content.decode(), path
    assert notice.serial in client.get("/notices?state=ended").content.decode()
    stone = client.get(f"/notices/{notice.pk}")
    assert "已暂停" in stone.content.decode() and stone.headers["X-Robots-Tag"] == "noindex"
    assert client.get(objecting(notice)).url == f"/notices/{notice.pk}"


def test_a_long_list_is_paged_without_loss(client: Client, world: w.World, notice: Notice) -> None:
    columns = {f.attname: getattr(notice, f.attname) for f in Notice._meta.fields if f.attname not in ("id", "run")}
    Notice.objects.bulk_create(Notice(run=n, **columns) for n in range(2, 44))
    seen: list[str] = []
    path = "/notices"
    while path:
        text = client.get(path).content.decode()
        seen += re.findall(r'<a href="/notices/([0-9a-f-]{36})"', text)
        following = re.search(r'rel="next" href="(\?[^"]+)"', text)
        path = f"/notices{following[1].replace('&amp;', '&')}" if following else ""
    assert len(seen) == len(set(seen)) == 43


def test_figures_of_the_home_page_lead_to_their_lists(
    client: Client, world: w.World, tmp_path: Path, settings: Any
) -> None:
    from dengji.catalogue import index
    from tests.catalogue import kit

    settings.DENGJI_DATA_DIR = tmp_path  # no index of another test
    index.forget()
    coded = w.registered(world)
    kit.catch_up()
    home = client.get("/").content.decode()
    tiles = dict(re.findall(r'<a href="([^"]+)"><strong>(\d+)</strong>', home))
    assert [int(n) for n in tiles.values()] == [1, 0, 1, 1]
    assert world.registrant.name in client.get("/registrants").content.decode()
    month = next(path for path in tiles if path.startswith("/coded"))
    assert coded["code"] in client.get(month).content.decode()
    assert coded["code"] not in client.get("/coded?month=2001-01").content.decode()
    assert client.get("/code", {"code": coded["code"]}).status_code == 302 and client.get("/code").url == "/"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_texts_are_shipped_edited_and_cleaned(client: Client, world: w.World, language: str) -> None:
    for section in ("guide", "policy", "training", "cases", "help", "privacy"):
        assert client.get(f"/{section}?lang={language}").status_code == 200
    assert "evidence_digest" in client.get(f"/help/fields?lang={language}").content.decode()
    assert client.get("/cases/nothing").status_code == 404
    assert client.get("/desk/pages/").status_code == 302
    login(client, world, "clerk")
    assert client.get("/desk/pages/edit").status_code == 403
    login(client, world, "agency_supervisor")
    form = {
        "register": str(world.register.pk),
        "section": "cases",
        "slug": "bus",
        "language": "zh",
        "title": f"案例{EVIL}",
        "body": f"# 一\n\n{EVIL}\n\n[x](javascript:alert(1))",
        "based_on": "0",
        "transaction_id": w.tid(),
    }
    preview = client.post("/desk/pages/edit", form | {"preview": "1"}).content.decode()
    assert "<h2>一</h2>" in preview and client.get("/cases/bus").status_code == 404
    assert client.post("/desk/pages/edit", form).status_code == 302
    page = client.get("/cases/bus").content.decode()
    assert "<script>alert" not in page and "<img src=x" not in page and 'href="javascript' not in page
    assert "/cases/bus" in client.get("/cases").content.decode()
    stale = client.post("/desk/pages/edit", form | {"title": "另", "transaction_id": w.tid()})
    assert stale.status_code == 422 and "error-summary" in stale.content.decode()
    edit = "/desk/pages/edit?" + "&".join(f"{k}={form[k]}" for k in ("register", "section", "slug", "language"))
    editing = client.get(edit).content.decode()
    assert "javascript:alert(1)" in editing and f"案例{EVIL}" not in editing
    where = {name: form[name] for name in ("register", "section", "slug", "language")}
    assert client.post("/desk/pages/withdraw", where).status_code == 200
    client.post("/desk/pages/withdraw", where | {"sure": "1", "transaction_id": w.tid()})
    assert client.get("/cases/bus").status_code == 404
    stranger = w.build()
    answer = client.post("/desk/pages/edit", form | {"register": str(stranger.register.pk), "transaction_id": w.tid()})
    assert answer.status_code == 422
    content.publish_page(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        register_id=world.register.pk,
        section="policy",
        slug="local",
        language="zh",
        title="本地细则",
        body="细则",
    )
    assert "本地细则" in client.get("/").content.decode()


def test_the_tour_and_its_clock_exist_on_a_demonstration_alone(
    client: Client, world: w.World, notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    demonstration = node.identity()[1]
    tour = client.get("/tour").content.decode()
    assert demonstration and world.people["acceptor"].username in tour and 'href="/workspace/"' in tour
    assert client.post("/tour/clock", {"days": 30}).status_code == 302  # to sign in
    notice.refresh_from_db()
    assert notice.state == "RUNNING"
    login(client, world, "clerk")
    client.post("/tour/clock", {"days": 100000})
    client.post("/tour/clock", {"days": 30})
    notice.refresh_from_db()
    assert notice.state == "OVER"
    monkeypatch.setattr("dengji.web.public.touring.is_demonstration", lambda: False)
    assert client.get("/tour").status_code == 404
    assert client.post("/tour/clock", {"days": 1}).status_code == 404
