"""The one door for reads of pages: what anyone may read, and what the editors of a register see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from dengji.core.errors import not_found
from dengji.parties.actor import Actor
from dengji.parties.selectors import name_of

from .models import Page, PageVersion
from .sections import LANGUAGES, SECTIONS, Text, shipped
from .services import EDITOR


@dataclass(frozen=True)
class Shown:
    """A page as readers see it; `at` is None for a text that came with the software."""

    section: str
    slug: str
    title: str
    body: str
    language: str
    at: datetime | None = None
    agency: str = ""


def page_scope(actor: Actor) -> Q:
    """Return which pages an actor may edit: those of the registers they supervise for the agency."""
    return Q(register_id__in=actor.registers(EDITOR))


def _newest(language: str) -> Any:
    """The newest version of each page in a language, published or not."""
    latest = PageVersion.objects.filter(page=OuterRef("page"), language=language).order_by("-number")
    return PageVersion.objects.filter(language=language, pk=Subquery(latest.values("pk")[:1]))


def _shown(row: PageVersion) -> Shown:
    page = row.page
    return Shown(page.section, page.slug, row.title, row.body, row.language, row.at, page.register.agency.name)


def section_page(section: str, language: str) -> Shown:
    """Return a section's own text, the newest an agency published, else the shipped one; raises not_found."""
    if section not in SECTIONS:
        raise not_found()
    row = (
        _newest(language)
        .filter(page__section=section, page__slug="", published=True)
        .select_related("page__register__agency")
        .order_by("-at")
        .first()
    )
    if row is not None:
        return _shown(row)
    text: Text = shipped(section, language)
    return Shown(section, "", text.title, text.body, language)


def pages_of(section: str, language: str) -> list[Shown]:
    """Return the pages of a section that are published in either language, newest first; its own text apart."""
    found: dict[UUID, PageVersion] = {}
    for one in (language, *(other for other in LANGUAGES if other != language)):
        rows = _newest(one).filter(page__section=section, published=True).exclude(page__slug="")
        for row in rows.select_related("page__register__agency").order_by("-at")[:200]:
            found.setdefault(row.page_id, row)
    return [_shown(row) for row in sorted(found.values(), key=lambda row: row.at, reverse=True)]


def page(section: str, slug: str, language: str) -> Shown:
    """Return one published page, in the other language where this one is missing. Raises DomainError not_found."""
    for one in (language, *(other for other in LANGUAGES if other != language)):
        rows = _newest(one).filter(page__section=section, page__slug=slug, published=True)
        if row := rows.select_related("page__register__agency").order_by("-at").first():
            return _shown(row)
    raise not_found()


def editable(actor: Actor) -> list[dict[str, Any]]:
    """Return every page of the actor's registers with its newest version in each language."""
    pages = Page.objects.filter(page_scope(actor)).select_related("register").order_by("section", "slug")
    newest = {
        (row.page_id, row.language): row
        for language in LANGUAGES
        for row in _newest(language).filter(page__in=pages).select_related("page")
    }
    return [
        {"page": one, "versions": {language: newest.get((one.pk, language)) for language in LANGUAGES}} for one in pages
    ]


def history(actor: Actor, register_id: UUID, section: str, slug: str, language: str) -> list[dict[str, Any]]:
    """Return the versions of one page, newest first, with who published each; empty where nobody wrote it yet."""
    rows = PageVersion.objects.filter(
        page__in=Page.objects.filter(page_scope(actor)), page__register_id=register_id, language=language
    ).filter(page__section=section, page__slug=slug)
    return [
        {
            "number": row.number,
            "title": row.title,
            "body": row.body,
            "published": row.published,
            "at": row.at,
            "by": name_of(row.by),
        }
        for row in rows.select_related("by").order_by("-number")
    ]
