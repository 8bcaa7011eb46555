"""Random acts by random roles over several files: whatever happens, the register keeps its promises (design §3, §4)."""

from __future__ import annotations

import os
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from dengji.core.clock import legal_now
from dengji.core.errors import DomainError
from dengji.law.calendar import shanghai_date
from dengji.law.procedure import OPEN_OBJECTION, STATES, TABLE
from dengji.ledger.entries import Sealed
from dengji.ledger.models import Entry
from dengji.registration import rules, services
from dengji.registration.models import Application, Complaint, Decision, Notice, Objection, Recheck, Registration
from dengji.registration.models.cases import CaseBase
from dengji.registration.projection import MODELS, differences
from dengji.registration.services import engine
from tests.factories import world as w
from tests.registration.kit import CONTACT, FOLLOW_UP, PERSON

pytestmark = pytest.mark.django_db
SOAK = os.environ.get("DENGJI_SOAK") == "1"
STEPS, RUNS = 40, 520 if SOAK else 26
#: Some runs end early, so a few more are started than the count needs.
WANTED = 20_000 if SOAK else 1_000
FILES = 7

_TABLES = (
    *(
        "registration_" + name
        for name in (
            "application",
            "registration",
            "objection",
            "complaint",
            "recheck",
            "draft",
            "version",
            "registrationversion",
            "notice",
            "material",
            "namekey",
            "coregistrant",
            "serialcounter",
            "calendarversion",
            "decision",
            "decisiondetail",
        )
    ),
    *("ledger_entry", "ledger_pending", "ledger_content", "core_rememberedresult"),
)
_FINGERPRINT = "SELECT " + ", ".join(
    f"(SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t)" for table in _TABLES
)

_R = {"reason": "理由"}
#: What each act on an application is given when it is tried at random.
GIVEN: dict[str, dict[str, Any]] = {
    "confirm_joint": {},
    "submit_for_business_review": {},
    "return_to_clerk": _R,
    "submit": w.SECRECY,
    "accept": {},
    "request_supplement": {"items": [{"field": "intro", "text": "写明用途"}]},
    "decline": _R,
    "begin_review": {},
    "pass_review": {},
    "reject": _R,
    "explain_overdue": _R,
    "open_notice": {},
    "suspend_notice": {"ground": "error", **_R},
    "resume_notice": {},
    "close_notice": {},
    "terminate": _R,
    "request_code": {},
    "cancel_request": {},
    "assign_code": {"code": "DEMO-SAME-0001"},
    "refuse_code": _R,
    "complete": {},
    "withdraw": {},
}
#: The act that usually comes next, and who does it.
NEXT: dict[str, tuple[str, str]] = {
    "DRAFT": ("submit_for_business_review", "clerk"),
    "SUPPLEMENT": ("submit_for_business_review", "clerk"),
    "BUSINESS_REVIEW": ("submit", "business_reviewer"),
    "SUBMITTED": ("accept", "acceptor"),
    "ACCEPTED": ("begin_review", "reviewer"),
    "UNDER_REVIEW": ("pass_review", "reviewer"),
    "REVIEW_PASSED": ("open_notice", "notice_opener"),
    "NOTICE": ("close_notice", "clock"),
    "NOTICE_SUSPENDED": ("resume_notice", "agency_supervisor"),
    "CODING": ("assign_code", "issuer"),
    "CODING_REFUSED": ("request_code", "agency_supervisor"),
}
PEOPLE = (
    *("clerk", "business_reviewer", "stranger_clerk", *w.AGENCY_KINDS),
    *("authority_supervisor", "system_admin", "citizen", "clock", "nobody", "issuer"),
)
FIRST = ("description_document", "commitment_letter", "source_basis", "risk_assessment")
#: How often each thing happens.
WEIGHTS = {
    "draft": 12,
    "go_on": 36,
    "anything": 12,
    "right_person": 20,
    "object": 14,
    "treat_objection": 16,
    "save": 4,
    "end_registration": 5,
    "suppress": 2,
    "time_passes": 6,
    "calendar": 3,
    "oversee": 2,
    "send_again": 5,
}
_total = 0


class Register(RuleBasedStateMachine):
    """Several files, objections and registrations of one register, as anybody might treat them."""

    world: w.World

    @initialize()
    def begin(self) -> None:
        """Start from the prepared world, inside a savepoint."""
        self.frame = transaction.atomic()
        self.frame.__enter__()
        rules.forget()
        self.seen = Decision.objects.latest("entry_id").entry_id
        self.last: tuple[str, str, dict[str, Any], dict[str, Any]] | None = None
        self.calendars = 0

    def teardown(self) -> None:
        """Check everything once more, then go back to the prepared world."""
        if not hasattr(self, "frame"):
            return
        try:
            for model in MODELS.values():
                for row in model._default_manager.all():
                    self._whole(row)
        finally:
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)
            rules.forget()

    # -- what may be tried ------------------------------------------------------------------------------------------

    @staticmethod
    def _fingerprint() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(_FINGERPRINT)
            return cursor.fetchone()

    def _try(self, name: str, who: str, **more: Any) -> dict[str, Any] | None:
        """One act; a refusal must change nothing."""
        more = {"transaction_id": w.tid(), **more}
        before = self._fingerprint()
        try:
            result: dict[str, Any] = getattr(services, name)(actor=self.world.actor(who), **more)
        except DomainError as error:
            assert error.status < 500, error
            assert self._fingerprint() == before, f"{name} by {who} was refused ({error.code}) and changed something"
            return None
        self.last = (name, who, more, result)
        return result

    @rule(chance=st.randoms(use_true_random=True))
    def step(self, chance: Random) -> None:
        """One thing happens; what, is drawn by weight, so that files also come far."""
        (what,) = chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))
        if not Application.objects.filter(ended_at=None).exists():
            what = "draft"
        getattr(self, f"_{what}")(chance)

    def _pick(self, rows: Any, chance: Random) -> Any:
        found = list(rows.order_by("pk"))
        return chance.choice(found) if found else None

    def _draft(self, chance: Random) -> None:
        """Somebody opens a file."""
        if Application.objects.filter(ended_at=None).count() >= FILES:
            return
        kind = chance.choice(["first", "first", "first", *FOLLOW_UP])
        about = self._pick(Registration.objects.filter(state="VALID"), chance) if kind != "first" else None
        if about is None:
            kind, request, content = "first", {}, w.content(self.world)
            materials: tuple[str, ...] = FIRST
            if chance.random() < 0.2:
                partner = self.world.stranger_organisation
                content["co_registrants"] = [{"name": partner.name, "credit_code": partner.credit_code}]
        else:
            request, materials = FOLLOW_UP[kind]
            content = {**CONTACT, "update_frequency": "daily"} if kind == "change" else dict(CONTACT)
        made = self._try(
            "create_application",
            "clerk",
            register_id=self.world.register.pk,
            organisation_id=self.world.registrant.pk,
            kind=kind,
            registration_id=about.pk if about else None,
            content=content,
            request=request,
        )
        if made:
            w.attach(self.world, made["id"], materials)

    def _go_on(self, chance: Random) -> None:
        """A file takes its usual way for a while."""
        row = self._pick(Application.objects.filter(ended_at=None), chance)
        for _ in range(chance.randint(1, 6)):
            if row is None or row.state not in NEXT:
                return
            self._next(row, chance)
            row.refresh_from_db()

    def _next(self, row: Application, chance: Random) -> None:
        name, who = NEXT[row.state]
        if row.state == "DRAFT" and row.co_registrants.exists():
            self._try("confirm_joint", "stranger_clerk", application_id=row.pk)
        if row.state == "NOTICE":
            if row.notice_ends and row.notice_ends > legal_now() and chance.random() < 0.5:
                w.move_clock(row.notice_ends + timedelta(minutes=6))
            if row.kind != "first":
                name, who = "complete", "reviewer"
        if row.state == "UNDER_REVIEW" and row.deadline_ends and legal_now() >= row.deadline_ends:
            self._try("explain_overdue", "reviewer", application_id=row.pk, **_R)
        more = {"code": ""} if name == "assign_code" else GIVEN[name]
        if self._try(name, who, application_id=row.pk, **more) is None and row.state == "REVIEW_PASSED":
            self._try("complete", "reviewer", application_id=row.pk)

    def _anything(self, chance: Random) -> None:
        """Anybody tries any act on any file."""
        name = chance.choice(list(GIVEN))
        if row := self._pick(Application.objects, chance):
            self._try(name, chance.choice(PEOPLE), application_id=row.pk, **GIVEN[name])

    def _right_person(self, chance: Random) -> None:
        """An act by somebody who may do it, on a file that may not be ready for it."""
        row = self._pick(Application.objects.filter(ended_at=None), chance)
        ready = [name for name in GIVEN if row and row.state in TABLE[name].sources]
        name = chance.choice(ready if ready and chance.random() < 0.7 else list(GIVEN))
        able = [p for p in PEOPLE if p in TABLE[name].roles]
        if row and able:
            self._try(name, chance.choice(able), application_id=row.pk, **GIVEN[name])

    def _save(self, chance: Random) -> None:
        """Somebody edits a form."""
        who = chance.choice(["clerk", "clerk", "business_reviewer", "stranger_clerk", "acceptor"])
        if row := self._pick(Application.objects, chance):
            content = {"duty_basis": f"城市客运管理{chance.randint(1, 9)}"}
            self._try("save_draft", who, application_id=row.pk, content=content)

    def _object(self, chance: Random) -> None:
        """Somebody objects, on line or, by staff, on paper that came some days ago."""
        notice = self._pick(Notice.objects.filter(ended_at=None), chance) or self._pick(Notice.objects, chance)
        if notice is None:
            return
        who = chance.choice(["nobody", "citizen", "objection_officer"])
        on_paper = who == "objection_officer" and chance.random() < 0.8
        received = shanghai_date(legal_now()) - timedelta(days=chance.randint(-1, 20)) if on_paper else None
        self._try(
            "lodge",
            who,
            notice_id=notice.pk,
            objector_kind="person",
            identity=PERSON,
            relation="数据来源方",
            grounds="不实",
            evidence=[services.Upload("a.pdf", w.PDF)],
            received_on=received,
        )

    def _treat_objection(self, chance: Random) -> None:
        """Somebody treats an objection."""
        row = self._pick(Objection.objects.filter(state__in=OPEN_OBJECTION), chance)
        row = row or self._pick(Objection.objects, chance)
        if row is None:
            return
        name = chance.choice(["verify", "verify", "find_inadmissible", "uphold", "dismiss", "dismiss", "retract"])
        who = chance.choice([*["objection_officer"] * 4, "agency_supervisor", "citizen", "clerk"])
        self._try(name, who, objection_id=row.pk, **({} if name in ("verify", "retract") else _R))

    def _end_registration(self, chance: Random) -> None:
        """Somebody revokes or cancels."""
        row = self._pick(Registration.objects, chance)
        who = chance.choice(["agency_supervisor", "agency_supervisor", "clerk", "clock"])
        if row is None or chance.random() < 0.4:
            if row:
                self._try("cancel", who, registration_id=row.pk)
            return
        about = {"owner_kind": "registration", "owner_id": row.pk, "upload": services.Upload("a.pdf", w.PDF)}
        if chance.random() < 0.5:
            self._try("add_material", "agency_supervisor", kind="revocation_investigation", **about)
            self._try("add_material", "clerk", kind="registrant_statement", **about)
        self._try("revoke", who, registration_id=row.pk, ground="other_breach", **_R)

    def _suppress(self, chance: Random) -> None:
        """Somebody suppresses content."""
        kind = chance.choice(["application", "registration"])
        if row := self._pick(MODELS[kind]._default_manager, chance):
            self._try(
                "suppress_content",
                chance.choice([*PEOPLE, "agency_supervisor", "agency_supervisor"]),
                object_kind=kind,
                object_id=row.pk,
                ground="personal_information",
                authority="示例机关",
                **_R,
            )

    def _time_passes(self, chance: Random) -> None:
        """Legal time moves forward, now and then to the end of a registration."""
        now = legal_now()
        target = now + timedelta(days=chance.choice([0, 1, 1, 3, 10, 30]), minutes=chance.randint(1, 1440))
        row = self._pick(Registration.objects.filter(state="VALID"), chance)
        if row and chance.random() < 0.15 and row.valid_to < date(2040, 1, 1):
            target = now + (row.valid_to - timedelta(days=chance.randint(-2, 70)) - shanghai_date(now))
        if target > now:
            w.move_clock(target)

    def _calendar(self, chance: Random) -> None:
        """The calendar changes."""
        self.calendars += 1
        day = shanghai_date(legal_now()) + timedelta(days=chance.randint(0, 30))
        override = {"day": day.isoformat(), "working": chance.random() < 0.3, "source": "示例通知"}
        self._try("set_calendar", "system_admin", version=f"{self.calendars:03d}", overrides=[override])

    def _oversee(self, chance: Random) -> None:
        """Complaints, answers, random re-checks."""
        self._try("file_complaint", "nobody", register_id=self.world.register.pk, text="示例")
        if row := self._pick(Complaint.objects, chance):
            self._try("answer_complaint", "agency_supervisor", complaint_id=row.pk, **_R)
        period = f"p{chance.randint(1, 5)}"
        self._try("draw_rechecks", "agency_supervisor", register_id=self.world.register.pk, period=period)
        if recheck := self._pick(Recheck.objects, chance):
            found = chance.random() < 0.5
            self._try("find_recheck", "agency_supervisor", recheck_id=recheck.pk, conforming=found, **_R)

    def _send_again(self, chance: Random) -> None:
        """A client sends its last request again, or another under the same transaction id."""
        if self.last is None:
            return
        name, who, more, answer = self.last
        before = self._fingerprint()
        if chance.random() < 0.5 and "application_id" in more:
            changed = {**more, "application_id": UUID(int=7)}
            with pytest.raises(DomainError) as caught:
                getattr(services, name)(actor=self.world.actor(who), **changed)
            assert caught.value.code == "transaction_id_reused"
        else:
            again = getattr(services, name)(actor=self.world.actor(who), **more)
            assert again.get("n") == answer.get("n") and again.get("id") == answer.get("id")
        assert self._fingerprint() == before

    # -- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def promises(self) -> None:
        """What must hold after every step."""
        global _total
        if not hasattr(self, "frame"):
            return
        _total += 1
        fresh = list(Decision.objects.filter(entry_id__gt=self.seen).order_by("entry_id"))
        assert Entry.objects.filter(pk__gt=self.seen).count() == len(fresh)
        for decision in fresh:
            self._lawful(decision)
        for kind, pk in {(d.object_kind, d.object_id) for d in fresh}:
            self._whole(MODELS[kind]._default_manager.get(pk=pk))
        if fresh:
            self.seen = fresh[-1].entry_id
        coded = Application.objects.filter(state__in=("REGISTERED", "COMPLETED"))
        assert not coded.filter(objections__state__in=OPEN_OBJECTION).exists()
        codes = list(Registration.objects.values_list("code", flat=True))
        serials = list(Application.objects.exclude(serial="").values_list("register_id", "serial"))
        assert len(set(codes)) == len(codes) and len(set(serials)) == len(serials)

    @staticmethod
    def _lawful(decision: Decision) -> None:
        act = TABLE[decision.act]
        before = Decision.objects.filter(object_id=decision.object_id, n=decision.n - 1).first()
        if before is not None:
            assert before.to_state == decision.from_state and before.at <= decision.at
        elif decision.object_kind != "registration":
            assert decision.n == 1 and decision.from_state == ""
        assert decision.role in act.roles or "anyone" in act.roles
        if act.sources:
            assert decision.from_state in act.sources
        expected = act.target or decision.from_state
        assert decision.to_state == expected or (decision.act, decision.to_state) == ("return_to_clerk", "SUPPLEMENT")
        assert decision.to_state in STATES[decision.object_kind]
        entry = Entry.objects.get(pk=decision.entry_id)
        assert (entry.act, entry.object_kind, entry.object_id, entry.n, entry.public) == (
            decision.act,
            decision.object_kind,
            decision.object_id,
            decision.n,
            act.public,
        )
        assert Sealed(bytes(decision.salt), engine.statement(decision)).commitment == decision.digest
        assert act.public or decision.digest.encode() in bytes(entry.body)
        if decision.act == "recalculate":
            assert decision.data["new"] > decision.data["old"]
        if decision.act in ("assign_code", "close_notice"):
            row = Application.objects.get(pk=decision.object_id)
            assert row.notice_ends is not None and decision.at >= row.notice_ends
            assert not row.objections.filter(state__in=OPEN_OBJECTION).exists()

    @staticmethod
    def _whole(row: CaseBase) -> None:
        assert differences(row) == {}, (row.OBJECT, row.state, differences(row))
        numbers = list(Decision.objects.filter(object_id=row.pk).order_by("n").values_list("n", flat=True))
        assert numbers == list(range(1, row.n + 1)), "the acts of an object are numbered without a gap"
        assert row.state in STATES[row.OBJECT]


def test_the_register_keeps_its_promises() -> None:
    """1 000 steps; 20 000 with DENGJI_SOAK=1."""
    global _total
    _total = 0
    Register.world = w.build()
    for _ in range(2):
        w.registered(Register.world)
    profile = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Register, settings=profile)
    assert _total >= WANTED
