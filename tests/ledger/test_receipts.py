"""Receipts over the API: who gets what, what it proves, and that nothing is handed out that would not verify."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from dengji.core.canonical import canonical, salted_digest
from dengji.core.errors import DomainError
from dengji.ledger import anchors, keyring, sequencer
from dengji.ledger import proofs as stored_proofs
from dengji.ledger.models import Entry, SignedCheckpoint
from dengji.ledger.pure import sm2
from dengji.ledger.pure.checkpoints import open_checkpoint, require_extension
from dengji.ledger.pure.keys import Algorithm
from dengji.ledger.pure.receipts import Receipt, Report, Trust, parse_receipt, verify_receipt
from dengji.registration import receipts
from dengji.registration.models import Application, Decision, Objection, Registration
from tests.api.conftest import Callers
from tests.factories import world as w
from tests.registration import kit

INTRO = "该数据资源为张掖市大数据中心在客运服务过程中产生，包含线路名称等具体信息，可用于出行查询和运力调配。"


@pytest.fixture
def node(tmp_path: Path, settings: Any) -> Iterator[None]:
    """Keys of this test's own, no limits on callers, no certificate authority."""
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    settings.DENGJI_RATE_LIMITS = False
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    stored_proofs.forget()
    anchors.forget()
    yield
    stored_proofs.forget()


@pytest.fixture
def callers(db: None, node: None) -> Callers:
    """A fresh world and its callers."""
    return Callers(w.build())


def trust(*required: Algorithm) -> Trust:
    """What somebody believes who has pinned this node's keys."""
    keys = tuple(keyring.vkeys())
    return Trust(keys[0].name, keys, required=frozenset(required or (Algorithm.ED25519,)))


def proven(response: Any) -> tuple[Receipt, Report]:
    """The receipt of an answer, verified from its bytes alone."""
    assert response.status_code == 200, response.content
    receipt = parse_receipt(response.content)
    return receipt, verify_receipt(receipt, trust())


def codes(report: Report) -> set[str]:
    """The codes of what a report says."""
    return {statement.code for statement in report.statements}


def path_of(kind: str, object_id: Any, act: str) -> str:
    """Where the receipt of the newest such act on an object is."""
    n = Decision.objects.filter(object_id=object_id, act=act).latest("n").n
    return f"{kind}s/{object_id}/decisions/{n}/receipt"


def test_a_receipt_is_being_made_until_a_checkpoint_covers_the_act(callers: Callers) -> None:
    pk = kit.noticed(callers.world)
    path = path_of("application", pk, "open_notice")
    answer = callers.public.get(path)
    assert answer.status_code == 409 and answer.json()["code"] == "receipt_pending"
    assert 0 < int(answer["Retry-After"]) <= 5 and "制作中" in answer.json()["title"]
    assert answer["Content-Type"] == "application/problem+json"
    while sequencer.place_pending():
        pass
    assert callers.public.get(path).json()["code"] == "receipt_pending"
    sequencer.run_once()
    receipt, report = proven(callers.public.get(path))
    assert receipt.entry["act"] == "open_notice" and "content_matches" in codes(report)


def test_a_registration_is_proven_to_anyone_with_its_content(callers: Callers) -> None:
    coded = w.registered(callers.world)
    sequencer.run_once()
    answer = callers.public.get(f"registrations/{coded['code']}/receipt")
    receipt, report = proven(answer)
    assert receipt.entry["act"] == "assign_code" and receipt.entry["public"]["code"] == coded["code"]
    row = Registration.objects.get(code=coded["code"])
    assert receipt.content and receipt.content["fields"]["name"] == row.name
    assert {"included", "signed", "node_time", "content_matches", "time_by_node_alone", "not_truth"} <= codes(report)
    assert "attachment" in answer["Content-Disposition"] and answer["Dengji-Time-Stamp"] == "off"
    assert callers.public.get("registrations/DEMO-none/receipt").status_code == 404
    assert callers.public.get(f"registrations/{coded['code']}/receipt", {"version": 2}).status_code == 404


def test_versions_and_the_end_of_a_registration_have_receipts_of_their_own(callers: Callers) -> None:
    world = callers.world
    coded = w.registered(world)
    first = kit.registration(coded)
    for kind in ("change", "cancellation"):
        pk = kit.follow_up(world, kind, first.pk, fields={"intro": INTRO} if kind == "change" else None)
        kit.pass_review(world, pk)
        if kind == "change":
            w.advance(world, pk, "open_notice")
            w.after_notice(pk)
        w.act(world, "complete", pk, "agency_supervisor")
    sequencer.run_once()
    acts = {}
    for version in (1, 2, None):
        query = {} if version is None else {"version": version}
        receipt, _ = proven(callers.public.get(f"registrations/{coded['code']}/receipt", query))
        acts[version] = receipt.entry["act"]
    assert acts == {1: "assign_code", 2: "revise", None: "cancel"}


def test_a_private_act_is_opened_only_for_those_it_concerns(callers: Callers) -> None:
    pk = w.draft(callers.world)
    w.advance(callers.world, pk, "accept")
    sequencer.run_once()
    path = path_of("application", pk, "accept")
    for name in ("clerk", "business_reviewer", "acceptor"):
        answer = callers[name].get(path)
        receipt, report = proven(answer)
        assert receipt.opening and receipt.opening["statement"]["act"] == "accept"
        assert "opening_matches" in codes(report) and answer["Cache-Control"] == "private, no-store"
    for caller in (callers.public, callers["citizen"], callers["stranger_clerk"]):
        assert caller.get(path).status_code == 404
    assert callers["clerk"].get(path.replace("/decisions/", "/decisions/9")).status_code == 404


def test_by_its_place_an_entry_is_proven_but_stays_sealed(callers: Callers) -> None:
    w.draft(callers.world)
    sequencer.run_once()
    entry = Entry.objects.select_related("leaf").get(act="create_application")
    receipt, report = proven(callers.public.get(f"entries/{entry.leaf.index}/receipt"))
    assert canonical(receipt.entry) == bytes(entry.body) and receipt.opening is None
    assert "opening_absent" in codes(report)
    assert callers.public.get("entries/999999/receipt").status_code == 404


def test_an_objection_is_opened_for_objector_and_officer_not_for_the_registrant(callers: Callers) -> None:
    pk = kit.noticed(callers.world)
    lodged = kit.lodge(callers.world, pk)
    sequencer.run_once()
    path = path_of("objection", lodged["id"], "lodge")
    by_key = proven(callers.public.get(path, {"key": lodged["key"]}))[0]
    by_officer = proven(callers["objection_officer"].get(path))[0]
    by_registrant = proven(callers["clerk"].get(path))[0]
    assert by_key.opening and by_key.opening == by_officer.opening and by_registrant.opening is None
    for query in ({}, {"key": "x"}):
        assert callers.public.get(path, query).status_code == 404
    assert callers["clerk"].get(path.replace("/receipt", "/words")).status_code in (403, 404)


def test_the_reasons_of_a_private_act_are_proven_by_its_opening(callers: Callers) -> None:
    pk = w.draft(callers.world)
    w.advance(callers.world, pk, "begin_review")
    w.act(callers.world, "reject", pk, "reviewer", reason="数据来源不明")
    sequencer.run_once()
    path = path_of("application", pk, "reject")
    receipt, _ = proven(callers["clerk"].get(path))
    words = callers["clerk"].get(path.replace("/receipt", "/words")).json()
    assert words["words"]["reason"] == "数据来源不明" and receipt.opening
    stated = receipt.opening["statement"]["detail"]
    assert salted_digest(bytes.fromhex(words["salt"]), words["words"]) == stated
    assert "数据来源不明" not in str(orjson.loads(callers["clerk"].get(path).content))
    assert callers.public.get(path.replace("/receipt", "/words")).status_code == 404
    # The secrecy reviewer's name is among the words of the submission, which the supervisor of the agency does not see.
    submitted = path_of("application", pk, "submit").replace("/receipt", "/words")
    assert callers["clerk"].get(submitted).status_code == 200
    assert callers["agency_supervisor"].get(submitted).status_code == 403


def test_suppressed_content_leaves_the_receipts_the_act_stays_proven(callers: Callers) -> None:
    coded = w.registered(callers.world)
    path = f"registrations/{coded['code']}/receipt"
    sequencer.run_once()
    before, _ = proven(callers.public.get(path))
    assert before.content
    kit.on(
        callers.world,
        "suppress_content",
        "agency_supervisor",
        object_kind="registration",
        object_id=coded["registration"],
        ground="personal_information",
        authority="示例机关",
        reason="含个人信息",
    )
    after, report = proven(callers.public.get(path))
    assert after.content is None and after.entry == before.entry and "content_absent" in codes(report)
    assert "salt" not in callers.public.get(path).content.decode()


def test_a_suspended_notice_is_proven_without_its_content(callers: Callers) -> None:
    pk = kit.noticed(callers.world)
    sequencer.run_once()
    path = path_of("application", pk, "open_notice")
    assert proven(callers.public.get(path))[0].content
    w.act(callers.world, "suspend_notice", pk, "agency_supervisor", ground="error", reason="简介有误")
    assert proven(callers.public.get(path))[0].content is None


def test_a_receipt_under_a_checkpoint_that_one_holds(callers: Callers) -> None:
    pk = kit.noticed(callers.world)
    sequencer.run_once()
    held = SignedCheckpoint.objects.latest("id")
    path = path_of("application", pk, "open_notice")
    w.draft(callers.world)
    _grow()
    newest = SignedCheckpoint.objects.latest("id")
    assert newest.size > held.size
    receipt, report = proven(callers.public.get(path, {"size": held.size}))
    assert report.checkpoint.size == held.size
    for size in (1, held.size + 1 if held.size + 1 != newest.size else 2):
        answer = callers.public.get(path, {"size": size})
        assert (answer.status_code, answer.json()["code"]) == (409, "checkpoint_unknown")
    between = callers.public.get("consistency", {"old": held.size}).json()
    old = open_checkpoint(bytes(held.note), trust().keys)[0]
    new = open_checkpoint(between["checkpoint"].encode(), trust().keys)[0]
    require_extension(old, new, [base64.b64decode(one) for one in between["proof"]])
    assert between["new"] == newest.size and receipt.index < held.size
    assert callers.public.get("consistency", {"old": newest.size + 1}).status_code == 409


def _grow() -> None:
    """Place what waits and sign at once, however soon after the last time."""
    while sequencer.place_pending():
        pass
    from dengji.core.clock import real_now
    from dengji.ledger import checkpointing

    checkpointing._sign(checkpointing.examine().now, real_now())


@pytest.mark.skipif(not sm2.available(), reason="libcrypto of this machine has no SM2")
def test_in_gm_mode_a_receipt_waits_for_a_checkpoint_with_sm2(callers: Callers, settings: Any) -> None:
    coded = w.registered(callers.world)
    sequencer.run_once()
    path = f"registrations/{coded['code']}/receipt"
    assert not _has_sm2(callers.public.get(path))
    settings.DENGJI_GM = True
    assert callers.public.get(path).json()["code"] == "receipt_pending"
    w.draft(callers.world)
    _grow()
    receipt = parse_receipt(callers.public.get(path).content)
    report = verify_receipt(receipt, trust(Algorithm.ED25519, Algorithm.SM2))
    assert _has_sm2(callers.public.get(path)) and report.index == receipt.index


def _has_sm2(response: Any) -> bool:
    note = parse_receipt(response.content).checkpoint
    ids = {key.key_id for key in keyring.history() if key.algorithm is Algorithm.SM2}
    return any(base64.b64decode(line.split(" ")[-1])[:4] in ids for line in note.decode().splitlines()[4:])


def test_what_somebody_changed_in_the_database_is_not_handed_out(
    committed: str, owner_connection: psycopg.Connection, node: None
) -> None:
    callers = Callers(w.build())
    pk = kit.noticed(callers.world)
    sequencer.run_once()
    decision = Decision.objects.get(object_id=pk, act="open_notice")
    owner_connection.execute("SET session_replication_role = replica")
    body = orjson.loads(bytes(Entry.objects.get(pk=decision.entry_id).body))
    body["at"] = "2020-01-01T00:00:00.000Z"
    owner_connection.execute("UPDATE ledger_entry SET body = %s WHERE id = %s", [canonical(body), decision.entry_id])
    answer = callers.public.get(path_of("application", pk, "open_notice"))
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_fault")
    # The same for a private act whose decision no longer says what was sealed.
    accepted = Decision.objects.get(object_id=pk, act="accept")
    assert proven(callers["clerk"].get(path_of("application", pk, "accept")))
    owner_connection.execute(
        "UPDATE registration_decision SET deadline_day = '2030-01-01' WHERE id = %s", [accepted.pk]
    )
    answer = callers["clerk"].get(path_of("application", pk, "accept"))
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_fault")


def test_an_opening_of_another_entry_is_refused(callers: Callers) -> None:
    pk = w.draft(callers.world)
    w.advance(callers.world, pk, "accept")
    sequencer.run_once()
    one, other = (
        parse_receipt(callers["clerk"].get(path_of("application", pk, act)).content) for act in ("submit", "accept")
    )
    with pytest.raises(DomainError) as caught:
        verify_receipt(replace(one, opening=other.opening), trust())
    assert caught.value.code == "opening_mismatch" and "不是该记录所密封的陈述" in str(caught.value)


def test_the_service_itself_refuses_who_is_not_concerned(callers: Callers) -> None:
    pk = kit.noticed(callers.world)
    lodged = kit.lodge(callers.world, pk)
    sequencer.run_once()
    stranger = callers.world.actor("stranger_clerk")
    for model, object_id in ((Application, pk), (Objection, lodged["id"])):
        with pytest.raises(DomainError) as caught:
            receipts.of_decision(actor=stranger, model=model, object_id=object_id, n=1)
        assert caught.value.code == "not_found"
