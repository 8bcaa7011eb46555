"""People from identity platforms: known ones come in, others are refused or ask for an account; nobody slips in."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from dengji.config.sign_in import allauth_apps, identity_platforms
from dengji.parties.actor import for_person
from dengji.parties.models import AccessLog, Person, SignUp
from dengji.web.accounts.identity import claims
from tests.factories import world as worlds
from tests.factories.world import World

from .provider import CLIENT, Provider

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Do not follow."""


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """A provider, and the node told of it."""
    running = Provider()
    platform = {
        "id": "gov",
        "kind": "oidc",
        "name": "示例身份平台",
        "client_id": CLIENT,
        "secret": "secret",
        "settings": {"server_url": running.url},
        "claims": {"name": "real_name", "unit_name": "org_name", "credit_code": "uscc", "kind": "user_type"},
        "legal": ["legal"],
        "unknown": "approve",
    }
    settings.DENGJI_IDENTITY_PLATFORMS = [platform]
    settings.DENGJI_RATE_LIMITS = False
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"APPS": allauth_apps([platform], "oidc"), "OAUTH_PKCE_ENABLED": True}
    }
    yield running
    running.close()


def come(client: Client) -> Any:
    """Go to the platform and come back, as a browser does; the node's answer."""
    start = client.post("/accounts/oidc/gov/login/")
    assert start.status_code == 302, start.content.decode()
    opener = urllib.request.build_opener(_Stay)
    try:
        opener.open(start.headers["Location"], timeout=10)
    except urllib.error.HTTPError as answer:
        back = answer.headers["Location"]
    return client.get(back.removeprefix("http://testserver"))


def test_a_legal_person_asks_is_approved_and_then_signs_in(provider: Provider) -> None:
    world: World = worlds.build()
    code = worlds.credit_code()
    provider.claims = {
        "sub": "subject-4711",
        "real_name": "示例法人经办",
        "user_type": "legal",
        "org_name": "示例平台单位",
        "uscc": code,
        "email": "someone@example.com",
    }
    client = Client()
    assert "示例身份平台" in client.get("/accounts/login/").content.decode()
    assert come(client).headers["Location"] == "/accounts/register/"
    assert not Person.objects.filter(username__contains="someone").exists() and not SocialAccount.objects.exists()
    page = client.get("/accounts/register/").content.decode()
    assert code in page and "经办人密码" not in page
    asked = client.post(
        "/accounts/register/",
        {
            "register": str(world.register.pk),
            "unit_name": "另一单位",
            "credit_code": worlds.credit_code(),
            "unit_kind": "enterprise",
            "region_code": "620700",
            "phone": "13900000000",
            "username": "platformclerk",
            "agreed": "on",
        },
    )
    assert asked.status_code == 302, asked.content.decode()
    row = SignUp.objects.get()
    assert row.credit_code == code and row.unit_name == "示例平台单位", "claims cannot be changed by the form"
    assert come(Client()).headers["Location"] == "/accounts/register/", "not before the approval"
    officer = Client()
    officer.force_login(world.people["agency_supervisor"], backend="django.contrib.auth.backends.ModelBackend")
    officer.post(f"/desk/signups/{row.pk}/", {"act": "approve", "transaction_id": worlds.tid()})
    known = Client()
    assert come(known).status_code == 302
    assert "示例法人经办" in known.get("/accounts/").content.decode()
    person = Person.objects.get(username="platformclerk")
    assert for_person(person).kinds() == {"clerk"} and not person.has_usable_password()
    account = SocialAccount.objects.get()
    assert "4711" not in account.uid and account.extra_data == {}
    provider.forged = True
    assert come(Client()).status_code == 403, "a token under another key"


def test_natural_persons_wrong_codes_and_strict_platforms_are_refused(provider: Provider, settings: Any) -> None:
    worlds.build()
    natural = {"sub": "a", "real_name": "示例自然人", "user_type": "natural", "uscc": worlds.credit_code()}
    for said in (natural, {"sub": "b", "user_type": "legal", "uscc": "not a code"}, {"sub": "c", "role": "reviewer"}):
        provider.claims = said
        client = Client()
        assert come(client).status_code == 403, said
        assert client.get("/accounts/").status_code == 302
    settings.DENGJI_IDENTITY_PLATFORMS[0]["unknown"] = "refuse"
    provider.claims = {"sub": "d", "user_type": "legal", "uscc": worlds.credit_code()}
    assert come(Client()).status_code == 403
    assert AccessLog.objects.filter(act="sign_in", outcome="unknown_identity").count() == 4
    assert not SocialAccount.objects.exists() and not SignUp.objects.exists()
    assert Client().get("/accounts/oidc/gov/login/callback/?code=x&state=forged").status_code == 403
    assert Client().post("/accounts/oidc/none/login/").status_code == 404


def test_the_identity_file_and_saml_attributes(tmp_path: Any) -> None:
    file = tmp_path / "identity.json"
    file.write_text(
        '{"platforms": [{"id": "s", "kind": "saml", "name": "S", "client_id": "s", "settings": {"idp": {}}}]}'
    )
    [row] = identity_platforms(str(file))
    assert allauth_apps([row], "saml")[0]["provider_id"] == "s" and allauth_apps([row], "oidc") == []
    file.write_text('{"platforms": [{"id": "s", "kind": "ldap", "name": "S", "client_id": "s"}]}')
    with pytest.raises(ValueError, match="platform"):
        identity_platforms(str(file))
    code = worlds.credit_code()
    said = {"urn:uscc": code, "cn": "示例"}
    assert claims({"claims": {"credit_code": "urn:uscc", "name": "cn"}}, said) == {"credit_code": code, "name": "示例"}
