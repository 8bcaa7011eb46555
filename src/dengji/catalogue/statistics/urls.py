"""Addresses of the figures."""

from django.urls import path, re_path

from . import views

urlpatterns = [
    path("statistics", views.page, name="statistics"),
    path("statistics/disclosure", views.disclosed, name="disclosure"),
    re_path(r"^statistics/(?P<dimension>[a-z]{1,20})\.csv$", views.download, name="statistics-csv"),
]
