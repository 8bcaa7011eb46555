"""The situations in which the acts are possible, so that what decides is the role alone; built by the proper people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from dengji.catalogue.directory import services as directory
from dengji.catalogue.directory.models import Proposal
from dengji.catalogue.following import services as following
from dengji.documents.models import Document
from dengji.imports import services as imports
from dengji.imports.services import Order
from dengji.imports.tasks import run_import
from dengji.ledger import proofs, sequencer
from dengji.ledger.models import Leaf
from dengji.registration import services
from dengji.registration.generator import generate
from dengji.registration.models import Decision, Material, Notice, Registration
from dengji.registration.services import clockwork
from tests.catalogue import kit as catalogue
from tests.factories import world as w
from tests.imports.conftest import as_jsonl
from tests.registration import kit

from .people import Ground

#: What a scene hands to its cases: ids by the names used in paths and bodies.
Scene = dict[str, Any]
#: An unusual name, so that a leak of it is seen.
EVIDENCE_NAME = "异议人身份证明.pdf"
REASON = "仅经办双方可见的理由"


def _upload(g: Ground, owner_kind: str, owner_id: Any, kind: str, who: str, name: str = "a.pdf") -> str:
    made = services.add_material(
        actor=g.actor(who),
        transaction_id=w.tid(),
        owner_kind=owner_kind,
        owner_id=owner_id,
        kind=kind,
        upload=services.Upload(name, w.PDF),
    )
    return str(made["id"])


def _file(g: Ground) -> Any:
    """A joint draft with an agent, confirmed by the co-registrant."""
    partner = {"name": g.partner.name, "credit_code": g.partner.credit_code}
    pk = w.draft(g.world, agent_id=g.agency.pk, fields={"co_registrants": [partner]})
    w.attach(g.world, pk, ("agency_letter", "joint_agreement"))
    w.act(g.world, "confirm_joint", pk, "co_registrant")
    return pk


def _of(g: Ground, pk: Any) -> Scene:
    """An application, its first file, and its latest notice."""
    notice = Notice.objects.filter(application_id=pk).order_by("-run").first()
    return {
        "application": str(pk),
        "material": str(Material.objects.filter(owner_id=pk).order_by("pk").values_list("pk", flat=True)[0]),
        "notice": str(notice.pk) if notice else "",
    }


def _until(act: str) -> Callable[[Ground], Scene]:
    def scene(g: Ground) -> Scene:
        pk = _file(g)
        w.advance(g.world, pk, act)
        return _of(g, pk)

    return scene


def draft(g: Ground) -> Scene:
    """A draft."""
    return {**_of(g, _file(g)), "form": "commitment_letter"}


def papered(g: Ground) -> Scene:
    """An accepted application whose notice of acceptance is made."""
    scene = _until("accept")(g)
    clockwork.tick()
    made = Document.objects.get(object_id=scene["application"])
    return {**scene, "document": str(made.pk)}


def signed(g: Ground) -> Scene:
    """In business review, with the head's signed form on file."""
    pk = _file(g)
    w.attach(g.world, pk, ("business_review_form",))
    w.advance(g.world, pk, "submit_for_business_review")
    return _of(g, pk)


def supplement(g: Ground) -> Scene:
    """Sent back for mending, and since then changed in the draft."""
    pk = _file(g)
    w.advance(g.world, pk, "submit")
    items = [{"field": "intro", "text": REASON}]
    w.act(g.world, "request_supplement", pk, "acceptor", items=items, reason=REASON)
    _upload(g, "application", pk, "other", "clerk", "未提交.pdf")
    w.act(g.world, "save_draft", pk, "clerk", content={"intro": "尚未提交的新简介"})
    return _of(g, pk)


def overdue(g: Ground) -> Scene:
    """Under review beyond the limit."""
    scene = _until("begin_review")(g)
    kit.past_deadline(scene["application"])
    return scene


def suspended(g: Ground) -> Scene:
    """A suspended notice."""
    scene = _until("open_notice")(g)
    w.act(g.world, "suspend_notice", scene["application"], "agency_supervisor", ground="error", reason="x")
    return scene


def notice_over(g: Ground) -> Scene:
    """A notice whose period is over."""
    scene = _until("open_notice")(g)
    w.after_notice(scene["application"])
    return scene


def coding(g: Ground) -> Scene:
    """Waiting for a code."""
    scene = notice_over(g)
    w.act(g.world, "close_notice", scene["application"], "clock")
    return scene


def requested(g: Ground) -> Scene:
    """A code has been asked for."""
    scene = coding(g)
    w.act(g.world, "request_code", scene["application"], "gateway")
    return scene


def coding_refused(g: Ground) -> Scene:
    """The request was sent back."""
    scene = requested(g)
    w.act(g.world, "refuse_code", scene["application"], "gateway", reason="x")
    return scene


def registered(g: Ground) -> Scene:
    """A registration with its code and the papers of an investigation."""
    scene = coding(g)
    coded = w.act(g.world, "assign_code", scene["application"], "issuer")
    pk = coded["registration"]
    _upload(g, "registration", pk, "registrant_statement", "clerk")
    paper = _upload(g, "registration", pk, "revocation_investigation", "agency_supervisor")
    services.read_material(actor=g.actor("agency_supervisor"), material_id=UUID(paper))  # leaves a line in the log
    catalogue.catch_up()
    return {**scene, "registration": pk, "code": coded["code"], "paper": paper}


def expired(g: Ground) -> Scene:
    """A registration whose validity is over."""
    scene = registered(g)
    kit.to_day(Registration.objects.get(pk=scene["registration"]).valid_to + timedelta(days=1))
    return scene


def cancelling(g: Ground) -> Scene:
    """A cancellation that has passed review."""
    scene = registered(g)
    pk = kit.follow_up(
        g.world, "cancellation", scene["registration"], materials=("cancellation_proof", "agency_letter")
    )
    w.act(g.world, "confirm_joint", pk, "co_registrant")
    w.advance(g.world, pk, "pass_review")
    return {**scene, "application": str(pk)}


def rechecked(g: Ground) -> Scene:
    """A registration drawn for re-examination."""
    scene = registered(g)
    drawn = services.draw_rechecks(
        actor=g.actor("agency_supervisor"), transaction_id=w.tid(), register_id=g.world.register.pk, period="2026"
    )
    return {**scene, "recheck": drawn["drawn"][0]}


def complained(g: Ground) -> Scene:
    """A complaint about the registrant's registration."""
    scene = registered(g)
    made = services.file_complaint(
        actor=g.actor("nobody"),
        transaction_id=w.tid(),
        register_id=g.world.register.pk,
        text="示例内容",
        subject_code=scene["code"],
        contact={"name": "示例投诉人"},
    )
    return {**scene, "complaint": made["id"], "key": made["key"]}


def objected(g: Ground) -> Scene:
    """An objection lodged by somebody with an account."""
    scene = _until("open_notice")(g)
    evidence = [services.Upload(EVIDENCE_NAME, w.PDF)]
    made = kit.lodge(g.world, scene["application"], g.actor("objector"), evidence=evidence)
    paper = Material.objects.get(owner_id=made["id"])
    return {**scene, "objection": made["id"], "key": made["key"], "paper": str(paper.pk)}


def verified(g: Ground) -> Scene:
    """An objection whose objector has been found real."""
    scene = objected(g)
    kit.decide(g.world, "verify", {"id": scene["objection"]})
    return scene


def _rectification(g: Ground, until: str) -> Scene:
    scene = registered(g)
    pk = kit.follow_up(
        g.world,
        "rectification",
        scene["registration"],
        actor="interested_party",
        interested_party=True,
        materials=("rectification_evidence", "identity_proof", "interest_proof", "agency_letter", "joint_agreement"),
    )
    for act in ("submit_for_business_review", "submit"):
        if until in (act, "submit") and until:
            w.act(g.world, act, pk, "interested_party", **(w.SECRECY if act == "submit" else {}))
    return {**_of(g, pk), "registration": scene["registration"]}


def rectifying(g: Ground) -> Scene:
    """An interested party's draft."""
    return _rectification(g, "")


def rectifying_ready(g: Ground) -> Scene:
    """An interested party's draft, ready to be submitted."""
    return _rectification(g, "submit_for_business_review")


def rectifying_submitted(g: Ground) -> Scene:
    """An interested party's application at the agency."""
    return _rectification(g, "submit")


def rows(g: Ground, n: int = 1) -> bytes:
    """A file of records to import."""
    unit = g.world.registrant
    registrant = {"name": unit.name, "credit_code": unit.credit_code, "region": "620700"}
    return as_jsonl(list(generate(n, 5, 0, registrant=registrant)))


def catalogued(g: Ground) -> Scene:
    """The directory of government data names what is registered; a match is proposed."""
    scene = registered(g)
    row = Registration.objects.get(pk=scene["registration"])
    supervisor, register_id = g.actor("agency_supervisor"), g.world.register.pk
    file = f"标识符,名称,单位\n示-1,{row.name},{row.registrant_name}\n".encode()
    directory.import_file(
        actor=supervisor, transaction_id=w.tid(), register_id=register_id, data=file, source="目录.csv"
    )
    directory.propose(actor=supervisor, transaction_id=w.tid(), register_id=register_id)
    proposal = Proposal.objects.get()
    return {**scene, "proposal": str(proposal.pk), "entry": str(proposal.entry_id)}


def imported(g: Ground) -> Scene:
    """An import ordered by the clerk, done."""
    order = Order(g.world.register.pk, "drafts", g.world.registrant.pk)
    job = imports.submit_file(actor=g.actor("clerk"), order=order, data=rows(g), dry=False)
    run_import(job_id=str(job.pk))
    return {"import": str(job.pk)}


def told(g: Ground) -> Scene:
    """The clerk has got a message."""
    from dengji.notify.models import Notification

    _until("submit")(g)
    clockwork.tick()
    return {"notification": str(Notification.objects.filter(person=g.world.people["clerk"]).latest("pk").pk)}


def revoked(g: Ground) -> Scene:
    """A registration that was revoked."""
    scene = registered(g)
    words = {"ground": "false_materials", "reason": REASON}
    kit.on(g.world, "revoke", "agency_supervisor", registration_id=UUID(scene["registration"]), **words)
    return scene


def inadmissible(g: Ground) -> Scene:
    """An objection that was found inadmissible."""
    scene = objected(g)
    kit.decide(g.world, "find_inadmissible", {"id": scene["objection"]}, reason=REASON)
    return scene


def answered(g: Ground) -> Scene:
    """A complaint that was answered."""
    scene = complained(g)
    kit.on(g.world, "answer_complaint", "agency_supervisor", complaint_id=UUID(scene["complaint"]), reason=REASON)
    return scene


def deficient(g: Ground) -> Scene:
    """A re-check that found something."""
    scene = rechecked(g)
    words = {"conforming": False, "reason": REASON}
    kit.on(g.world, "find_recheck", "authority_supervisor", recheck_id=UUID(scene["recheck"]), **words)
    return scene


def _in_log(name: str, obj: str, act: str) -> Callable[[Ground], Scene]:
    """A scene whose acts stand in the log under a checkpoint: `n` and `index` are those of one act."""

    def scene(g: Ground) -> Scene:
        proofs.forget()
        made = SCENES[name](g)
        sequencer.run_once()
        decision = Decision.objects.filter(object_id=made[obj], act=act).latest("n")
        return {**made, "n": decision.n, "index": Leaf.objects.get(entry_id=decision.entry_id).index}

    return scene


def empty(g: Ground) -> Scene:
    """Nothing but the people."""
    return {}


def followed(g: Ground) -> Scene:
    """A search that the clerk follows."""
    made = following.subscribe(
        actor=g.actor("clerk"), transaction_id=w.tid(), kind="search", url="https://1.1.1.1/push.example", filters={}
    )
    return {"follower": str(made["id"])}


SCENES: dict[str, Callable[[Ground], Scene]] = {
    "empty": empty,
    "followed": followed,
    "draft": draft,
    "business review": _until("submit_for_business_review"),
    "signed": signed,
    "submitted": _until("submit"),
    "supplement": supplement,
    "accepted": _until("accept"),
    "papered": papered,
    "under review": _until("begin_review"),
    "overdue": overdue,
    "review passed": _until("pass_review"),
    "notice": _until("open_notice"),
    "suspended": suspended,
    "notice over": notice_over,
    "coding": coding,
    "requested": requested,
    "coding refused": coding_refused,
    "registered": registered,
    "expired": expired,
    "cancelling": cancelling,
    "rechecked": rechecked,
    "complained": complained,
    "objected": objected,
    "verified": verified,
    "rectifying": rectifying,
    "rectifying ready": rectifying_ready,
    "rectifying submitted": rectifying_submitted,
    "catalogued": catalogued,
    "imported": imported,
    "told": told,
    "revoked": revoked,
    "inadmissible": inadmissible,
    "answered": answered,
    "deficient": deficient,
}
SCENES |= {
    f"log: {act}": _in_log(name, obj, act)
    for name, obj, act in (
        ("submitted", "application", "submit"),
        ("supplement", "application", "request_supplement"),
        ("notice", "application", "open_notice"),
        ("registered", "application", "assign_code"),
        ("revoked", "registration", "revoke"),
        ("inadmissible", "objection", "find_inadmissible"),
        ("answered", "complaint", "answer_complaint"),
        ("deficient", "recheck", "find_deficient"),
    )
}
