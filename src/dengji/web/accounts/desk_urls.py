"""The addresses under /desk/signups/."""

from __future__ import annotations

from django.urls import path

from . import deciding

urlpatterns = [
    path("", deciding.listed, name="desk-signups"),
    path("<uuid:sign_up_id>/", deciding.one, name="desk-signup"),
    path("<uuid:sign_up_id>/letter/", deciding.letter, name="desk-signup-letter"),
]
