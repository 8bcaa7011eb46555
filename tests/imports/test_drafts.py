"""A file becomes drafts: the same drafts as one by one, row by row, once."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from dengji.core.canonical import salted_digest
from dengji.core.errors import DomainError
from dengji.core.models import RememberedResult
from dengji.imports import selectors, services
from dengji.imports.models import ImportJob, ImportRow
from dengji.imports.report import Result
from dengji.ledger.models import Entry, Pending
from dengji.parties.actor import importer
from dengji.registration import services as acts
from dengji.registration.inspection import content_of
from dengji.registration.models import Application, Decision, Draft
from dengji.registration.projection import differences
from dengji.registration.services.engine import statement
from tests.factories import world as w

from .conftest import Ground, as_csv, as_jsonl, as_xlsx

pytestmark = pytest.mark.django_db


def carry(ground: Ground, data: bytes, actor: Any = None, batch: int = 500, **more: Any) -> ImportJob:
    actor = actor or importer(ground.world.register.pk)
    order = ground.order(**more)
    job = services.open_job(actor=actor, order=order, digest=services.digest_of_bytes(data))
    return services.run(actor=actor, job=job, source=io.BytesIO(data), batch=batch)


def outcomes(job: ImportJob) -> list[tuple[int, str, list[str]]]:
    return [(r.number, r.outcome, [f["code"] for f in r.findings]) for r in selectors.results(job)]


@pytest.mark.parametrize(
    "form", [as_xlsx, as_csv, lambda r: as_csv(r, "gb18030", ";"), lambda r: as_csv(r, "utf-8", "\t"), as_jsonl]
)
def test_every_form_gives_the_same_drafts(ground: Ground, form: Callable[[Any], bytes]) -> None:
    records = ground.records(7)
    job = carry(ground, form(records))
    assert (job.state, job.counts["created"], job.counts["refused"]) == ("DONE", 7, 0)
    made = {draft.application.name: draft for draft in Draft.objects.select_related("application")}
    for record in records:
        content = content_of(made[record["name"]])
        content["evidence_time"] = record["evidence_time"] = None
        assert content.items() >= record.items()


def test_a_bulk_draft_is_like_one_made_alone(ground: Ground) -> None:
    record, other = ground.records(2)
    world = ground.world
    alone = acts.create_application(
        actor=importer(world.register.pk),
        transaction_id=w.tid(),
        register_id=world.register.pk,
        organisation_id=world.registrant.pk,
        content=record,
        data_type=record["data_type"],
    )
    carry(ground, as_jsonl([other]))
    one = Application.objects.get(pk=alone["id"])
    many = Application.objects.exclude(pk=one.pk).get()
    own = {"id", "name", "created_at", "data_type"}
    same = [f.attname for f in Application._meta.local_concrete_fields if f.attname not in own]
    assert [getattr(one, name) for name in same] == [getattr(many, name) for name in same]
    assert differences(many) == {} and many.state == "DRAFT" and many.n == 1
    own = {"id", "object_id", "at", "data", "salt", "digest", "entry_id"}
    first, second = Decision.objects.get(object_id=one.pk), Decision.objects.get(object_id=many.pk)
    same = [f.attname for f in Decision._meta.local_concrete_fields if f.attname not in own]
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
    assert second.data == {**first.data, "data_type": other["data_type"]}
    assert {k: v for k, v in one.draft.fields.items() if k in ("registrant_name", "grade")} == {
        k: v for k, v in many.draft.fields.items() if k in ("registrant_name", "grade")
    }


def test_the_entry_of_a_bulk_draft_commits_to_its_decision(ground: Ground) -> None:
    carry(ground, as_jsonl(ground.records(3)))
    for decision in Decision.objects.all():
        entry = Entry.objects.get(pk=decision.entry_id)
        assert salted_digest(bytes(decision.salt), statement(decision)) == decision.digest
        assert decision.digest.encode() in bytes(entry.body) and not entry.public
        assert str(decision.object_id).encode() in bytes(entry.body)
        assert Pending.objects.filter(pk=entry.pk).exists()
        assert b"\\u0000" not in bytes(entry.body) and b"00000000-0000-0000" not in bytes(entry.body)


def test_personal_fields_are_sealed(ground: Ground) -> None:
    record = ground.records(1)[0] | {"contact_phone": "13912345678"}
    carry(ground, as_jsonl([record]))
    draft = Draft.objects.get()
    assert "contact_phone" not in draft.fields and b"13912345678" not in bytes(draft.private)
    assert content_of(draft)["contact_phone"] == "13912345678"


def test_an_imported_draft_goes_on_like_any_other(ground: Ground) -> None:
    record = ground.records(1)[0] | {"data_type": "resource", "coverage_start": "2020-01-01", "access_mode": "apply"}
    for name in ("product_form", "delivery_mode", "no_source_reason", "open_url"):
        record.pop(name, None)
    carry(ground, as_jsonl([record]))
    pk = Application.objects.get().pk
    w.attach(ground.world, pk)
    assert w.advance(ground.world, pk, "submit")["state"] == "SUBMITTED"
    assert differences(Application.objects.get(pk=pk)) == {}


def test_each_row_is_taken_whole_or_not_at_all(ground: Ground) -> None:
    good, sized, typed, foreign, last = ground.records(5)
    sized["record_count"] = "12 MB"
    typed["grade"] = "绝密级"
    foreign["registrant_credit_code"] = ground.world.stranger_organisation.credit_code
    job = carry(ground, as_csv([good, sized, typed, foreign, last]))
    rows = outcomes(job)
    assert [row[1] for row in rows] == ["created", "refused", "refused", "refused", "created"]
    assert [row[0] for row in rows] == [2, 3, 4, 5, 6]
    assert "cell_not_integer" in rows[1][2] and "cell_not_choice" in rows[2][2] and "other_registrant" in rows[3][2]
    assert Application.objects.count() == Decision.objects.count() == Draft.objects.count() == 2


def test_an_incomplete_draft_is_imported_with_its_findings(ground: Ground) -> None:
    record = ground.records(1)[0]
    del record["intro"]
    record["registrant_region"] = "620700"
    record["evidence_time"] = "2999-01-01T00:00:00Z"
    job = carry(ground, as_jsonl([record]))
    ((_, outcome, codes),) = outcomes(job)
    assert outcome == "created" and {"required", "evidence_late"} <= set(codes)
    assert "material_missing" not in codes, "materials are attached to the draft afterwards"
    assert job.counts["warned"] == 1


def test_duplicates_within_the_file_and_with_the_register(ground: Ground) -> None:
    first, second = ground.records(2)
    pk = w.draft(ground.world, fields={"name": first["name"], "coverage_regions": first["coverage_regions"]})
    Application.objects.filter(pk=pk)
    acts.submit_for_business_review(actor=ground.world.actor("clerk"), transaction_id=w.tid(), application_id=pk)
    w.act(ground.world, "submit", pk, "business_reviewer", **w.SECRECY)
    near = second | {"name": second["name"] + "表"}
    data = as_jsonl([first, second, second, near])
    job = carry(ground, data)
    rows = outcomes(job)
    assert [row[1] for row in rows] == ["refused", "created", "refused", "created"]
    assert "duplicate" in rows[0][2] and "duplicate_in_file" in rows[2][2] and "near_duplicate_in_file" in rows[3][2]
    again = carry(ground, data, allow_duplicates=True)
    assert [row[1] for row in outcomes(again)] == ["created", "known", "created", "known"]


def test_the_same_file_is_imported_once(ground: Ground) -> None:
    data = as_jsonl(ground.records(5))
    one, again = carry(ground, data), carry(ground, data)
    assert one.pk == again.pk and Application.objects.count() == 5
    assert RememberedResult.objects.filter(act="create_application").count() == 5


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_stopped_import_goes_on_behind_its_last_batch(ground: Ground, stop: int) -> None:
    records = ground.records(11)
    data = as_jsonl([*records[:6], records[0], *records[6:]])
    actor, order = importer(ground.world.register.pk), ground.order()
    job = services.open_job(actor=actor, order=order, digest=services.digest_of_bytes(data))
    batches = iter(range(10))

    def fail(_counts: Any) -> None:
        if next(batches) == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        services.run(actor=actor, job=job, source=io.BytesIO(data), batch=3, progress=fail)
    job.refresh_from_db()
    assert job.state == "RUNNING" and Application.objects.count() == min(stop * 3, 11) - (stop == 3)
    job = services.run(actor=actor, job=job, source=io.BytesIO(data), batch=3)
    assert job.counts["created"] == Application.objects.count() == 11
    rows = outcomes(job)
    assert [row[0] for row in rows] == list(range(1, 13)) and rows[6][2][-1] == "duplicate_in_file"


def test_rows_known_from_another_job_are_not_made_twice(ground: Ground) -> None:
    data = as_jsonl(ground.records(4))
    carry(ground, data)
    ImportRow.objects.all().delete()
    ImportJob.objects.all().delete()
    assert [row[1] for row in outcomes(carry(ground, data))] == ["known"] * 4
    assert Application.objects.count() == 4


def test_a_dry_run_writes_nothing(ground: Ground) -> None:
    good, bad = ground.records(2)
    bad["record_count"] = "很多"
    found: list[Result] = []
    before = (Application.objects.count(), Entry.objects.count(), ImportJob.objects.count())
    summary = services.dry_run(
        actor=importer(ground.world.register.pk),
        order=ground.order(),
        source=io.BytesIO(as_csv([good, bad])),
        sink=found.extend,
    )
    assert [r.outcome for r in found] == ["passes", "refused"] and summary["counts"]["rows"] == 2
    assert (Application.objects.count(), Entry.objects.count(), ImportJob.objects.count()) == before


def test_co_registrants_must_be_known(ground: Ground) -> None:
    partner = ground.world.stranger_organisation
    known, unknown = ground.records(2)
    known["co_registrants"] = f"{partner.name}（{partner.credit_code}）"
    unknown["co_registrants"] = [{"name": "示例未注册单位", "credit_code": w.credit_code()}]
    job = carry(ground, as_jsonl([known, unknown]))
    rows = outcomes(job)
    assert [row[1] for row in rows] == ["created", "refused"] and rows[1][2][-1] == "organisation_unknown"
    assert Application.objects.get().co_registrants.get().organisation == partner


def test_a_clerk_imports_for_the_own_organisation_only(ground: Ground) -> None:
    data = as_jsonl(ground.records(2))
    carry(ground, data, actor=ground.world.actor("clerk"))
    assert set(Decision.objects.values_list("role", flat=True)) == {"clerk"}
    for name in ("stranger_clerk", "acceptor", "business_reviewer", "nobody"):
        with pytest.raises(DomainError) as refused:
            carry(ground, data, actor=ground.world.actor(name))
        assert refused.value.status == 403


def test_a_job_is_seen_by_whoever_ordered_it(ground: Ground) -> None:
    job = carry(ground, as_jsonl(ground.records(1)), actor=ground.world.actor("clerk"))
    assert selectors.get(job.pk, ground.world.actor("clerk")) == job
    for name in ("stranger_clerk", "reviewer", "nobody", "agency_supervisor"):
        with pytest.raises(DomainError):
            selectors.get(job.pk, ground.world.actor(name))


def test_a_broken_file_ends_the_job_with_its_reason(ground: Ground) -> None:
    with pytest.raises(DomainError) as refused:
        carry(ground, b"PK\x03\x04 not a workbook")
    assert refused.value.code == "file_damaged"
    job = ImportJob.objects.get()
    assert job.state == "FAILED" and job.error["code"] == "file_damaged"
