"""Reports of a period: figures equal a recount, borders lie in Shanghai, strangers see none, nothing changes them."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from dengji.core.clock import legal_now
from dengji.core.errors import DomainError
from dengji.documents.models import Report
from dengji.documents.reports import files, periods, selectors, services, tables
from dengji.law.calendar import shanghai_date
from dengji.ledger import keyring, proofs
from dengji.parties.models import Organisation
from tests.documents.kit import INJECTION, text_of
from tests.factories import world as w

D = date


def test_periods() -> None:
    assert periods.kind_of(D(2024, 2, 1), D(2024, 2, 29)) == "month"
    assert periods.kind_of(D(2024, 2, 1), D(2024, 2, 28)) == "period"
    assert periods.kind_of(D(2026, 1, 1), D(2026, 3, 31)) == "quarter"
    assert periods.kind_of(D(2026, 2, 1), D(2026, 4, 30)) == "period"
    assert periods.kind_of(D(2025, 1, 1), D(2025, 12, 31)) == "year"
    assert periods.previous(D(2024, 3, 1), D(2024, 3, 31)) == (D(2024, 2, 1), D(2024, 2, 29))
    assert periods.previous(D(2026, 1, 1), D(2026, 3, 31)) == (D(2025, 10, 1), D(2025, 12, 31))
    assert periods.previous(D(2026, 5, 11), D(2026, 5, 20)) == (D(2026, 5, 1), D(2026, 5, 10))
    assert periods.year_before(D(2024, 2, 1), D(2024, 2, 29)) == (D(2023, 2, 1), D(2023, 2, 28))
    assert periods.year_before(D(2025, 2, 1), D(2025, 2, 28)) == (D(2024, 2, 1), D(2024, 2, 29))
    assert periods.preset("last_quarter", D(2026, 1, 1)) == (D(2025, 10, 1), D(2025, 12, 31))
    assert periods.preset("this_month", D(2026, 11, 24)) == (D(2026, 11, 1), D(2026, 11, 24))


@pytest.fixture
def keys(db: None, settings: Any, tmp_path: Path) -> None:
    """Keys of this test's own."""
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    proofs.forget()
    keyring.ensure_keys()


def _make(world: w.World, name: str, first: date, last: date, **more: Any) -> Report:
    about = more or {"register_id": world.register.pk}
    made = services.make_report(
        actor=world.actor(name), transaction_id=w.tid(), first_day=first, last_day=last, **about
    )
    return Report.objects.get(pk=made["id"])


def test_a_report_is_counted_signed_and_stays(keys: None) -> None:
    world, other = w.build(), w.build()
    hostile = f"=1+1 {INJECTION}"[:200]
    Organisation.objects.filter(pk=world.stranger_organisation.pk).update(name=hostile)
    first = shanghai_date(legal_now())
    w.registered(world)
    w.advance(world, w.draft(world), "open_notice")
    w.advance(other, w.draft(other), "submit")
    today = shanghai_date(legal_now())
    row = _make(world, "agency_supervisor", first, today)
    said = row.snapshot
    figures = said["figures"]
    names = ("submitted", "in_notice", "valid", "coded", "notices", "cancelled", "revoked", "objections", "rounds")
    assert [figures[name] for name in names] == [2, 1, 1, 1, 2, 0, 0, 0, 0]
    assert said["on_time"]["acceptance"] == [2, 2] and said["on_time"]["complaint"] == [0, 0]
    assert said["industries"]["covered"] == [["54", 1]] and len(said["industries"]["missing"]) == 96
    assert ["620700", "张掖市"] not in said["regions"]["without"] and ["620100", "兰州市"] in said["regions"]["without"]
    assert not said["complete"] and said["compared"]["previous"]["figures"]["submitted"] == 0
    assert [world.stranger_organisation.credit_code, hostile] in said["units"]["named"]
    row.refresh_from_db()  # as kept: the order of the figures is not the database's
    shown = {table.name: [line[0] for line in table.rows] for table in tables.tables(row.snapshot, "zh")}
    assert shown["figures"][:3] == shown["definitions"][:3] == ["新收申请", "期末公示中", "期末有效登记"]
    before = first - timedelta(days=1)
    empty = _make(world, "authority_supervisor", before, before, jurisdiction=world.register.jurisdiction.code)
    assert not any(empty.snapshot["figures"].values()) and empty.snapshot["complete"]

    made = {form: files.file_of(row, form)[2] for form in files.FORMS}
    assert made == {form: files.file_of(row, form)[2] for form in files.FORMS}
    assert all(files.file_of(row, form, "en")[2] for form in files.FORMS)
    assert row.digest in text_of(made["pdf"]) and "国家" not in files.file_of(row, "pdf")[0]
    with zipfile.ZipFile(io.BytesIO(made["xlsx"])) as book:
        assert not any(b"<f>" in book.read(name) for name in book.namelist())
    w.registered(world)  # what happens after changes nothing
    row.refresh_from_db()
    assert row.snapshot == said and len(selectors.check(row)) == len(keyring.signers())
    row.snapshot = {**said, "figures": {**figures, "coded": 2}}
    with pytest.raises(DomainError) as refused:
        selectors.check(row)
    assert refused.value.code == "report_altered"
    for statement in ("UPDATE documents_report SET digest = digest", "DELETE FROM documents_report"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_who_makes_and_sees_reports(keys: None) -> None:
    world, other = w.build(), w.build()
    today = shanghai_date(legal_now())
    row = _make(world, "agency_supervisor", today, today)
    for name in ("agency_supervisor", "acceptor", "authority_supervisor"):
        assert selectors.get(row.pk, world.actor(name)) == row
    for stranger in (other.actor("authority_supervisor"), other.actor("agency_supervisor"), world.actor("clerk")):
        with pytest.raises(DomainError) as refused:
            selectors.get(row.pk, stranger)
        assert refused.value.status == 404 and not selectors.reports(stranger).exists()
    for name, status in (("acceptor", 403), ("clerk", 403), ("system_admin", 403)):
        with pytest.raises(DomainError) as refused:
            _make(world, name, today, today)
        assert refused.value.status == status
    with pytest.raises(DomainError) as refused:
        _make(other, "authority_supervisor", today, today, register_id=world.register.pk)
    assert refused.value.status == 404
    for first, last, code in (
        (today, today - timedelta(days=1), "dates_reversed"),
        (today, today + timedelta(days=1), "period_in_future"),
    ):
        with pytest.raises(DomainError) as refused:
            _make(world, "agency_supervisor", first, last)
        assert refused.value.code == code
