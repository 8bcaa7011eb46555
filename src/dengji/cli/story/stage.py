"""The stage: one clock that only moves forward, many stories, each act through the one door for writes."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from dengji.core import clock
from dengji.core.errors import N_, DomainError
from dengji.law.calendar import end_of, shanghai_date
from dengji.law.procedure import TABLE
from dengji.law.rulebook import vocabulary
from dengji.registration import inspection, rules, services
from dengji.registration.models import Application

from .facts import ABOUT, EXAMPLE
from .world import World

SHANGHAI = ZoneInfo("Asia/Shanghai")
#: A story does its acts and yields the instants at which it wants to go on.
Story = Iterator[datetime]
FIRST_MATERIALS = ("description_document", "commitment_letter", "source_basis", "risk_assessment")


def at(day: str, clock_time: str = "09:30") -> datetime:
    """Return an instant from a Shanghai date and time of day."""
    return datetime.fromisoformat(f"{day}T{clock_time}").replace(tzinfo=SHANGHAI).astimezone(UTC)


#: What an act answers that is worth telling.
_TOLD = ("state", "application_state", "registration_state", "code", "valid_to")
#: Names of what is no act of the procedure table.
_LABELS = {
    "add_material": N_("上传材料"),
    "save_draft": N_("保存草稿"),
    "clock_marks": N_("时钟提示"),
    "findings": N_("检查提示"),
    "hits_cleared": N_("敏感信息提示已人工处理"),
}


class Scene:
    """One story on the stage: its key, the application it is about, and what has happened in it."""

    def __init__(self, world: World, key: str, report: Callable[[Mapping[str, Any]], None], title: str = "") -> None:
        self.world = world
        self.key = key
        self.title = title
        self.events: list[dict[str, Any]] = []
        self._report = report
        self._count = 0

    def transaction_id(self) -> str:
        """Return the next transaction id of this story, the same in every run."""
        self._count += 1
        return f"demo-{self.key}-{self._count}"

    def call(self, act: str, role: str, **more: Any) -> dict[str, Any]:
        """Do one act in a role and note it; raises DomainError where it is refused."""
        result: dict[str, Any] = getattr(services, act)(
            actor=self.world.actor(role), transaction_id=self.transaction_id(), **more
        )
        self.note(act, role, **{name: result.get(name) for name in _TOLD}, last_day=result.get("deadline"))
        return result

    def on(self, application: UUID, act: str, role: str, **more: Any) -> dict[str, Any]:
        """Do one act on an application."""
        return self.call(act, role, application_id=application, **more)

    def refused(self, code: str, act: str, role: str, **more: Any) -> None:
        """Try an act that must be refused with this code and note it; AssertionError where it is let through."""
        try:
            getattr(services, act)(actor=self.world.actor(role), transaction_id=self.transaction_id(), **more)
        except DomainError as error:
            codes = {error.code, *(finding.code for finding in error.findings)}
            if code not in codes:
                raise
            self.note(act, role, refused=code, reason=str(error))
            return
        raise AssertionError(f"{self.key}: {act} was not refused with {code}")

    def note(self, act: str, role: str, **more: Any) -> None:
        """Note what happened at this legal instant, and report it."""
        label = TABLE[act].label if act in TABLE else _LABELS[act]
        event = {
            "at": clock.legal_now(),
            "story": self.key,
            "name": self.title,
            "act": act,
            "label": label,
            "role": role,
        }
        event |= {name: value for name, value in more.items() if value not in (None, "")}
        self.events.append(event)
        self._report(event)

    def attach(self, owner: UUID, kinds: Sequence[str], role: str = "clerk", owner_kind: str = "application") -> None:
        """Attach one example file for each kind of material."""
        for kind in kinds:
            services.add_material(
                actor=self.world.actor(role),
                transaction_id=self.transaction_id(),
                owner_kind=owner_kind,
                owner_id=owner,
                kind=kind,
                upload=upload(kind),
            )

    def draft(self, organisation: str, content: Mapping[str, Any], materials: Sequence[str], **more: Any) -> UUID:
        """Open a draft for an organisation of the example and attach its materials; return its id."""
        role = more.pop("role", "clerk")
        made = self.call(
            "create_application",
            role,
            register_id=self.world.register.pk,
            organisation_id=self.world.organisations[organisation].pk,
            content=content,
            **more,
        )
        application = UUID(made["id"])
        self.attach(application, materials, role)
        return application

    def submit(self, application: UUID, role: str = "business_reviewer") -> dict[str, Any]:
        """Submit with the secrecy review of the day."""
        return self.on(application, "submit", role, **reviewed())

    def review(self, application: UUID) -> None:
        """Accept, begin the formal review and pass it."""
        for act, role in (("accept", "acceptor"), ("begin_review", "reviewer"), ("pass_review", "reviewer")):
            self.on(application, act, role)


def reviewed() -> dict[str, Any]:
    """Return what a submission says of the preview and of the secrecy review of the day."""
    return {
        "preview_acknowledged": True,
        "secrecy_conclusion": "publishable",
        "secrecy_date": shanghai_date(clock.legal_now()),
        "secrecy_reviewer": EXAMPLE["secrecy_reviewer"],
    }


def after_notice(world: World, last_day: Any) -> datetime:
    """Return the instant from which a notice that ends on a day may be closed."""
    grace = rules.rules_of_register(world.register.pk).get("notice.close_grace_minutes")
    return end_of(day(last_day)) + timedelta(minutes=int(grace) + 1)


def hits(application: UUID) -> list[Any]:
    """Return what the checks find in an application as submitted: the findings a human must clear, and others."""
    row = Application.objects.get(pk=application)
    fields, _ = inspection.current_content(row)
    return inspection.inspect(row, fields, at=clock.legal_now())


def upload(kind: str) -> services.Upload:
    """Return an example file that says what it is and that it is none."""
    label = vocabulary("material")[kind]["zh"]
    return services.Upload(f"示例-{label}.txt", f"{ABOUT['mark']}\n示例材料：{label}\n".encode())


def content(world: World, organisation: str, name: str, intro: str, **more: Any) -> dict[str, Any]:
    """Return a record's content: what is known, and 示例 for what the procedure asks for and nobody published."""
    unit = world.organisations[organisation]
    made_up = {k: EXAMPLE[k] for k in EXAMPLE.keys() - {"secrecy_reviewer", "authority"}}
    evidence = {
        "evidence_method": "hash",
        "evidence_algorithm": "sha256",
        "evidence_digest": hashlib.sha256(f"示例存证 {name}".encode()).hexdigest(),
    }
    known = {"name": name, "intro": intro, "registrant_name": unit.name, "registrant_credit_code": unit.credit_code}
    return {**made_up, **evidence, **known, **more}


def play(stories: Sequence[tuple[str, Story]]) -> None:
    """Run all stories on the one legal clock, in order of time; each goes on when its instant has come."""
    waiting: list[tuple[datetime, int, Story]] = []
    for number, (_key, story) in enumerate(stories):
        _wait(waiting, number, story)
    while waiting:
        instant, number, story = heapq.heappop(waiting)
        move_to(instant)
        _wait(waiting, number, story)


def _wait(waiting: list[tuple[datetime, int, Story]], number: int, story: Story) -> None:
    instant = next(story, None)
    if instant is not None:
        heapq.heappush(waiting, (instant, number, story))


def move_to(instant: datetime) -> None:
    """Move legal time forward to an instant, or leave it where it has already passed."""
    try:
        with transaction.atomic():
            clock.advance_to(instant)
    except DomainError as error:
        if error.code != "clock_backwards":
            raise


def day(value: Any) -> date:
    """Return a date from what an act answered."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))
