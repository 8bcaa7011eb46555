"""Settings of signing in: password, second factor, lock-out, sessions, identity platforms (issue: accounts)."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

ENV = os.environ

#: Who needs a second factor: `roles` (agency, authority, administrators), `all`, `none`; empty: `roles`, but `none` on
#: a demonstration node.
DENGJI_SECOND_FACTOR = ENV.get("DENGJI_SECOND_FACTOR", "")
#: Days after which a password must be changed; 0 never. Passwords that somebody else has set must be changed at once.
#: Empty: 180, and never on a demonstration node.
DENGJI_PASSWORD_DAYS = ENV.get("DENGJI_PASSWORD_DAYS", "")
#: Seconds without a request after which a session ends.
DENGJI_SESSION_IDLE_SECONDS = int(ENV.get("DENGJI_SESSION_IDLE_SECONDS", "1800"))
#: Networks from which people of a kind may act, as JSON: {"agency": ["10.0.0.0/8"], "administrator": […], …}.
DENGJI_ALLOWED_NETWORKS: dict[str, list[str]] = json.loads(ENV.get("DENGJI_ALLOWED_NETWORKS") or "{}")
#: The header by which a gateway tells the certificate of a client, and the networks of gateways that may tell it.
DENGJI_CLIENT_CERT_HEADER = ENV.get("DENGJI_CLIENT_CERT_HEADER", "")
DENGJI_CLIENT_CERT_GATEWAYS = ENV.get("DENGJI_CLIENT_CERT_GATEWAYS", "").split()
#: A JSON file that names the identity platforms (OpenID Connect, SAML) and what their claims mean.
DENGJI_IDENTITY_FILE = ENV.get("DENGJI_IDENTITY_FILE", "")

SIGN_IN_APPS = [
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "axes",
]
SIGN_IN_MIDDLEWARE = [
    "allauth.account.middleware.AccountMiddleware",
    "dengji.web.limits.PageLimits",
    "dengji.web.accounts.guard.Guard",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]

SESSION_ENGINE = "dengji.parties.sessions"
PASSWORD_RESET_TIMEOUT = int(ENV.get("DENGJI_OPENING_SECONDS", str(3 * 86400)))

ACCOUNT_ADAPTER = "dengji.web.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_FORMS = {
    "login": "dengji.web.accounts.forms.Login",
    "change_password": "dengji.web.accounts.forms.ChangePassword",
    "reauthenticate": "dengji.web.accounts.forms.Reauthenticate",
}
# Failures of one name are counted by django-axes for all processes; here only what one address may ask at all.
ACCOUNT_RATE_LIMITS: Any = {"login_failed": "30/m/ip"} if ENV.get("DENGJI_RATE_LIMITS", "1") == "1" else False

MFA_ADAPTER = "dengji.web.accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODE_COUNT = 10
MFA_TOTP_TOLERANCE = 1
# WebAuthn wants TLS, or a page of this machine itself.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not ENV.get("DENGJI_PUBLIC_URL", "").startswith("https://")

# django-axes locks a login name from one address after repeated failures; its tables hold keyed digests only.
AXES_FAILURE_LIMIT = int(ENV.get("DENGJI_LOCK_AFTER", "5"))
AXES_COOLOFF_TIME = timedelta(seconds=int(ENV.get("DENGJI_LOCK_SECONDS", "900")))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_HANDLER = "dengji.web.accounts.lockout.Handler"
AXES_USERNAME_CALLABLE = "dengji.web.accounts.lockout.username"
AXES_CLIENT_IP_CALLABLE = "dengji.web.accounts.lockout.address"
AXES_LOCKOUT_CALLABLE = "dengji.web.accounts.lockout.response"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False


def identity_platforms(file: str) -> list[dict[str, Any]]:
    """Return the identity platforms that a file names; raises ValueError where it cannot be read as such."""
    if not file:
        return []
    listed = json.loads(Path(file).read_text(encoding="utf-8"))["platforms"]
    if not all({"id", "kind", "name", "client_id"} <= set(row) and row["kind"] in ("oidc", "saml") for row in listed):
        raise ValueError(f"{file}: each platform needs id, kind (oidc or saml), name and client_id")
    return list(listed)


def allauth_apps(platforms: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the platforms of one kind as django-allauth wants them."""
    return [
        {
            "provider_id": row["id"],
            "name": row["name"],
            "client_id": row["client_id"],
            "secret": row.get("secret", ""),
            "settings": row.get("settings", {}),
        }
        for row in platforms
        if row["kind"] == kind
    ]


DENGJI_IDENTITY_PLATFORMS = identity_platforms(DENGJI_IDENTITY_FILE)
SOCIALACCOUNT_ADAPTER = "dengji.web.accounts.identity.IdentityAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_QUERY_EMAIL = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = "oidc"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": allauth_apps(DENGJI_IDENTITY_PLATFORMS, "oidc"),
        "OAUTH_PKCE_ENABLED": True,
    },
    "saml": {"APPS": allauth_apps(DENGJI_IDENTITY_PLATFORMS, "saml")},
}
MFA_FORMS = {
    "authenticate": "dengji.web.accounts.forms.Authenticate",
    "reauthenticate": "dengji.web.accounts.forms.ReauthenticateByCode",
    "activate_totp": "dengji.web.accounts.forms.ActivateTotp",
    "add_webauthn": "dengji.web.accounts.forms.AddKey",
    "edit_webauthn": "dengji.web.accounts.forms.EditKey",
}
