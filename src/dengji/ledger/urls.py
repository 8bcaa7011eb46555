"""The public log, at the paths of C2SP tlog-tiles."""

from django.urls import path

from . import views

urlpatterns = [
    path("checkpoint", views.checkpoint, name="log-checkpoint"),
    path("vkey", views.vkey, name="log-vkey"),
    path("content/<str:digest>", views.content, name="log-content"),
    path("witness", views.witness, name="log-witness"),
    path("<path:path>", views.tile, name="log-tile"),
]
