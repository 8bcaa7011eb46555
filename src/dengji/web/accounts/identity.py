"""People who come from an identity platform."""

from __future__ import annotations

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest


class IdentityAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Nobody becomes a user by coming from a platform alone."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:
        """Accounts come from an approved request or from the security administrator."""
        return False
