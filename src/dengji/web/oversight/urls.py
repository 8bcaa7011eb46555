"""The addresses of oversight."""

from django.urls import path

from . import audit, figures, reports, rules

app_name = "oversight"

urlpatterns = [
    path("", figures.home, name="home"),
    path("registers/<uuid:pk>/", figures.register, name="register"),
    path("cases/<uuid:pk>/", figures.case, name="case"),
    path("reports/", reports.reports, name="reports"),
    path("reports/<uuid:pk>/", reports.report, name="report"),
    path("reports/<uuid:pk>/<slug:form>/", reports.report_file, name="report-file"),
    path("rules/", rules.index, name="rules"),
    path("rules/<slug:name>/", rules.rulebook, name="rulebook"),
    path("audit/", audit.trail, name="audit"),
]
