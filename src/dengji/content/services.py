"""The one door for writes: publish and withdraw pages."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from dengji.core.errors import N_, DomainError, forbidden, not_found
from dengji.core.frame import lock_words
from dengji.core.ids import new_id
from dengji.parties.actor import Actor
from dengji.registration.services.engine import perform

from .models import Page, PageVersion
from .sections import LANGUAGES, SECTIONS

#: The role that speaks for an agency on its pages.
EDITOR = "agency_supervisor"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_SLUG, _LONGEST_TITLE, _LONGEST_BODY = 60, 120, 60_000


def publish_page(
    *,
    actor: Actor,
    transaction_id: str,
    register_id: UUID,
    section: str,
    slug: str,
    language: str,
    title: str,
    body: str,
    based_on: int | None = None,
) -> dict[str, Any]:
    """Publish a new version of a page of an agency (发布页面); the versions before it stay.

    `slug` is the page's address within the section, empty for the section's own text. `based_on` is the number of the
    version the editor saw. Raises DomainError forbidden, page_section, page_slug, page_title, page_body, page_changed.
    """
    title, slug = title.strip(), slug.strip().lower()
    _check(section, slug, language, title, body)
    return _write(
        "publish_page",
        actor,
        transaction_id,
        (register_id, section, slug, language),
        {"title": title, "body": body, "published": True},
        based_on,
    )


def withdraw_page(
    *, actor: Actor, transaction_id: str, register_id: UUID, section: str, slug: str, language: str
) -> dict[str, Any]:
    """Take a page off the public side (撤下页面); its versions stay. The shipped text shows again in its place."""
    return _write(
        "withdraw_page",
        actor,
        transaction_id,
        (register_id, section, slug, language),
        {"title": "", "body": "", "published": False},
        None,
    )


def _check(section: str, slug: str, language: str, title: str, body: str) -> None:
    if section not in SECTIONS or language not in LANGUAGES:
        raise DomainError("page_section", N_("没有这一栏目"), "section")
    if slug and (len(slug) > _LONGEST_SLUG or not _SLUG.fullmatch(slug)):
        raise DomainError("page_slug", N_("网址名只能用小写字母、数字和连字符"), "slug")
    if not title or len(title) > _LONGEST_TITLE or not title.isprintable():
        raise DomainError("page_title", N_("标题必填，不超过120个字符，且不含换行"), "title")
    if not body.strip() or len(body) > _LONGEST_BODY or "\0" in body:
        raise DomainError("page_body", N_("正文必填，且不超过60000个字符"), "body")


def _write(
    act: str,
    actor: Actor,
    transaction_id: str,
    where: tuple[UUID, str, str, str],
    said: dict[str, Any],
    based_on: int | None,
) -> dict[str, Any]:
    register_id, section, slug, language = where

    def work(at: datetime) -> dict[str, Any]:
        if actor.person_id is None or register_id not in actor.registers(EDITOR):
            raise forbidden()
        lock_words("page", str(register_id), section, slug)
        known = {"register_id": register_id, "section": section, "slug": slug}
        page = Page.objects.filter(**known).first()
        if page is None and said["published"]:
            page = Page.objects.create(id=new_id(), **known)
        elif page is None:
            raise not_found()
        versions = PageVersion.objects.filter(page=page, language=language).order_by("-number")
        newest = versions.values_list("number", flat=True).first() or 0
        if based_on is not None and based_on != newest:
            raise DomainError("page_changed", N_("您打开此页后，已有人发布新版本：请先查看新版本"), status=409)
        row = PageVersion(
            id=new_id(), page=page, language=language, number=newest + 1, at=at, by_id=actor.person_id, **said
        )
        row.save(force_insert=True)
        return {"id": str(page.pk), "number": row.number}

    request = {"where": [section, slug, language], "based_on": based_on, **said}
    return perform(act, actor=actor, transaction_id=transaction_id, target=register_id, request=request, work=work)
