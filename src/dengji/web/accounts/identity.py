"""People who come from an identity platform: known ones sign in, others are refused or may ask for an account.

What the platform says of a person is never stored in clear: the account there is kept as a keyed digest, claims go
sealed into the session and from there into the request for an account.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dengji.core.encryption import keyed_digest, seal_json, unseal_json
from dengji.core.errors import DomainError
from dengji.law.codes import CodeError, validate_credit_code
from dengji.parties.access import log_refusal
from dengji.parties.models import Person

_KEY, _CONTEXT = "dengji_platform", b"identity platform"
#: What a claim may mean here; the platform's own names for them stand in its row of the identity file.
_CLAIMS = {"name": "name", "unit_name": "unit_name", "credit_code": "credit_code", "kind": "user_type"}


class IdentityAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Nobody becomes a user by coming from a platform alone."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Accounts come from an approved request or from the security administrator."""
        return False

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: Mapping[str, Any]) -> Any:
        """Read the claims, then forget them: before the account there is looked up."""
        account = sociallogin.account
        sociallogin.dengji_claims = claims(platform_of(account.provider), _flat(account.extra_data))
        account.uid = keyed_digest(f"platform {account.provider} {account.uid}".encode()).hex()
        account.extra_data = {}
        sociallogin.email_addresses = []
        return sociallogin.user

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Let known people through; lead others to a request for an account, or refuse them."""
        if sociallogin.is_existing or sociallogin.state.get("process") == "connect":
            return
        provider = sociallogin.account.provider
        platform = platform_of(provider)
        if platform.get("unknown") == "approve" and "credit_code" in sociallogin.dengji_claims:
            found = {**sociallogin.dengji_claims, "provider": provider, "uid": sociallogin.account.uid}
            sealed = seal_json(found, _CONTEXT) or b""
            request.session[_KEY] = base64.b64encode(sealed).decode()
            raise ImmediateHttpResponse(redirect("accounts-register"))
        raise ImmediateHttpResponse(refuse(request, "unknown_identity"))

    def on_authentication_error(self, request: HttpRequest, provider: Any, **_more: Any) -> None:
        """Say that signing in failed, without what the platform said."""
        raise ImmediateHttpResponse(refuse(request, "identity_platform"))


def refuse(request: HttpRequest, outcome: str) -> HttpResponse:
    """Answer somebody whom this node does not know."""
    log_refusal(actor="public", act="sign_in", outcome=outcome, object_kind="person")
    return render(request, "web/accounts/unknown.html", status=403)


def platform_of(provider: str) -> dict[str, Any]:
    """Return the row of a platform in the identity file."""
    return next((row for row in settings.DENGJI_IDENTITY_PLATFORMS if row["id"] == provider), {})


def claims(platform: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, str]:
    """Return {name, unit_name?, credit_code?} as the platform's row reads its claims; a wrong credit code is none.

    A legal person's claims name the unit; where the row has a `legal` value, others are natural persons and bring none.
    """
    names = _CLAIMS | dict(platform.get("claims", {}))
    found = {key: str(told[claim])[:200].strip() for key, claim in names.items() if told.get(claim)}
    kind = found.pop("kind", "")
    if platform.get("legal") and kind not in platform["legal"]:
        found.pop("unit_name", None)
        found.pop("credit_code", None)
    if "credit_code" in found:
        try:
            found["credit_code"] = validate_credit_code(found["credit_code"])
        except CodeError:
            del found["credit_code"]
    return found


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """Join what the identity token, the platform's own endpoint and SAML attributes say."""
    parts = [data.get("id_token"), data.get("userinfo")]
    joined = dict(data)
    for part in parts:
        joined |= part if isinstance(part, dict) else {}
    return {key: value[0] if isinstance(value, list) and value else value for key, value in joined.items()}


def remembered(request: HttpRequest) -> dict[str, str] | None:
    """Return what an identity platform said of the visitor who now asks for an account."""
    kept = request.session.get(_KEY)
    if not kept:
        return None
    try:
        found: dict[str, str] = unseal_json(base64.b64decode(kept), _CONTEXT)
    except DomainError:
        return None
    return found


def forget(request: HttpRequest) -> None:
    """Forget it, once it has been used."""
    request.session.pop(_KEY, None)


def bind(person: Person, account: Mapping[str, str]) -> None:
    """Tie a person to the account on a platform from which they came."""
    SocialAccount.objects.create(user=person, provider=account["provider"], uid=account["uid"], extra_data={})
