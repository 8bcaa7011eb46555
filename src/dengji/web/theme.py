"""How large a page is drawn can be chosen by `?theme=` (标准 or 长辈版), and the choice is kept in a cookie."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

THEMES = ("standard", "elder")
COOKIE = "dengji-theme"


def theme_of(request: HttpRequest) -> str:
    """Return the theme asked for now, or the one kept; the standard one for anything else."""
    chosen = request.GET.get("theme", "") or request.COOKIES.get(COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


class ChosenTheme:
    """Keeps `?theme=elder` or `?theme=standard` for a year; anything else is ignored."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Remember the theme asked for; tell caches that pages depend on it."""
        response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ("Cookie",))
        chosen = request.GET.get("theme", "")
        if chosen in THEMES:
            response.set_cookie(
                COOKIE,
                chosen,
                max_age=365 * 86400,
                path=settings.LANGUAGE_COOKIE_PATH,
                samesite="Lax",
                httponly=True,
                secure=request.is_secure(),
            )
        return response
