"""Registrations of other platforms keep their codes and dates, and are registrations like any other."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import orjson
import pytest

from dengji.core.canonical import salted_digest
from dengji.core.errors import DomainError
from dengji.imports import selectors, services
from dengji.imports.models import ImportJob
from dengji.imports.report import Result
from dengji.law.visibility import visible_fields
from dengji.ledger import services as ledger
from dengji.ledger.models import Entry
from dengji.parties.actor import importer
from dengji.parties.models import Organisation
from dengji.registration import generator, queries
from dengji.registration import services as acts
from dengji.registration.models import Decision, NameKey, Registration, RegistrationVersion
from dengji.registration.projection import differences
from dengji.registration.services import adoption
from dengji.registration.services.engine import statement
from tests.factories import world as w

from .conftest import Ground, as_csv, as_jsonl, as_xlsx

pytestmark = pytest.mark.django_db


def carry(ground: Ground, data: bytes, actor: Any = None, batch: int = 500) -> ImportJob:
    actor = actor or importer(ground.world.register.pk)
    order = ground.order("adoption")
    job = services.open_job(actor=actor, order=order, digest=services.digest_of_bytes(data))
    return services.run(actor=actor, job=job, source=io.BytesIO(data), batch=batch)


def outcomes(job: ImportJob) -> list[tuple[int, str, list[str]]]:
    return [(r.number, r.outcome, [f["code"] for f in r.findings]) for r in selectors.results(job)]


@pytest.mark.parametrize("form", [as_jsonl, as_csv, as_xlsx])
def test_adopted_registrations_keep_what_they_were_given(ground: Ground, form: Any) -> None:
    records = ground.adopted(6)
    job = carry(ground, form(records))
    assert job.counts["created"] == 6
    for record in records:
        row = Registration.objects.get(code=record["code"])
        assert (row.serial, row.agency_name, row.agency_level, row.platform_code) == (
            record["serial"],
            record["agency_name"],
            "province",
            record["platform_code"],
        )
        assert (row.coded_on, row.valid_from) == (date.fromisoformat(record["coded_on"]),) * 2
        assert row.valid_to == date.fromisoformat(record["valid_to"])
        assert row.state == "VALID" and row.adopted and row.version == 1 and row.n == 1
        assert row.organisation.credit_code == record["registrant_credit_code"]
        assert row.organisation.name == record["registrant_name"]
        assert differences(row) == {}
        assert NameKey.objects.get(pk=row.pk).name == record["name"]


def test_the_entry_is_public_and_shows_no_free_text(ground: Ground) -> None:
    record = ground.adopted(1)[0]
    carry(ground, as_jsonl([record]))
    row = Registration.objects.get()
    decision = Decision.objects.get(object_id=row.pk)
    entry = Entry.objects.get(pk=decision.entry_id)
    body = orjson.loads(bytes(entry.body))
    assert entry.public and body["act"] == "adopt" and body["object"].endswith(f"registration/{row.pk}")
    public = body["public"]
    assert public["code"] == row.code and public["state"] == "VALID" and public["adopted"] is True
    assert public["coded_on"] == record["coded_on"] and public["industries"] == record["industries"]
    assert record["name"] not in bytes(entry.body).decode() and "registrant" not in bytes(entry.body).decode()
    assert salted_digest(bytes(decision.salt), statement(decision)) == decision.digest
    content = orjson.loads(ledger.content(public["content"]))
    assert content["fields"]["name"] == record["name"] and set(content["fields"]) <= set(visible_fields("page"))
    assert RegistrationVersion.objects.get(registration=row).content == public["content"]


def test_personal_fields_are_left_behind(ground: Ground) -> None:
    (record,) = generator.adoption_rows(1, 9)
    assert record["contact_name"]
    carry(ground, as_jsonl([record]))
    assert "contact_name" not in RegistrationVersion.objects.get().fields


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"code": ""}, "adopt_required"),
        ({"code": "登记 1"}, "code_characters"),
        ({"code": "REAL-1"}, "code_not_demonstration"),
        ({"valid_to": "2020-01-01"}, "dates_reversed"),
        ({"valid_from": "2020-01-01"}, "dates_reversed"),
        ({"coded_on": "2025-13-01"}, "cell_not_date"),
        ({"registrant_credit_code": "1262070000000000AA"}, "credit_code"),
        ({"name": ""}, "adopt_required"),
        ({"industries": "第三产业"}, "cell_not_industry"),
        ({"agency_level": "乡级"}, "cell_not_choice"),
    ],
)
def test_a_faulty_row_is_refused_alone(ground: Ground, change: dict[str, str], code: str) -> None:
    good, faulty = ground.adopted(2)
    job = carry(ground, as_csv([good, faulty | change]))
    rows = outcomes(job)
    assert [row[1] for row in rows] == ["created", "refused"] and code in rows[1][2]
    assert Registration.objects.count() == Organisation.objects.filter(name=good["registrant_name"]).count() == 1


def test_a_code_is_taken_once(ground: Ground) -> None:
    first, second, third = ground.adopted(3)
    second["code"] = first["code"].lower()
    job = carry(ground, as_jsonl([first, second]))
    assert [row[1] for row in outcomes(job)] == ["created", "refused"]
    third["code"] = first["code"]
    assert outcomes(carry(ground, as_jsonl([third])))[0][2] == ["code_taken"]
    assert Registration.objects.count() == 1


def test_a_dry_run_finds_what_the_import_would_refuse(ground: Ground) -> None:
    first, second, third = ground.adopted(3)
    carry(ground, as_jsonl([first]))
    second["code"] = third["code"]
    found: list[Result] = []
    services.dry_run(
        actor=importer(ground.world.register.pk),
        order=ground.order("adoption"),
        source=io.BytesIO(as_jsonl([first | {"serial": "1"}, second, third])),
        sink=found.extend,
    )
    assert [(r.outcome, [f["code"] for f in r.findings]) for r in found] == [
        ("refused", ["code_taken"]),
        ("passes", []),
        ("refused", ["code_twice"]),
    ]
    assert Registration.objects.count() == 1


def test_a_stopped_adoption_goes_on(ground: Ground) -> None:
    data = as_jsonl(ground.adopted(10))
    actor, order = importer(ground.world.register.pk), ground.order("adoption")
    job = services.open_job(actor=actor, order=order, digest=services.digest_of_bytes(data))
    seen: list[int] = []

    def fail(counts: Any) -> None:
        seen.append(counts["rows"])
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        services.run(actor=actor, job=job, source=io.BytesIO(data), batch=3, progress=fail)
    assert Registration.objects.count() == 6
    job = services.run(actor=actor, job=job, source=io.BytesIO(data), batch=3)
    assert Registration.objects.count() == job.counts["created"] == 10
    ImportJob.objects.all().delete()
    assert [row[1] for row in outcomes(carry(ground, data))] == ["known"] * 10


def test_who_may_adopt(ground: Ground) -> None:
    data = as_jsonl(ground.adopted(1))
    carry(ground, data, actor=ground.world.actor("agency_supervisor"))
    assert Decision.objects.get().role == "agency_supervisor"
    for name in ("clerk", "acceptor", "gateway", "authority_supervisor", "system_admin", "nobody"):
        with pytest.raises(DomainError) as refused:
            carry(ground, data, actor=ground.world.actor(name))
        assert refused.value.status == 403


def test_a_supervisor_does_not_adopt_for_the_own_organisation(ground: Ground) -> None:
    world = ground.world
    from dengji.parties import services as parties

    person = world.people["agency_supervisor"]
    parties.grant_role(actor=parties.OPERATOR, person=person, kind="clerk", organisation=world.registrant)
    record = ground.adopted(1)[0] | {"registrant_credit_code": world.registrant.credit_code}
    job = carry(ground, as_jsonl([record]), actor=world.actor("agency_supervisor"))
    assert outcomes(job)[0][2] == ["own_file"] and not Registration.objects.exists()


def test_an_adopted_registration_lives_on(ground: Ground) -> None:
    record = ground.adopted(1)[0]
    carry(ground, as_jsonl([record]))
    row = Registration.objects.get()
    found = queries.registration(row.code)
    assert found["code"] == row.code
    acts.suppress_content(
        actor=ground.world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        object_kind="registration",
        object_id=row.pk,
        ground="state_secret",
        authority="示例机关",
        reason="示例",
    )
    row.refresh_from_db()
    assert row.name != record["name"] and differences(row) == {}


def test_load_repeats_harmlessly(ground: Ground) -> None:
    register = ground.world.register
    assert generator.load(register, 30, 3, batch=20) == 30
    assert generator.load(register, 30, 3, batch=20) == 0
    assert Registration.objects.count() == 30 and all(
        o.example for o in Organisation.objects.filter(registrations__isnull=False)
    )


def test_it_takes_an_empty_batch(ground: Ground) -> None:
    actor = importer(ground.world.register.pk)
    assert adoption.adopt(actor=actor, register_id=ground.world.register.pk, records=[]) == []
