"""OpenID Connect with the token's signature checked always, also where the platform is reached over plain HTTP."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Believes no token that is unsigned, and no claims about somebody else than the token's subject."""

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Refuse an answer without an identity token."""
        if not kwargs["response"].get("id_token"):
            raise OAuth2Error("no id_token")
        self._subject = None
        return super().complete_login(request, app, token, **kwargs)

    def _fetch_user_info(self, access_token: str) -> dict[str, Any]:
        told: dict[str, Any] = super()._fetch_user_info(access_token)
        self._subject = told.get("sub")
        return told

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        told: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        if self._subject is not None and self._subject != told.get("sub"):
            raise OAuth2Error("subject differs")
        return told


def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take the browser back from the platform."""
    try:
        response: HttpResponse = OAuth2CallbackView.adapter_view(Adapter(request, provider_id))(request)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return response
