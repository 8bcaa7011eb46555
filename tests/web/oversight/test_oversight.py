"""The authority's pages: figures equal a recount, another territory is invisible, wrong roles are refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dengji.core.clock import legal_now
from dengji.law.calendar import shanghai_date
from dengji.parties.models import AccessLog
from dengji.registration.models import Application
from dengji.registration.queries import supervision
from tests.factories import world as w


@pytest.fixture(autouse=True)
def _static(settings: Any) -> None:
    """Static files straight from the sources."""
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True


def signed_in(world: w.World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name], backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_figures_equal_a_recount(db: None) -> None:
    world, other = w.build(), w.build()
    first = shanghai_date(legal_now())
    w.registered(world)
    late = w.draft(world)
    w.advance(world, late, "submit")
    foreign = w.draft(other)
    w.advance(other, foreign, "submit")
    ends = Application.objects.get(pk=late).deadline_ends
    assert ends is not None
    w.move_clock(ends + timedelta(days=1))
    today = shanghai_date(legal_now())

    (row,) = supervision.overview(world.actor("authority_supervisor"), first, today)
    assert (row["id"], row["submitted"], row["coded"], row["valid"], row["overdue"]) == (world.register.pk, 2, 1, 1, 1)
    assert (row["on_time"]["acceptance"], row["on_time"]["review"]) == ((1, 1), (1, 1))
    assert (row["revoked"], row["rounds"], row["returned"], row["objections"]) == (0, 0, 0, 0)
    before = first - timedelta(days=1)
    assert supervision.figures_of([world.register.pk], before, before)[world.register.pk]["submitted"] == 0

    client = signed_in(world, "authority_supervisor")
    for by in ("agency", "region", "jurisdiction"):
        shown = client.get(reverse("oversight:home"), {"by": by, "first": first.isoformat(), "last": today.isoformat()})
        assert "100.0% (1/1)" in shown.content.decode() and shown.context["late"][0]["overdue"] == 1
    wrong = client.get(reverse("oversight:home"), {"first": "2026-02-02", "last": "2026-01-01"})
    assert "截止日期不能早于起始日期" in wrong.content.decode()
    lines = client.get(reverse("oversight:register", args=[world.register.pk]), {"overdue": "1"}).content.decode()
    assert str(late) in lines and "已超期" in lines
    assert client.get(reverse("oversight:case", args=[late])).status_code == 200
    for foreign_url in (
        reverse("oversight:register", args=[other.register.pk]),
        reverse("oversight:case", args=[foreign]),
    ):
        assert client.get(foreign_url).status_code == 404


def test_rules_and_trail(db: None) -> None:
    world = w.build()
    auditor, authority = signed_in(world, "audit_admin"), signed_in(world, "authority_supervisor")
    assert authority.get(reverse("oversight:rules")).status_code == 200
    one = authority.get(reverse("oversight:rulebook", args=["cn-gs"])).content.decode()
    assert "第十条" in one and "limits.accept_wd" in one
    two = authority.get(reverse("oversight:rulebook", args=["cn-gs"]), {"with": "cn"}).content.decode()
    assert "limits.accept_wd" not in two and "对照值" in two
    assert authority.get(reverse("oversight:rulebook", args=["nowhere"])).status_code == 404

    url = reverse("oversight:audit")
    assert auditor.get(reverse("oversight:home")).url == url  # type: ignore[attr-defined]
    before = AccessLog.objects.filter(act="read_audit_access").count()
    shown = auditor.get(url, {"source": "access", "act": "read_audit_access"})
    assert "read_audit_access" in shown.content.decode()
    assert AccessLog.objects.filter(act="read_audit_access").count() == before + 1
    w.advance(world, w.draft(world), "submit")
    export = auditor.get(url, {"source": "decisions", "act": "submit", "export": "csv"})
    assert export["Content-Type"].startswith("text/csv") and export.content.decode().count(",submit,") == 1
    assert auditor.get(url, {"object": "no id"}).status_code == 200

    for role in ("clerk", "acceptor", "agency_supervisor", "citizen"):
        client = signed_in(world, role)
        for name in ("home", "rules", "audit"):
            assert client.get(reverse(f"oversight:{name}")).status_code == 403, (role, name)
    assert authority.get(url).status_code == 403
    assert Client().get(url).status_code == 302
