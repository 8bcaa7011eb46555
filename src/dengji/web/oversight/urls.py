"""The addresses of oversight."""

from django.urls import path

from . import audit, figures, rules

app_name = "oversight"

urlpatterns = [
    path("", figures.home, name="home"),
    path("registers/<uuid:pk>/", figures.register, name="register"),
    path("cases/<uuid:pk>/", figures.case, name="case"),
    path("rules/", rules.index, name="rules"),
    path("rules/<slug:name>/", rules.rulebook, name="rulebook"),
    path("audit/", audit.trail, name="audit"),
]
