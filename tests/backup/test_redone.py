"""Public acts of the lost days, done again from their entries: what comes back is what was there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from dengji.backup.known import Copy
from dengji.backup.recovery import recover
from dengji.ledger import sequencer
from dengji.ledger.export import export
from dengji.registration import services
from dengji.registration.models import Application, Notice, Registration, RegistrationVersion
from dengji.registration.services import adoption
from tests.backup.conftest import Node
from tests.backup.test_recovery import clean, sign
from tests.factories import world as w
from tests.faults.acts import follow_up

OWN_CODE, STRANGE_CODE = "DEMO-ADOPTED-0001", "DEMO-ADOPTED-0002"


def shown() -> dict[str, Any]:
    """What the public sees of registrations and notices, and where applications stand."""
    return {
        "registrations": list(
            Registration.objects.order_by("code").values_list(
                "id", "code", "state", "name", "registrant_name", "version", "valid_from", "valid_to", "adopted", "n"
            )
        ),
        "versions": list(
            RegistrationVersion.objects.order_by("registration__code", "number").values_list(
                "registration_id", "number", "fields__name", "fields__update_frequency", "content", "valid_to"
            )
        ),
        "notices": list(
            Notice.objects.order_by("application_id", "run").values_list(
                "application_id", "run", "state", "fields", "content", "first_day", "last_day", "ends", "ended_at"
            )
        ),
        "applications": list(
            Application.objects.order_by("pk").values_list("pk", "state", "n", "notice_last_day", "deadline_day")
        ),
    }


def adopt(world: w.World, code: str, name: str, registrant: str, unit: str) -> None:
    """Take over one registration of another platform."""
    content = {"name": name, "intro": "示例", "coverage_regions": ["620700"], "update_frequency": "monthly"}
    told = {"registrant_name": registrant, "registrant_credit_code": unit}
    row = adoption.AdoptedRow({**content, **told}, code, date(2025, 3, 3), date(2028, 3, 2))
    (done,) = adoption.adopt(
        actor=world.actor("agency_supervisor"), register_id=world.register.pk, records=[row], example=True
    )
    assert done.error is None


def test_notices_revisions_and_adoptions_come_back_as_they_were(
    node: Node, another_database: Callable[..., str], tmp_path: Path
) -> None:
    world = w.build()
    registered = Registration.objects.get(code=w.registered(world)["code"])
    passed, suspended = w.draft(world), w.draft(world)
    w.advance(world, passed, "pass_review")
    w.advance(world, suspended, "open_notice")
    w.act(world, "suspend_notice", suspended, "agency_supervisor", ground="error", reason="示例理由")
    change = follow_up(
        world, "change", registered, materials=("commitment_letter",), content={"contact_name": "示例新经办人"}
    )
    made = node.backup()
    # After the backup.
    opened = services.open_notice(
        actor=world.actor("notice_opener"), transaction_id=w.tid(), application_id=passed, cleared=[]
    )
    services.resume_notice(actor=world.actor("agency_supervisor"), transaction_id=w.tid(), application_id=suspended)
    w.act(world, "complete", change, "reviewer")
    adopt(world, OWN_CODE, "甘肃省张掖市-道路运输业-承接示例一", world.registrant.name, world.registrant.credit_code)
    before = shown()
    adopt(world, STRANGE_CODE, "甘肃省张掖市-道路运输业-承接示例二", "示例陌生单位", w.credit_code())
    sequencer.run_once()
    known = sign()
    export(tmp_path / "export")
    another_database(made)
    assert Application.objects.get(pk=passed).state == "REVIEW_PASSED"
    outcome = recover(witnesses=[known], copy=Copy(str(tmp_path / "export")))
    assert outcome.how == "caught_up"
    assert shown() == before
    # Nobody here is called as its registrant, and an entry does not tell a credit code: left to people.
    assert len(outcome.not_applied) == 1 and not Registration.objects.filter(code=STRANGE_CODE).exists()
    clean()
    # It goes on from there.
    w.after_notice(UUID(opened["id"]))
    w.act(world, "close_notice", passed, "clock")
    assert w.act(world, "assign_code", passed, "issuer")["code"] not in {row[1] for row in before["registrations"]}
    clean()
