"""The rulebook an object is pinned to and the calendar in force, cached by process (R41, R75)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import lru_cache
from typing import Any

from django.db import transaction

from dengji.law import calendar as calendars
from dengji.law import rulebook as rulebooks
from dengji.law.calendar import Calendar, Override
from dengji.law.rulebook import Rulebook
from dengji.parties.models import Register

from .models import Application, CalendarVersion, RulebookSnapshot

_CALENDAR_SECONDS = 2.0
_calendar: tuple[float, Calendar] | None = None


def current(rulebook_id: str) -> Rulebook:
    """Return the shipped rulebook of a jurisdiction as it is now; raises RulebookError for an unknown id."""
    return rulebooks.load(rulebook_id)


@lru_cache(maxsize=256)
def _pinned(digest: str) -> Rulebook:
    return Rulebook.from_dict(RulebookSnapshot.objects.get(pk=digest).data)


def rules_of(application: Application) -> Rulebook:
    """Return the rulebook pinned at submission, or today's while the application is still a draft (R75)."""
    if application.rulebook_digest:
        shipped = current(application.rulebook)
        return shipped if shipped.digest == application.rulebook_digest else _pinned(application.rulebook_digest)
    return current(application.rulebook)


@lru_cache(maxsize=256)
def register_rulebook(register_id: Any) -> str:
    """Return the rulebook id of a register's jurisdiction."""
    return str(Register.objects.values_list("jurisdiction__rulebook", flat=True).get(pk=register_id))


@lru_cache(maxsize=256)
def register_slug(register_id: Any) -> str:
    """Return the slug of a register, which its local numbers begin with."""
    return str(Register.objects.values_list("slug", flat=True).get(pk=register_id))


def rules_of_register(register_id: Any) -> Rulebook:
    """Return the rulebook in force today in a register's jurisdiction."""
    return current(register_rulebook(register_id))


_stored: set[str] = set()


def pin(rulebook: Rulebook) -> str:
    """Store the resolved rulebook once and return the digest by which it is pinned."""
    if rulebook.digest not in _stored:
        RulebookSnapshot.objects.get_or_create(
            digest=rulebook.digest,
            defaults={"rulebook": rulebook.id, "version": rulebook.version, "data": rulebook.to_dict()},
        )
        transaction.on_commit(lambda: _stored.add(rulebook.digest))
    return rulebook.digest


def calendar() -> Calendar:
    """Return the working-day calendar in force: the shipped table with this node's latest overrides (R37)."""
    global _calendar
    if (own := _own_calendar.get()) is not None:
        return own
    if _calendar and time.monotonic() - _calendar[0] < _CALENDAR_SECONDS:
        return _calendar[1]
    row = CalendarVersion.objects.order_by("-at", "-version").first()
    value = _built(row) if row else calendars.load()
    _calendar = (time.monotonic(), value)
    return value


def _built(row: CalendarVersion) -> Calendar:
    overrides = [Override(date.fromisoformat(o["day"]), o["working"], o["source"]) for o in row.overrides]
    return calendars.load(row.base).with_overrides(overrides, row.version)


_own_calendar: ContextVar[Calendar | None] = ContextVar(
    "the calendar that this transaction puts into force", default=None
)


@contextmanager
def with_calendar(row: CalendarVersion) -> Iterator[None]:
    """Use a calendar here before it is committed; other threads go on with the one in force."""
    token = _own_calendar.set(_built(row))
    try:
        yield
    finally:
        _own_calendar.reset(token)


def forget() -> None:
    """Drop what this process has cached, as after a change of calendar or database."""
    global _calendar
    _calendar = None
    _pinned.cache_clear()
    register_rulebook.cache_clear()
    register_slug.cache_clear()
    _stored.clear()
