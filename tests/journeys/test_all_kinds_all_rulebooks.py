"""Every kind of application comes to its end under every shipped rulebook (R77)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from dengji.law import rulebook as rulebooks
from dengji.law.calendar import shanghai_date
from dengji.law.procedure import KINDS
from dengji.registration import rules
from dengji.registration.models import Application, Decision, Registration
from dengji.registration.projection import differences
from tests.factories import world as w
from tests.registration.kit import application, follow_up, refused, registration, to_day

pytestmark = pytest.mark.django_db


def carry(world: w.World, pk: UUID) -> dict[str, Any]:
    """Take an application to its end, by a notice where the rulebook wants one."""
    w.advance(world, pk, "pass_review")
    rulebook = rules.rules_of(application(pk))
    row = application(pk)
    published = row.kind == "first" or rulebook.get(f"notice.{row.kind}") in ("data", "always")
    if published:
        w.act(world, "open_notice", pk, "notice_opener")
        row = application(pk)
        assert row.notice_last_day is not None and row.notice_opened_at is not None
        days = rules.calendar().between(shanghai_date(row.notice_opened_at), row.notice_last_day)
        assert days == rulebook.get("limits.notice_wd") >= 10
        w.after_notice(pk)
    if row.kind != "first":
        return w.act(world, "complete", pk, "reviewer")
    w.act(world, "close_notice", pk, "clock")
    return w.act(world, "assign_code", pk, "issuer")


@pytest.mark.parametrize("rulebook", rulebooks.ids())
def test_every_kind_to_its_end(rulebook: str) -> None:
    book = rulebooks.load(rulebook)
    world = w.build(rulebook, book.region)
    # Beijing takes registrants of the city only; elsewhere the example unit of Gansu will do.
    home = {"registrant_region": book.region} if book.get("actors.registrants_within_region_only") else {}
    coded = carry(world, w.draft(world, fields=home))
    row = registration(coded)
    assert row.state == "VALID" and row.code == coded["code"]
    codes = {row.code}
    for version, (kind, fields) in enumerate(
        {"change": {"update_frequency": "daily"}, "rectification": {"data_format": ["database"]}}.items(), 2
    ):
        done = carry(world, follow_up(world, kind, row.pk, fields=fields))
        assert done["state"] == "COMPLETED" and done["version"] == version
        codes.add(done["code"])
    to_day(row.valid_to - timedelta(days=30))
    renewed = carry(world, follow_up(world, "renewal", row.pk))
    assert renewed["version"] == 4 and renewed["registration_state"] == "VALID"
    ended = carry(world, follow_up(world, "cancellation", row.pk))
    assert ended["registration_state"] == "CANCELLED" and codes == {row.code}
    files = list(Application.objects.filter(register=world.register))
    assert {file.kind for file in files} == set(KINDS)
    for file in files:
        assert differences(file) == {} and file.rulebook_digest == book.digest
        assert set(Decision.objects.filter(object_id=file.pk).values_list("rulebook", flat=True)) == {rulebook}
    assert differences(Registration.objects.get(pk=row.pk)) == {}


def test_a_city_may_take_its_own_units_only() -> None:
    """北京: registrants limited to units within the city (facts §2)."""
    world = w.build("cn-bj", "110000")
    with refused("findings") as caught:
        w.advance(world, w.draft(world), "submit_for_business_review")
    assert "registrant_outside" in {f.code for f in caught.value.findings}
