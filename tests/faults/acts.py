"""THE table of acts under fault: for each service, how to bring the register to the point where it may happen.

`ready` prepares a case and returns the call itself, which takes nothing but a transaction id.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from dengji.core.clock import legal_now
from dengji.registration import services
from dengji.registration.models import Complaint, Notice, Objection, Recheck, Registration
from tests.factories import world as w

Call = Callable[[str], dict[str, Any]]
EVIDENCE = (services.Upload("证据.pdf", w.PDF),)
IDENTITY = {"name": "示例异议人", "document_type": "resident_id", "document_number": "示例证件号一"}


@dataclass(frozen=True)
class Case:
    """One act on one kind of case: the service, a word to tell cases apart, and how to get there."""

    act: str
    variant: str
    ready: Callable[[w.World], Call]

    def __str__(self) -> str:
        return f"{self.act}-{self.variant}" if self.variant else self.act


CASES: list[Case] = []


def case(act: str, variant: str = "") -> Callable[[Callable[[w.World], Call]], Callable[[w.World], Call]]:
    """Enter a preparation into the table."""

    def enter(ready: Callable[[w.World], Call]) -> Callable[[w.World], Call]:
        CASES.append(Case(act, variant, ready))
        return ready

    return enter


def _call(world: w.World, act: str, actor: str, /, **arguments: Any) -> Call:
    """The call of one service by the person of a role."""
    who = world.actor(actor)
    return lambda transaction_id: getattr(services, act)(actor=who, transaction_id=transaction_id, **arguments)


def _at(act: str, until: str, role: str, **arguments: Any) -> None:
    """Enter an act that happens to an application taken up to and including `until` ('' is the draft)."""

    def ready(world: w.World) -> Call:
        pk = w.draft(world)
        if until:
            w.advance(world, pk, until)
        return _call(world, act, role, application_id=pk, **arguments)

    CASES.append(Case(act, "", ready))


def in_notice(world: w.World) -> uuid.UUID:
    """An application whose notice runs; its id."""
    pk = w.draft(world)
    w.advance(world, pk, "open_notice")
    return pk


def in_coding(world: w.World, *, requested: bool = False) -> uuid.UUID:
    """An application that waits for its code; its id."""
    pk = in_notice(world)
    w.after_notice(pk)
    w.act(world, "close_notice", pk, "clock")
    if requested:
        w.act(world, "request_code", pk, "gateway")
    return pk


def lodge_arguments(application_id: Any, **identity: str) -> dict[str, Any]:
    """What an objector says against an application in notice."""
    return {
        "notice_id": Notice.objects.get(application_id=application_id, ended_at=None).pk,
        "objector_kind": "person",
        "identity": IDENTITY | identity,
        "relation": "示例关系",
        "grounds": "示例理由",
        "evidence": EVIDENCE,
    }


def objection(world: w.World, application_id: Any = None, *, verified: bool = False) -> Objection:
    """An objection by the citizen with an account."""
    pk = application_id or in_notice(world)
    made = _call(world, "lodge", "citizen", **lodge_arguments(pk))(w.tid())
    if verified:
        _call(world, "verify", "objection_officer", objection_id=made["id"])(w.tid())
    return Objection.objects.get(pk=made["id"])


def registration(world: w.World) -> Registration:
    """A registration with its code."""
    return Registration.objects.get(code=w.registered(world)["code"])


def follow_up(
    world: w.World,
    kind: str,
    of: Registration,
    *,
    materials: tuple[str, ...] = (),
    until: str = "pass_review",
    actor: str = "clerk",
    **more: Any,
) -> uuid.UUID:
    """A change, rectification, cancellation or renewal of a registration, taken up to `until`; its id.

    Who is not the registrant's clerk submits it without a second person.
    """
    made = services.create_application(
        actor=world.actor(actor),
        transaction_id=w.tid(),
        register_id=world.register.pk,
        organisation_id=world.registrant.pk,
        kind=kind,
        registration_id=of.pk,
        **more,
    )
    pk = uuid.UUID(made["id"])
    w.attach(world, pk, materials, actor=actor)
    if actor != "clerk":
        w.act(world, "submit_for_business_review", pk, actor)
        w.act(world, "submit", pk, actor, **w.SECRECY)
    w.advance(world, pk, until)
    return pk


def with_partner(world: w.World) -> dict[str, Any]:
    """The fields of a joint application with the stranger organisation."""
    partner = world.stranger_organisation
    return {"co_registrants": [{"name": partner.name, "credit_code": partner.credit_code}]}


@case("create_application")
def _create(world: w.World) -> Call:
    return _call(
        world,
        "create_application",
        "clerk",
        register_id=world.register.pk,
        organisation_id=world.registrant.pk,
        content=w.content(world, **with_partner(world)),
    )


@case("save_draft")
def _save(world: w.World) -> Call:
    changes = {"scenarios": "运力调配", "contact_name": "示例新经办人", **with_partner(world)}
    return _call(world, "save_draft", "clerk", application_id=w.draft(world), content=changes)


@case("confirm_joint")
def _confirm(world: w.World) -> Call:
    pk = w.draft(world, fields=with_partner(world))
    return _call(world, "confirm_joint", "stranger_clerk", application_id=pk)


_REASON = {"reason": "示例理由"}
_at("submit_for_business_review", "", "clerk")
_at("return_to_clerk", "submit_for_business_review", "business_reviewer", **_REASON)
_at("submit", "submit_for_business_review", "business_reviewer", **w.SECRECY)
_at("accept", "submit", "acceptor")
_at("request_supplement", "submit", "acceptor", items=[{"field": "intro", "text": "示例事项"}], **_REASON)
_at("decline", "submit", "acceptor", **_REASON)
_at("begin_review", "accept", "reviewer")
_at("pass_review", "begin_review", "reviewer", opinion="示例意见")
_at("reject", "begin_review", "reviewer", **_REASON)
_at("withdraw", "submit", "clerk", **_REASON)
_at("open_notice", "pass_review", "notice_opener")
_at("suspend_notice", "open_notice", "agency_supervisor", ground="state_secret", **_REASON)


@case("submit", "again")
def _submit_again(world: w.World) -> Call:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "示例事项"}])
    w.act(world, "submit_for_business_review", pk, "clerk")
    return _call(world, "submit", "business_reviewer", application_id=pk, **w.SECRECY)


@case("explain_overdue")
def _explain(world: w.World) -> Call:
    pk = w.draft(world)
    w.advance(world, pk, "begin_review")
    w.move_clock(legal_now() + timedelta(days=45))
    return _call(world, "explain_overdue", "reviewer", application_id=pk, **_REASON)


@case("resume_notice")
def _resume(world: w.World) -> Call:
    pk = in_notice(world)
    w.act(world, "suspend_notice", pk, "agency_supervisor", ground="state_secret", **_REASON)
    return _call(world, "resume_notice", "agency_supervisor", application_id=pk)


@case("close_notice")
def _close(world: w.World) -> Call:
    pk = in_notice(world)
    w.after_notice(pk)
    return _call(world, "close_notice", "clock", application_id=pk)


@case("terminate", "with open objections")
def _terminate(world: w.World) -> Call:
    pk = in_notice(world)
    objection(world, pk)
    objection(world, pk, verified=True)
    return _call(world, "terminate", "agency_supervisor", application_id=pk, **_REASON)


@case("request_code")
def _request(world: w.World) -> Call:
    return _call(world, "request_code", "gateway", application_id=in_coding(world))


@case("cancel_request")
def _cancel_request(world: w.World) -> Call:
    return _call(world, "cancel_request", "gateway", application_id=in_coding(world, requested=True))


@case("refuse_code")
def _refuse(world: w.World) -> Call:
    return _call(world, "refuse_code", "gateway", application_id=in_coding(world, requested=True), **_REASON)


@case("assign_code", "by the issuer")
def _issue(world: w.World) -> Call:
    return _call(world, "assign_code", "issuer", application_id=in_coding(world))


@case("assign_code", "by the gateway")
def _pass_in(world: w.World) -> Call:
    pk = in_coding(world, requested=True)
    return _call(world, "assign_code", "gateway", application_id=pk, code=f"DEMO-{uuid.uuid4().hex[:16]}")


@case("lodge")
def _lodge(world: w.World) -> Call:
    return _call(world, "lodge", "nobody", **lodge_arguments(in_notice(world)))


@case("retract")
def _retract(world: w.World) -> Call:
    return _call(world, "retract", "citizen", objection_id=objection(world).pk)


@case("verify")
def _verify(world: w.World) -> Call:
    return _call(world, "verify", "objection_officer", objection_id=objection(world).pk)


@case("find_inadmissible")
def _inadmissible(world: w.World) -> Call:
    return _call(world, "find_inadmissible", "objection_officer", objection_id=objection(world).pk, **_REASON)


@case("dismiss")
def _dismiss(world: w.World) -> Call:
    row = objection(world, verified=True)
    return _call(world, "dismiss", "objection_officer", objection_id=row.pk, **_REASON)


@case("uphold", "with another objection open")
def _uphold(world: w.World) -> Call:
    row = objection(world, verified=True)
    objection(world, row.application_id)
    return _call(world, "uphold", "objection_officer", objection_id=row.pk, **_REASON)


@case("complete", "change of contact")
def _change(world: w.World) -> Call:
    pk = follow_up(
        world,
        "change",
        registration(world),
        materials=("commitment_letter",),
        content={"contact_name": "示例新经办人"},
    )
    return _call(world, "complete", "reviewer", application_id=pk)


@case("complete", "change of data after its notice")
def _change_data(world: w.World) -> Call:
    pk = follow_up(
        world,
        "change",
        registration(world),
        materials=("commitment_letter",),
        until="open_notice",
        content={"scenarios": "运力调配"},
    )
    w.after_notice(pk)
    return _call(world, "complete", "agency_supervisor", application_id=pk)


@case("complete", "rectification")
def _rectify(world: w.World) -> Call:
    pk = follow_up(
        world,
        "rectification",
        registration(world),
        materials=("rectification_evidence",),
        content={"contact_name": "示例更正后的经办人"},
    )
    return _call(world, "complete", "reviewer", application_id=pk)


@case("complete", "cancellation")
def _cancellation(world: w.World) -> Call:
    pk = follow_up(
        world, "cancellation", registration(world), materials=("cancellation_proof",), request={"ground": "lost"}
    )
    return _call(world, "complete", "reviewer", application_id=pk)


@case("revoke")
def _revoke(world: w.World) -> Call:
    row = registration(world)
    for kind in ("revocation_investigation", "registrant_statement"):
        add_to(world, row.pk, kind)(w.tid())
    return _call(world, "revoke", "agency_supervisor", registration_id=row.pk, ground="false_materials", **_REASON)


def add_to(world: w.World, registration_id: Any, kind: str) -> Call:
    """The call that attaches a material to a registration by the agency's supervisor."""
    return _call(
        world,
        "add_material",
        "agency_supervisor",
        owner_kind="registration",
        owner_id=registration_id,
        kind=kind,
        upload=services.Upload("核实记录.pdf", w.PDF),
    )


def suppress(world: w.World, object_kind: str, object_id: Any) -> Call:
    """The call that suppresses the content of an object."""
    return _call(
        world,
        "suppress_content",
        "agency_supervisor",
        object_kind=object_kind,
        object_id=object_id,
        ground="personal_information",
        authority="示例机关",
        **_REASON,
    )


@case("suppress_content", "application in notice")
def _suppress_application(world: w.World) -> Call:
    return suppress(world, "application", in_notice(world))


@case("suppress_content", "registration and its family")
def _suppress_registration(world: w.World) -> Call:
    row = registration(world)
    follow_up(world, "change", row, materials=("commitment_letter",), content={"contact_name": "示例新经办人"})
    return suppress(world, "registration", row.pk)


@case("add_material")
def _add(world: w.World) -> Call:
    upload = services.Upload("说明.pdf", w.PDF)
    return _call(
        world,
        "add_material",
        "clerk",
        owner_kind="application",
        owner_id=w.draft(world),
        kind="other",
        upload=upload,
    )


@case("remove_material")
def _remove(world: w.World) -> Call:
    pk = w.draft(world)
    listed = services.list_materials(actor=world.actor("clerk"), owner_kind="application", owner_id=pk)
    return _call(world, "remove_material", "clerk", material_id=uuid.UUID(listed[0]["id"]))


def submitted(world: w.World) -> uuid.UUID:
    """An application that waits for acceptance; its id."""
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    return pk


def _desk(act: str, *before: str, role: str = "acceptor", **arguments: Any) -> None:
    """Enter a change at the desk on an application that waits for acceptance, after other changes by the acceptor."""

    def ready(world: w.World) -> Call:
        case: dict[str, Any] = {"object_kind": "application", "object_id": submitted(world)}
        for earlier in before:
            _call(world, earlier, "acceptor", **case)(w.tid())
        more = {name: value(world) if callable(value) else value for name, value in arguments.items()}
        return _call(world, act, role, **case, **more)

    CASES.append(Case(act, "", ready))


_desk("claim")
_desk("release", "claim")
_desk("reassign", "claim", person_id=lambda world: world.people["reviewer"].pk)


def note(world: w.World) -> Call:
    """The call that notes a telephone call on a case."""
    words = {"kind": "telephone", "text": "示例电话记录"}
    return _call(world, "add_note", "acceptor", object_kind="application", object_id=submitted(world), **words)


CASES.append(Case("add_note", "", note))


def deputise(world: w.World) -> Call:
    """The call by which an acceptor names a deputy."""
    people = {"person_id": world.people["acceptor"].pk, "deputy_id": world.people["reviewer"].pk}
    days = {"first_day": date(2026, 1, 1), "last_day": date(2099, 1, 1)}
    return _call(world, "set_deputy", "acceptor", register_id=world.register.pk, **people, **days)


CASES.append(Case("set_deputy", "", deputise))


@case("end_deputy")
def _end_deputy(world: w.World) -> Call:
    return _call(world, "end_deputy", "agency_supervisor", deputy_id=deputise(world)(w.tid())["id"])


def word(world: w.World) -> Call:
    """The call that keeps a wording."""
    text = {"act": "decline", "title": "示例", "text": "示例文字"}
    return _call(world, "save_wording", "acceptor", register_id=world.register.pk, **text)


CASES.append(Case("save_wording", "", word))


@case("drop_wording")
def _drop_wording(world: w.World) -> Call:
    return _call(world, "drop_wording", "acceptor", wording_id=uuid.UUID(word(world)(w.tid())["id"]))


def complain(world: w.World) -> Call:
    """The call that files a complaint with a contact."""
    return _call(
        world,
        "file_complaint",
        "nobody",
        register_id=world.register.pk,
        text="示例投诉",
        contact={"phone": "13800000001"},
    )


CASES.append(Case("file_complaint", "", complain))


@case("answer_complaint")
def _answer(world: w.World) -> Call:
    made = Complaint.objects.get(pk=complain(world)(w.tid())["id"])
    return _call(world, "answer_complaint", "agency_supervisor", complaint_id=made.pk, **_REASON)


def draw(world: w.World, period: str) -> Call:
    """The call that draws re-checks for a period."""
    return _call(world, "draw_rechecks", "authority_supervisor", register_id=world.register.pk, period=period)


@case("draw_rechecks")
def _draw(world: w.World) -> Call:
    registration(world)
    registration(world)
    return draw(world, "2026Q4")


@case("find_recheck")
def _find(world: w.World) -> Call:
    registration(world)
    made = draw(world, uuid.uuid4().hex[:12])(w.tid())
    row = Recheck.objects.get(pk=made["drawn"][0])
    return _call(world, "find_recheck", "agency_supervisor", recheck_id=row.pk, conforming=False, **_REASON)


def recalculate(world: w.World, pk: Any) -> Call:
    """The call that makes two working days of an application's running period holidays."""
    opened = Notice.objects.get(application_id=pk, ended_at=None).first_day
    days = [opened + timedelta(days=n) for n in range(2, 9)]
    return _call(
        world,
        "set_calendar",
        "system_admin",
        version=f"test-{uuid.uuid4().hex[:8]}",
        overrides=[{"day": day.isoformat(), "working": False, "source": "示例文件"} for day in days],
    )


@case("set_calendar", "recalculating what runs")
def _calendar(world: w.World) -> Call:
    pk = in_notice(world)
    objection(world, pk)
    return recalculate(world, pk)


# The last two move the legal clock by years, so they stand at the end.
@case("complete", "renewal")
def _renew(world: w.World) -> Call:
    row = registration(world)
    w.move_clock(legal_now().replace(year=row.valid_to.year, month=row.valid_to.month, day=1) - timedelta(days=20))
    pk = follow_up(world, "renewal", row, materials=("renewal_basis",), request={"months": 12})
    return _call(world, "complete", "reviewer", application_id=pk)


@case("cancel", "after expiry")
def _expire(world: w.World) -> Call:
    row = registration(world)
    w.move_clock(legal_now() + timedelta(days=3 * 366))
    return _call(world, "cancel", "agency_supervisor", registration_id=row.pk)
