"""Nobody decides for the agency on what is their own: their objection, their rectification, a complaint about them."""

from __future__ import annotations

from typing import Any

from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import selectors, services
from dengji.registration.models import Application, Objection
from tests.api.conftest import Callers
from tests.factories import world as w
from tests.registration import kit


def post(callers: Callers, who: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and code of one act."""
    answer = callers[who].post(path, body)
    return answer.status_code, answer.json().get("code", "")


def test_a_supervisor_does_not_decide_on_their_own_objection(callers: Callers) -> None:
    world = callers.world
    lodged = kit.lodge(world, kit.noticed(world), "agency_supervisor")
    kit.decide(world, "verify", lodged)
    path = f"objections/{lodged['id']}"
    for act in ("uphold", "dismiss"):
        assert post(callers, "agency_supervisor", f"{path}/acts/{act}", {"reason": "x"}) == (403, "own_file")
    assert callers["agency_supervisor"].get(path).json()["acts"] == ["retract"]
    assert post(callers, "objection_officer", f"{path}/acts/dismiss", {"reason": "x"})[0] == 200


def test_an_acceptor_does_not_accept_their_own_rectification(callers: Callers) -> None:
    world = callers.world
    coded = w.registered(world)
    pk = kit.follow_up(
        world,
        "rectification",
        coded["registration"],
        actor="acceptor",
        interested_party=True,
        materials=("rectification_evidence", "identity_proof", "interest_proof"),
    )
    w.act(world, "submit_for_business_review", pk, "acceptor")
    w.act(world, "submit", pk, "acceptor", **w.SECRECY)
    path = f"applications/{pk}/acts/accept"
    assert post(callers, "acceptor", path) == (403, "own_file")
    assert "accept" not in callers["acceptor"].get(f"applications/{pk}").json()["acts"]
    assert str(pk) not in [i["id"] for i in callers["acceptor"].get("queue").json()["items"] if "accept" in i["acts"]]
    parties.grant_role(actor=OPERATOR, person=world.people["citizen"], kind="acceptor", register=world.register)
    assert post(callers, "citizen", path)[0] == 200


def test_an_ordinary_clerk_of_the_past_is_no_party(callers: Callers) -> None:
    """Whoever filled a registrant's form in is the registrant's person, not a party."""
    world = callers.world
    row = Application.objects.get(pk=w.draft(world))
    assert row.applicant_id == world.people["clerk"].pk and not selectors.is_party(world.actor("clerk"), row)
    assert selectors.is_own_file(world.actor("clerk"), row)


def test_who_objects_stays_hidden_from_an_officer_of_the_registrant(callers: Callers) -> None:
    world = callers.world
    lodged = kit.lodge(world, kit.noticed(world), "citizen", evidence=[services.Upload("示例姓名.pdf", w.PDF)])
    officer, path = callers["objection_officer"], f"objections/{lodged['id']}"
    assert officer.get(path).json()["shown"] == "full"
    assert officer.get(f"{path}/materials").json()["items"][0]["name"] == "示例姓名.pdf"
    parties.grant_role(
        actor=OPERATOR, person=world.people["objection_officer"], kind="clerk", organisation=world.registrant
    )
    shown = officer.get(path).json()
    assert shown["shown"] == "masked" and shown["identity"] is None and shown["acts"] == []
    (file,) = officer.get(f"{path}/materials").json()["items"]
    assert file["name"] == "" and officer.get(f"materials/{file['id']}").status_code == 404


def test_the_agency_sees_what_was_submitted_while_the_draft_is_mended(callers: Callers) -> None:
    world = callers.world
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "x"}])
    acceptor, path = callers["acceptor"], f"applications/{pk}/materials"
    before = acceptor.get(path).json()["items"]
    (gone,) = [m["id"] for m in before if m["kind"] == "source_basis"]
    services.remove_material(actor=world.actor("clerk"), transaction_id=w.tid(), material_id=gone)
    w.attach(world, pk, ("other",))
    new = {m["id"] for m in callers["clerk"].get(path).json()["items"]} - {m["id"] for m in before}
    assert acceptor.get(path).json()["items"] == before
    assert acceptor.get(f"materials/{gone}").status_code == 200
    assert len(new) == 1 and acceptor.get(f"materials/{new.pop()}").status_code == 404


def test_a_key_beyond_ascii_opens_nothing(callers: Callers) -> None:
    lodged = kit.lodge(callers.world, kit.noticed(callers.world))
    answer = callers.public.post(f"objections/{lodged['id']}/acts/retract", {"key": "钥匙"})
    assert answer.status_code == 404 and Objection.objects.get(pk=lodged["id"]).state == "LODGED"
