"""Addresses of the catalogue outside the API: pages and open exports."""

from django.urls import path

from . import views
from .exports import feeds, linked, oai, sitemaps, streams

exports = [
    path("export/registrations.json", streams.registrations, {"form": "json"}, name="export-json"),
    path("export/registrations.jsonl", streams.registrations, {"form": "jsonl"}, name="export-jsonl"),
    path("export/registrations.csv", streams.registrations, {"form": "csv"}, name="export-csv"),
    path("r/<str:code>.jsonld", linked.record, {"form": "jsonld"}, name="record-jsonld"),
    path("r/<str:code>.ttl", linked.record, {"form": "ttl"}, name="record-ttl"),
    path("r/<str:code>.json", linked.record, {"form": "json"}, name="record-json"),
    path("catalogue.jsonld", linked.catalogue, {"form": "jsonld"}, name="catalogue-jsonld"),
    path("catalogue.ttl", linked.catalogue, {"form": "ttl"}, name="catalogue-ttl"),
    path("context/dcat.jsonld", linked.context, name="dcat-context"),
    path("id/industry/<str:code>", linked.industry, name="industry"),
    path("id/region/<str:code>", linked.region, name="region"),
    path("oai", oai.oai, name="oai"),
    path("feed/registrations.atom", feeds.registrations, name="feed-registrations"),
    path("feed/notices.atom", feeds.notices, name="feed-notices"),
    path("sitemap.xml", sitemaps.index, name="sitemap"),
    path("sitemap-<int:n>.xml", sitemaps.sitemap, name="sitemap-part"),
    path("robots.txt", sitemaps.robots, name="robots"),
]
pages = [
    path("search", views.search, name="search"),
    path("r/<str:code>", views.record, name="record"),
]
# The exports come first: their addresses are those of pages with an ending.
urlpatterns = [*exports, *pages]
