"""主体注册: asked for by anyone, decided by the agency, followed by a key."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from dengji.parties.models import AccessLog, Organisation, Person, SignUp
from tests.factories import world as worlds
from tests.factories.world import PDF, World

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
PASSWORD = "correct-horse-battery"


@pytest.fixture
def world() -> World:
    """A register with its people."""
    return worlds.build()


@pytest.fixture(autouse=True)
def _unlimited(settings: Any) -> None:
    settings.DENGJI_RATE_LIMITS = False


def as_(person: Person) -> Client:
    """A client signed in as a person."""
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def form(world: World, **more: Any) -> dict[str, Any]:
    """A filled form."""
    values = {
        "register": str(world.register.pk),
        "unit_name": "示例新单位",
        "credit_code": worlds.credit_code(),
        "unit_kind": "public_institution",
        "region_code": "620700",
        "address": "示例路2号",
        "name": "示例新经办人",
        "phone": "13900000000",
        "username": "newclerk",
        "password": PASSWORD,
        "again": PASSWORD,
        "reviewer_name": "示例新审核人",
        "reviewer_username": "newreviewer",
        "letter": SimpleUploadedFile("授权.pdf", PDF),
        "agreed": "on",
        "transaction_id": worlds.tid(),
    }
    return values | more


def ask(world: World, **more: Any) -> Any:
    """Send the form."""
    return Client().post("/accounts/register/", form(world, **more))


def test_a_unit_asks_the_agency_approves_and_both_people_come_in(world: World) -> None:
    answer = ask(world)
    assert answer.status_code == 302, answer.content.decode()
    status = answer.headers["Location"]
    assert "待审核" in Client().get(status).content.decode()
    row = SignUp.objects.get()
    assert "示例新经办人".encode() not in bytes(row.payload_sealed)
    officer = as_(world.people["agency_supervisor"])
    assert "示例新单位" in officer.get("/desk/signups/").content.decode()
    page = officer.get(f"/desk/signups/{row.pk}/").content.decode()
    assert "示例新经办人" in page and AccessLog.objects.filter(act="read_sign_up", object_id=row.pk).exists()
    letter = officer.get(f"/desk/signups/{row.pk}/letter/")
    assert letter.content == PDF and letter.headers["Content-Disposition"].startswith("attachment")
    assert not Person.objects.filter(username="newclerk").exists()
    officer.post(f"/desk/signups/{row.pk}/", {"act": "approve", "transaction_id": worlds.tid()})
    assert "已通过" in Client().get(status).content.decode()
    client = Client()
    assert client.post("/accounts/login/", {"login": "newclerk", "password": PASSWORD}).status_code == 302
    assert "登记主体经办人" in client.get("/accounts/").content.decode()
    link = re.search(
        r"http://testserver(/accounts/open/[^<]+)<", officer.get(f"/desk/signups/{row.pk}/").content.decode()
    )
    assert link, "the reviewer has no password yet: the officer hands over a link"
    opened = Client().post(link[1], {"password": PASSWORD + "!", "again": PASSWORD + "!"})
    assert opened.status_code == 302
    assert Client().post(link[1], {"password": PASSWORD, "again": PASSWORD}).status_code == 200, "a link works once"
    reviewer = Person.objects.get(username="newreviewer")
    assert reviewer.check_password(PASSWORD + "!")
    unit = Organisation.objects.get(name="示例新单位")
    assert {r.kind for r in unit.roles.all()} == {"clerk", "business_reviewer"}
    assert all(r.granted_by_id == world.people["agency_supervisor"].pk for r in unit.roles.all())
    again = officer.post(f"/desk/signups/{row.pk}/", {"act": "approve", "transaction_id": worlds.tid()}, follow=True)
    assert "已经办结" in again.content.decode() and Person.objects.filter(username="newclerk").count() == 1
    colleague = {"organisation": str(unit.pk), "register": str(world.register.pk), "role": "business_reviewer"}
    asked = client.post(
        "/workspace/people/", {**colleague, "name": "示例同事", "username": "colleague", "transaction_id": worlds.tid()}
    )
    assert asked.status_code == 302 and SignUp.objects.filter(kind="person", state="PENDING").count() == 1
    foreign = {**colleague, "organisation": str(world.registrant.pk), "name": "示例", "username": "another"}
    assert client.post("/workspace/people/", foreign).status_code == 200
    assert SignUp.objects.filter(kind="person").count() == 1


def test_a_refusal_carries_its_reason_and_keeps_no_letter(world: World) -> None:
    status = ask(world).headers["Location"]
    row = SignUp.objects.get()
    officer = as_(world.people["security_admin"])
    url = f"/desk/signups/{row.pk}/"
    assert officer.post(url, {"act": "refuse", "reason": " "}).status_code == 200
    officer.post(url, {"act": "refuse", "reason": "授权委托书未盖章", "transaction_id": worlds.tid()})
    row.refresh_from_db()
    assert row.state == "REFUSED" and row.letter_sealed is None
    assert "未盖章" in Client().get(status).content.decode()
    assert Client().get(status.replace("key=", "key=0")).status_code == 404
    assert ask(world).status_code == 302, "after a refusal one may ask again"


def test_what_is_wrong_or_hostile_is_named_and_not_taken(world: World) -> None:
    first = form(world)
    assert Client().post("/accounts/register/", first).status_code == 302
    wrong = [
        ({"credit_code": first["credit_code"], "username": "other1"}, "请勿重复提交"),
        ({"credit_code": world.registrant.credit_code, "username": "other2"}, "该单位已有账户"),
        ({"credit_code": "91620700MA00000000"}, "统一社会信用代码"),
        ({"username": world.people["clerk"].username.replace("-", ".") + " x"}, "登录名应以字母开头"),
        ({"password": "password1234", "again": "password1234"}, "密码过于简单"),
        ({"again": "other"}, "不一致"),
        ({"letter": SimpleUploadedFile("a.pdf", b"<svg><script>alert(1)</script></svg>")}, "不接受此类文件"),
        ({"letter": SimpleUploadedFile("a.pdf", b"MZ\x90\x00" + PDF)}, "不接受此类文件"),
        ({"letter": ""}, "请上传授权委托书"),
        ({"region_code": "000001"}, "区"),
        ({"username": "fresh2", "reviewer_username": "Fresh2"}, "不同的登录名"),
    ]
    for values, words in wrong:
        page = ask(world, **{"username": "fresh", **values})
        assert page.status_code == 200 and words in page.content.decode(), values
    assert SignUp.objects.count() == 1


def test_only_who_decides_may_see_requests(world: World) -> None:
    ask(world)
    row = SignUp.objects.get()
    other = worlds.build()
    for kind, person in world.people.items():
        allowed = kind in ("agency_supervisor", "system_admin", "security_admin")
        client = as_(person)
        for url in ("/desk/signups/", f"/desk/signups/{row.pk}/", f"/desk/signups/{row.pk}/letter/"):
            assert client.get(url).status_code == (200 if allowed else 403), (kind, url)
        assert client.get("/accounts/people/").status_code == (200 if kind == "security_admin" else 403), kind
        mine = kind.removeprefix("stranger_") in ("clerk", "business_reviewer")
        assert client.get("/workspace/people/").status_code == (200 if mine else 403), kind
    assert as_(other.people["agency_supervisor"]).get(f"/desk/signups/{row.pk}/").status_code == 404
    stranger = as_(other.people["agency_supervisor"])
    stranger.post(f"/desk/signups/{row.pk}/", {"act": "approve"})
    row.refresh_from_db()
    assert row.state == "PENDING"
    for url in ("/desk/signups/", "/accounts/people/", "/workspace/people/", "/accounts/tokens/", "/accounts/audit/"):
        assert Client().get(url).headers["Location"].startswith("/accounts/login/"), url
