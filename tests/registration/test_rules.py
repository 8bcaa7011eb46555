"""Which rules hold for a file: pinned at submission, today's before (R75), and the calendar in force (R37)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from dengji.law import rulebook as rulebooks
from dengji.law.calendar import shanghai_date
from dengji.law.rulebook import Rulebook
from dengji.registration import rules
from dengji.registration.models import RulebookSnapshot
from tests.factories import world as w

from .kit import application

pytestmark = pytest.mark.django_db


def later(book: Rulebook) -> Rulebook:
    """The same rulebook as amended after submission: two weeks' notice, one day to accept."""
    days = {"limits.notice_wd": 14, "limits.accept_wd": 1}
    changed = {key: replace(book.value(key), value=value) for key, value in days.items()}
    return replace(book, values=MappingProxyType({**book.values, **changed}))


def test_a_running_case_keeps_the_rules_it_was_submitted_under(monkeypatch: pytest.MonkeyPatch) -> None:
    """R75: later rule changes never move a running clock."""
    world = w.build()
    running, draft = w.draft(world), w.draft(world)
    w.advance(world, running, "submit")
    old = rulebooks.load("cn-gs")
    new = later(old)
    assert new.digest != old.digest
    monkeypatch.setattr(rules, "current", lambda name: new)
    assert rules.rules_of(application(running)).digest == old.digest
    assert rules.rules_of(application(running)).get("limits.notice_wd") == 10
    assert rules.rules_of(application(draft)).digest == new.digest
    w.advance(world, running, "open_notice")
    row = application(running)
    assert row.notice_last_day is not None and row.notice_opened_at is not None
    assert rules.calendar().between(shanghai_date(row.notice_opened_at), row.notice_last_day) == 10
    w.advance(world, draft, "submit")
    assert application(draft).rulebook_digest == new.digest
    assert set(RulebookSnapshot.objects.values_list("digest", flat=True)) == {old.digest, new.digest}


def test_a_rulebook_is_stored_once() -> None:
    world = w.build()
    for _ in range(2):
        w.advance(world, w.draft(world), "submit")
    assert RulebookSnapshot.objects.count() == 1
    snapshot = RulebookSnapshot.objects.get()
    assert Rulebook.from_dict(snapshot.data).digest == snapshot.digest == rulebooks.load("cn-gs").digest


def test_the_rulebook_of_a_register_is_its_jurisdictions() -> None:
    assert rules.rules_of_register(w.build("cn-hi", "460000").register.pk).id == "cn-hi"
    with pytest.raises(rulebooks.RulebookError):
        rules.current("cn-atlantis")
