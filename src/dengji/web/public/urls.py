"""The addresses of the public pages."""

from django.urls import path, re_path

from dengji.content.sections import SECTIONS

from . import complaining, desk, notices, objecting, reading, touring

_SECTION = "|".join(SECTIONS)
_SLUG = "[a-z0-9]+(?:-[a-z0-9]+)*"

urlpatterns = [
    path("notices", notices.listed, name="notices"),
    path("notices/<uuid:pk>", notices.one, name="notice"),
    path("notices/<uuid:pk>/", notices.one),
    path("notices/<uuid:pk>/object", objecting.lodge, name="notice-object"),
    path("registrants", notices.holders, name="registrants"),
    path("coded", notices.coded, name="coded"),
    path("code", reading.code, name="code"),
    path("objections/<uuid:pk>", objecting.followed, name="objection"),
    path("objections/<uuid:pk>/retract", objecting.retract, name="objection-retract"),
    path("complaints/new", complaining.complain, name="complaint-new"),
    path("complaints/<uuid:pk>", complaining.complaint, name="complaint"),
    path("privacy/request", complaining.ask, name="privacy-ask"),
    path("privacy/requests/<uuid:pk>", complaining.asked, name="privacy-followed"),
    path("follow", complaining.follow, name="follow"),
    path("help/fields", reading.fields, name="help-fields"),
    path("tour", touring.tour, name="tour"),
    path("tour/clock", touring.move, name="tour-clock"),
    path("desk/pages/", desk.pages, name="desk-pages"),
    path("desk/pages/edit", desk.page, name="desk-page"),
    path("desk/pages/withdraw", desk.withdraw, name="desk-page-withdraw"),
    path("desk/privacy/", desk.asked, name="desk-privacy"),
    path("desk/privacy/<uuid:pk>", desk.answered, name="desk-privacy-one"),
    # The guide is where the header leads for help.
    path("guide", reading.section, {"name": "guide"}, name="help"),
    re_path(rf"^(?P<name>{_SECTION})$", reading.section, name="section"),
    re_path(rf"^(?P<name>{_SECTION})/(?P<slug>{_SLUG})$", reading.page, name="section-page"),
]
