"""Where each address leads."""

from django.urls import URLPattern, URLResolver, include, path

from dengji.web import evidence, health, views
from dengji.web.accounts import registering
from dengji.web.api import api, openapi
from dengji.web.verify import views as verify

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("evidence/", evidence.page, name="evidence"),
    path("evidence/worker.js", evidence.worker, name="evidence-worker"),
    path("styleguide/", include("dengji.web.design.urls")),
    path("workspace/people/", registering.people, name="workspace-people"),
    path("workspace/", include("dengji.web.workspace.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
    path("api/v1/openapi.json", openapi, name="openapi"),
    path("api/v1/", api.urls),
    path("accounts/", include("dengji.web.accounts.urls")),
    path("desk/signups/", include("dengji.web.accounts.desk_urls")),
    path("desk/", include("dengji.web.desk.urls")),
    path("oversight/", include("dengji.web.oversight.urls")),
    path("verify", verify.page, name="verify"),
    path("log/", include("dengji.ledger.urls")),
    path("", include("dengji.web.public.urls")),
    path("", include("dengji.catalogue.urls")),
    path("", include("dengji.catalogue.statistics.urls")),
]

handler400 = "dengji.web.errors.bad_request"
handler403 = "dengji.web.errors.forbidden"
handler404 = "dengji.web.errors.not_found"
handler500 = "dengji.web.errors.internal"
