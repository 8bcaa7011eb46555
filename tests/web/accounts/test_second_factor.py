"""Second factor, sessions, networks, password age, certificates: what stands between a password and a page."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from dengji.core.clock import real_now
from dengji.parties import services as parties
from dengji.parties.accounts import services
from dengji.parties.actor import for_person
from dengji.parties.models import AccessLog, Person, Session
from dengji.parties.services import OPERATOR
from tests.factories import world as worlds
from tests.factories.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
PASSWORD = "correct-horse-battery"


@pytest.fixture
def world(settings: Any) -> World:
    """A register whose officers need a second factor."""
    settings.DENGJI_SECOND_FACTOR = "roles"
    settings.ACCOUNT_RATE_LIMITS = settings.MFA_RATE_LIMITS = {}
    built = worlds.build()
    for name in ("reviewer", "clerk", "security_admin"):
        services.set_own_password(person=built.people[name], password=PASSWORD)
    return built


def sign_in(person: Person, client: Client | None = None) -> Client:
    """Somebody with a password, past its page."""
    client = client or Client()
    answer = client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return client


def code(secret: str, steps: int = 0) -> str:
    """What an authenticator shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def enrol(client: Client) -> str:
    """Set up an authenticator; its secret."""
    answer = client.get("/accounts/2fa/totp/activate/")
    page = answer.content.decode()
    found = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', page)
    assert found, (answer.status_code, answer.headers, page)
    wrong = client.post("/accounts/2fa/totp/activate/", {"code": "000000"})
    assert wrong.status_code == 200 and "验证码不正确" in wrong.content.decode()
    assert client.post("/accounts/2fa/totp/activate/", {"code": code(found[1])}).status_code == 302
    return found[1]


def test_an_officer_must_set_up_a_factor_and_then_needs_it(world: World) -> None:
    officer = world.people["reviewer"]
    client = sign_in(officer)
    for url in ("/accounts/", "/", "/accounts/tokens/"):
        assert client.get(url).headers["Location"] == "/accounts/2fa/", url
    secret = enrol(client)
    assert client.get("/accounts/").status_code == 200
    stored = Authenticator.objects.get(user=officer, type="totp").data["secret"]
    assert secret not in stored, "a secret is sealed"
    page = client.get("/accounts/2fa/recovery-codes/", follow=True).content.decode()
    spare = re.findall(r"<li><code>(\d{8})</code>", page)
    assert len(spare) == 10
    kept = client.post("/accounts/2fa/totp/deactivate/")
    assert kept.status_code != 302 or Authenticator.objects.filter(user=officer, type="totp").exists()

    second = Client()
    answer = second.post("/accounts/login/", {"login": officer.username, "password": PASSWORD, "next": "/search"})
    assert answer.headers["Location"].startswith("/accounts/2fa/authenticate/")
    assert second.get("/accounts/").status_code == 302, "a password alone opens nothing"
    assert second.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert AccessLog.objects.filter(act="second_factor", outcome="code", object_id=officer.pk).exists()
    done = second.post("/accounts/2fa/authenticate/", {"code": spare[0]})
    assert done.status_code == 302 and done.headers["Location"] == "/search"
    assert second.get("/accounts/").status_code == 200

    third = Client()
    third.post("/accounts/login/", {"login": officer.username, "password": PASSWORD})
    assert third.post("/accounts/2fa/authenticate/", {"code": spare[0]}).status_code == 200, "a code works once"
    answers = [third.post("/accounts/2fa/authenticate/", {"code": f"{n:06}"}).status_code for n in range(5)]
    assert 429 in answers, "wrong codes lock like wrong passwords"


def test_a_registrant_needs_no_factor_unless_the_node_says_so(world: World, settings: Any) -> None:
    client = sign_in(world.people["clerk"])
    assert client.get("/accounts/").status_code == 200
    settings.DENGJI_SECOND_FACTOR = "all"
    assert client.get("/accounts/").headers["Location"] == "/accounts/2fa/"


def test_sessions_are_listed_ended_and_grow_stale(world: World, settings: Any) -> None:
    clerk = world.people["clerk"]
    here = sign_in(clerk, Client(headers={"user-agent": "示例浏览器一"}))
    there = sign_in(clerk, Client(headers={"user-agent": "示例浏览器二"}))
    page = here.get("/accounts/sessions/").content.decode()
    assert "示例浏览器一" in page and "示例浏览器二" in page
    row = Session.objects.filter(person=clerk).first()
    assert row is not None and row.session_key not in (here.session.session_key, there.session.session_key)
    assert "示例".encode() not in bytes(row.place_sealed or b"")
    assert here.post("/accounts/sessions/").status_code == 302
    assert here.get("/accounts/").status_code == 200
    assert there.get("/accounts/").headers["Location"].startswith("/accounts/login/")
    session = here.session
    session["dengji_seen"] = (real_now() - timedelta(seconds=settings.DENGJI_SESSION_IDLE_SECONDS + 5)).isoformat()
    session.save()
    assert here.get("/accounts/").headers["Location"] == "/accounts/login/"
    there = sign_in(clerk)
    services.set_own_password(person=Person.objects.get(pk=clerk.pk), password=PASSWORD + "2")
    assert there.get("/accounts/").status_code == 302, "a new password ends sessions"
    acts = list(AccessLog.objects.filter(object_id=clerk.pk).values_list("act", flat=True))
    assert acts.count("sign_in") == 3 and "sign_out" in acts and "sessions_ended" in acts


def test_passwords_of_others_and_old_ones_must_be_changed(world: World, settings: Any) -> None:
    settings.DENGJI_PASSWORD_DAYS = "30"
    person = parties.add_person(actor=OPERATOR, username="given", name="示例", password=PASSWORD)
    client = sign_in(person)
    assert client.get("/accounts/").headers["Location"] == "/accounts/password/change/"
    data = {"oldpassword": PASSWORD, "password1": PASSWORD, "password2": PASSWORD}
    page = client.post("/accounts/password/change/", data)
    assert page.status_code == 200 and "不能与原密码相同" in page.content.decode()
    assert client.post("/accounts/password/change/", {**data, "password2": "x" * 12}).status_code == 200
    fresh = {**data, "password1": PASSWORD + "3", "password2": PASSWORD + "3"}
    assert client.post("/accounts/password/change/", fresh).status_code == 302
    assert client.get("/accounts/").status_code == 200
    Person.objects.filter(pk=person.pk).update(password_chosen_at=real_now() - timedelta(days=31))
    assert client.get("/accounts/").status_code == 302


def test_networks_and_certificates(world: World, settings: Any) -> None:
    clerk, print_ = world.people["clerk"], "AB" * 32
    client = sign_in(clerk)
    settings.DENGJI_ALLOWED_NETWORKS = {"registrant": ["10.1.0.0/16"], "agency": ["10.2.0.0/16"]}
    assert client.get("/accounts/").status_code == 403
    assert client.get("/accounts/", REMOTE_ADDR="10.1.2.3").status_code == 200
    settings.DENGJI_ALLOWED_NETWORKS = {}

    administrator = for_person(world.people["security_admin"])
    services.bind_certificate(actor=administrator, person=clerk, fingerprint=":".join(["ab"] * 32))
    head = {"HTTP_X_CLIENT_CERT": print_}
    assert Client().post("/accounts/certificate/", **head).status_code == 403, "no header is set: nothing is believed"
    settings.DENGJI_CLIENT_CERT_HEADER, settings.DENGJI_CLIENT_CERT_GATEWAYS = "X-Client-Cert", ["10.9.0.1/32"]
    assert Client().post("/accounts/certificate/", **head).status_code == 403, "not from the gateway"
    gateway = {**head, "REMOTE_ADDR": "10.9.0.1"}
    assert Client().get("/accounts/certificate/", **gateway).status_code == 405
    visitor = Client()
    assert "数字证书" in visitor.get("/accounts/login/", **gateway).content.decode()
    assert visitor.post("/accounts/certificate/", **gateway).status_code == 302
    assert visitor.get("/accounts/").status_code == 200
    services.revoke_certificate(actor=administrator, certificate_id=clerk.certificates.get().pk)
    assert Client().post("/accounts/certificate/", **gateway).status_code == 403


def test_the_security_administrator_keeps_people_and_roles(world: World, settings: Any) -> None:
    settings.DENGJI_SECOND_FACTOR = "none"
    client = sign_in(world.people["security_admin"])
    made = client.post("/accounts/people/", {"username": "newofficer", "name": "示例新人"})
    person = Person.objects.get(username="newofficer")
    assert made.headers["Location"] == f"/accounts/people/{person.pk}/"
    act = f"/accounts/people/{person.pk}/act/"
    client.post(act, {"act": "grant", "kind": "reviewer", "register": world.register.slug})
    assert for_person(person).kinds() == {"reviewer"}
    refused = client.post(act, {"act": "grant", "kind": "audit_admin"})
    assert "相互独立" in refused.content.decode() and for_person(person).kinds() == {"reviewer"}
    missing = client.post(act, {"act": "grant", "kind": "clerk"})
    assert missing.status_code == 200 and "请指明" in missing.content.decode()
    link = re.search(r"http://testserver(/accounts/open/[^<]+)<", client.post(act, {"act": "link"}).content.decode())
    assert link and Client().post(link[1], {"password": PASSWORD, "again": PASSWORD}).status_code == 302
    theirs = sign_in(person)
    enrol(theirs)
    client.post(act, {"act": "factor"})
    assert not Authenticator.objects.filter(user=person).exists()
    client.post(act, {"act": "close"})
    assert theirs.get("/accounts/").status_code == 302
    assert Client().post("/accounts/login/", {"login": "newofficer", "password": PASSWORD}).status_code == 200
    client.post(act, {"act": "open"})
    role = person.roles.get()
    client.post(act, {"act": "end", "id": role.pk})
    assert not for_person(person).kinds()
    own = world.people["security_admin"]
    client.post(f"/accounts/people/{own.pk}/act/", {"act": "close"})
    assert client.get("/accounts/people/").status_code == 200, "nobody closes their own account"
    other = f"/accounts/people/{world.people['audit_admin'].pk}/act/"
    assert "命令行" in client.post(other, {"act": "link"}, follow=True).content.decode()
    noted = set(AccessLog.objects.filter(object_id=person.pk).values_list("act", flat=True))
    assert {"role_granted", "role_ended", "account_closed", "account_opened", "second_factor_reset"} <= noted
    assert sign_in(world.people["clerk"]).post(act, {"act": "close"}).status_code == 403


def test_tokens_contacts_and_the_own_record(world: World) -> None:
    clerk = world.people["clerk"]
    client = sign_in(clerk)
    page = client.post("/accounts/tokens/", {"label": "脚本", "days": 30, "transaction_id": worlds.tid()})
    token = re.search(r"dj_[\w-]+", page.content.decode())
    assert token
    bearer = {"authorization": f"Bearer {token[0]}"}
    assert Client(headers=bearer).get("/api/v1/notifications").status_code == 200
    row = clerk.tokens.get()
    assert sign_in(world.people["security_admin"]).post(f"/accounts/tokens/{row.pk}/revoke/").status_code == 302
    row.refresh_from_db()
    assert row.revoked_at is None, "somebody else's token stays"
    client.post(f"/accounts/tokens/{row.pk}/revoke/")
    assert Client(headers=bearer).get("/api/v1/notifications").status_code == 401
    wrong = client.post("/accounts/profile/", {"email": "no address", "language": "en"})
    assert "格式不正确" in wrong.content.decode()
    client.post("/accounts/profile/", {"email": "a@example.com", "phone": "1", "language": "en"})
    assert "What is noted of me" in client.get("/accounts/audit/").content.decode()
    assert b"a@example.com" not in bytes(Person.objects.get(pk=clerk.pk).email_sealed or b"")


def test_a_fresh_node_gets_three_administrators_who_open_their_own_accounts() -> None:
    made = services.found_administrators()
    assert [for_person(p).kinds() for p in made] == [{"system_admin"}, {"security_admin"}, {"audit_admin"}]
    assert services.found_administrators() == [], "once"
    key = services.opening_key(actor=OPERATOR, person=made[1])
    answer = Client().post(f"/accounts/open/{made[1].pk}/{key}/", {"password": PASSWORD, "again": PASSWORD})
    assert answer.status_code == 302
    assert "用户与角色" in sign_in(made[1]).get("/accounts/people/").content.decode()


def test_pages_are_charged_like_the_api(settings: Any) -> None:
    from dengji.web.limits import BUCKETS

    BUCKETS.clear()
    settings.DENGJI_RATE_LIMITS, settings.DENGJI_RATE_ADDRESS = True, "2/60"
    client = Client()
    assert [client.post("/accounts/login/", {}).status_code for _ in range(3)] == [200, 200, 429]
    limited = client.get("/search")
    assert limited.status_code == 429 and limited.headers["Retry-After"]
    assert client.get("/accounts/login/").status_code == 200, "reading a plain page costs nothing"
    BUCKETS.clear()
