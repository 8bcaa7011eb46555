"""The pages of reports: made once, read by those it concerns, the same after everything that happens later."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from dengji.core.clock import legal_now
from dengji.documents.models import Report
from dengji.law.calendar import shanghai_date
from dengji.ledger import keyring, proofs
from tests.factories import world as w

from .test_oversight import signed_in


@pytest.fixture(autouse=True)
def _own_node(db: None, settings: Any, tmp_path: Path) -> None:
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    proofs.forget()
    keyring.ensure_keys()


def test_made_once_read_and_taken_along(db: None) -> None:
    world, other = w.build(), w.build()
    w.registered(world)
    client, address = signed_in(world, "agency_supervisor"), reverse("oversight:reports")
    assert "还没有报告" in client.get(address).content.decode()
    form = {"subject": f"register:{world.register.pk}", "preset": "this_year", "transaction_id": w.tid()}
    made = client.post(address, form)
    assert client.post(address, form).headers["Location"] == made.headers["Location"]
    assert made.status_code == 302 and Report.objects.count() == 1
    page = client.get(made.headers["Location"])
    shown = page.content.decode()
    assert "签名相符" in shown and "新收申请" in shown and "登记情况通报" in shown
    w.registered(world)
    assert client.get(made.headers["Location"]).context["tables"] == page.context["tables"]
    assert (
        "New applications" in client.get(made.headers["Location"], headers={"accept-language": "en"}).content.decode()
    )
    report = Report.objects.get()
    for name, begins in (("pdf", b"%PDF"), ("docx", b"PK"), ("xlsx", b"PK"), ("json", b"{")):
        file = client.get(reverse("oversight:report-file", args=[report.pk, name]))
        assert file.content.startswith(begins) and "attachment" in file.headers["Content-Disposition"]
    assert client.get(reverse("oversight:report-file", args=[report.pk, "exe"])).status_code == 404
    reader = signed_in(world, "acceptor")
    assert reader.get(made.headers["Location"]).status_code == 200 and reader.get(address).context["form"] is None
    for stranger, status in ((signed_in(other, "agency_supervisor"), 404), (signed_in(world, "clerk"), 403)):
        assert stranger.get(made.headers["Location"]).status_code == status
    assert str(report.pk) not in signed_in(other, "authority_supervisor").get(address).content.decode()


def test_wrong_input_makes_nothing(db: None) -> None:
    world, other = w.build(), w.build()
    client, address = signed_in(world, "authority_supervisor"), reverse("oversight:reports")
    today = shanghai_date(legal_now())
    own = {"subject": f"jurisdiction:{world.register.jurisdiction.code}", "preset": "own"}
    for given, told in (
        (own, "自选日期时须填写起止日期"),
        (own | {"first_day": today, "last_day": today - timedelta(days=1)}, "截止日期不能早于起始日期"),
        (own | {"first_day": today, "last_day": today + timedelta(days=1)}, "尚未到来的日子没有数字"),
        ({"subject": f"register:{other.register.pk}", "preset": "this_month"}, "subject"),
    ):
        answer = client.post(address, given)
        assert answer.status_code == 422 and told in answer.content.decode()
    officer = signed_in(world, "acceptor")
    assert (
        officer.post(address, {"subject": f"register:{world.register.pk}", "preset": "this_month"}).status_code == 422
    )
    assert not Report.objects.exists()
