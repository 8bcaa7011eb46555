"""What a decision's document tells, gathered as things stood at that decision: the same whenever it is read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dengji.core.encryption import unseal_json
from dengji.core.errors import DomainError
from dengji.law.calendar import shanghai_date
from dengji.law.codes import CodeError, division, region
from dengji.law.procedure import KIND_LABELS
from dengji.law.record import FIELDS
from dengji.law.rulebook import Rulebook
from dengji.parties.models import Organisation, Register
from dengji.registration import inspection, rules
from dengji.registration.models import (
    Application,
    Decision,
    DecisionDetail,
    Notice,
    Objection,
    Registration,
    RegistrationVersion,
    Version,
)

from .composing import Told, chinese_day, clean, english, english_day

_GROUNDS = (
    "revocation.grounds",
    "cancellation.grounds",
    "cancellation.agency_grounds",
    "suspension.grounds",
    "rectification.grounds",
)


class Gone(Exception):  # noqa: N818 - not an error: what it told of was lawfully removed
    """The words of the object were suppressed or deleted: no document can be made."""


class Values:
    """Values in both languages as they are collected; what is empty is not said."""

    def __init__(self) -> None:
        self.zh: dict[str, str] = {}
        self.en: dict[str, str] = {}

    def same(self, **values: Any) -> None:
        """Take values that read the same in both languages: names, numbers, what people wrote."""
        for name, value in values.items():
            self.zh[name] = self.en[name] = clean(str(value)) if value is not None else ""

    def both(self, name: str, zh: str, en: str) -> None:
        """Take a value with a word of its own in each language."""
        self.zh[name], self.en[name] = zh, en

    def day(self, name: str, day: date | datetime | None) -> None:
        """Take a day; an instant stands for its Shanghai date."""
        if day is not None:
            plain = shanghai_date(day) if isinstance(day, datetime) else day
            self.both(name, chinese_day(plain), english_day(plain))

    def choice(self, name: str, value: Any) -> None:
        """Take one or more of a field's choices by their labels."""
        many = value if isinstance(value, list | tuple) else [value]
        labels = FIELDS[name].labels
        told = [labels[str(one)] for one in many if str(one) in labels]
        self.both(name, "、".join(row["zh"] for row in told), ", ".join(row["en"] for row in told))


def of_decision(decision: Decision, rulebook: Rulebook) -> Told:
    """Return what the document of a decision tells; raises Gone where its words were lawfully removed."""
    values, lists = Values(), {}
    words = _words(decision)
    of_register(values, decision.register_id)
    values.day("decision_date", decision.at)
    values.same(reason=words.get("reason", ""), opinion=words.get("opinion", ""))
    if items := words.get("items"):
        lists["items"] = [clean(str(item.get("text", ""))) for item in items]
    if ground := decision.data.get("ground"):
        ground_label(values, rulebook, str(ground))
    _OF[decision.object_kind](values, decision, rulebook)
    return Told(values.zh, values.en, shanghai_date(decision.at), lists)


def _words(decision: Decision) -> Mapping[str, Any]:
    if decision.detail_id is None:
        return {}
    detail = DecisionDetail.objects.filter(pk=decision.detail_id).first()
    if detail is None:
        raise Gone
    try:
        found: Mapping[str, Any] = unseal_json(detail.data, detail.object_id.bytes).get("words", {})
    except DomainError as error:
        raise Gone from error
    return found


def of_register(values: Values, register_id: UUID) -> None:
    """Take the names of the register and its agency."""
    row = Register.objects.select_related("agency").get(pk=register_id)
    values.same(agency=row.agency.name, register=row.name)


def ground_label(values: Values, rulebook: Rulebook, ground: str) -> None:
    """Take a ground of the rulebook by its words."""
    for key in _GROUNDS:
        for row in rulebook.get(key, ()):
            if row["code"] == ground:
                values.both("ground", row["zh"], row["en"])
                return


def _application(values: Values, decision: Decision, rulebook: Rulebook) -> None:
    row = Application.objects.select_related("organisation", "registration").get(pk=decision.object_id)
    application(values, row, upto=decision.n)
    if decision.act in ("open_notice", "resume_notice"):
        _notice(values, row, decision, rulebook)
    if decision.act in ("complete", "assign_code") and row.registration is not None:
        _result(values, row, row.registration, decision)


def application(values: Values, row: Application, *, upto: int) -> None:
    """Take what is told of an application: its version as submitted last before a decision, and its days."""
    acts = list(
        Decision.objects.filter(object_id=row.pk, n__lte=upto)
        .exclude(act="recalculate")
        .order_by("n")
        .values_list("act", "at", "deadline_day")
    )
    number = sum(act == "submit" for act, _, _ in acts)
    version = Version.objects.filter(application=row, number=number).first()
    if version is None or version.suppressed_at is not None:
        raise Gone
    fields = version.fields
    values.same(
        serial=row.serial,
        name=fields.get("name", ""),
        registrant=fields.get("registrant_name") or row.organisation.name,
        credit_code=fields.get("registrant_credit_code") or row.organisation.credit_code,
        intro=fields.get("intro", ""),
    )
    label = KIND_LABELS[row.kind]
    values.both("application_kind", label, english(label))
    values.choice("data_type", row.data_type)
    values.day("receipt_date", next((at for act, at, _ in reversed(acts) if act == "submit"), None))
    values.day("accept_date", next((at for act, at, _ in reversed(acts) if act == "accept"), None))
    # What is explained is the limit that an earlier act has set; every other act tells of its own.
    told = reversed(acts) if acts[-1][0] == "explain_overdue" else acts[-1:]
    values.day("deadline", next((day for _, _, day in told if day is not None), None))


def _notice(values: Values, row: Application, decision: Decision, rulebook: Rulebook) -> None:
    notice = Notice.objects.filter(application=row, opened_at=decision.at).first()
    if notice is None or not notice.fields:
        raise Gone
    fields = notice.fields
    values.same(
        name=fields.get("name", ""),
        intro=fields.get("intro", ""),
        registrant=fields.get("registrant_name", ""),
        notice_wd=rulebook.get("limits.notice_wd"),
    )
    # As the decision set them: a later recalculation is an act of its own.
    first, last = notice.first_day, decision.deadline_day or notice.last_day
    values.both(
        "notice_period",
        f"{chinese_day(first)}至{chinese_day(last)}",
        f"{english_day(first)} – {english_day(last)}",
    )


def _result(values: Values, row: Application, registration: Registration, decision: Decision) -> None:
    """What came of a finished application: the version of the registration that it made, or its cancellation."""
    made = RegistrationVersion.objects.filter(registration=registration, application=row).order_by("-number").first()
    values.same(code=registration.code, version=made.number if made else registration.version)
    values.day("valid_from", made.valid_from if made else registration.valid_from)
    values.day("valid_to", made.valid_to if made else registration.valid_to)
    if row.kind == "cancellation":
        ended = Decision.objects.filter(object_id=registration.pk, act="cancel", at=decision.at).first()
        if ended is not None:
            ground_label(values, rules.rules_of(row), str(ended.data.get("ground", "")))


def _registration(values: Values, decision: Decision, rulebook: Rulebook) -> None:
    registration(values, Registration.objects.select_related("organisation").get(pk=decision.object_id))


def registration(values: Values, row: Registration) -> None:
    """Take what is told of a registration; raises Gone where its words were suppressed."""
    version = RegistrationVersion.objects.filter(registration=row, number=row.version).first()
    if version is None or version.suppressed_at is not None:
        raise Gone
    values.same(
        code=row.code,
        serial=row.serial,
        name=row.name,
        registrant=row.registrant_name,
        credit_code=row.organisation.credit_code,
        version=row.version,
    )
    values.choice("data_type", row.data_type)
    values.day("valid_from", row.valid_from)
    values.day("valid_to", row.valid_to)


def _objection(values: Values, decision: Decision, rulebook: Rulebook) -> None:
    row = Objection.objects.select_related("application__organisation", "notice").get(pk=decision.object_id)
    if row.identity is None or not row.notice.fields:
        raise Gone
    identity = unseal_json(row.identity, context=row.pk.bytes)
    values.same(
        serial=row.application.serial,
        name=row.notice.fields.get("name", ""),
        registrant=row.notice.fields.get("registrant_name", ""),
        objector=identity.get("name", ""),
    )
    values.day("lodged_date", row.received_on or row.lodged_at)
    values.day("deadline", decision.deadline_day)


_OF = {"application": _application, "registration": _registration, "objection": _objection}


def of_draft(row: Application, organisation: Organisation, day: date) -> Told:
    """Return what the registrant's own papers say, from the draft as it stands (承诺书, 委托书, 业务审核表)."""
    values = Values()
    content = inspection.content_of(row.draft)
    of_register(values, row.register_id)
    values.same(
        registrant=content.get("registrant_name") or organisation.name,
        credit_code=content.get("registrant_credit_code") or organisation.credit_code,
        **{
            name: content.get(name, "")
            for name in (
                "name",
                "intro",
                "agent_name",
                "agent_credit_code",
                "agent_contact",
                "collection_basis",
                "duty_basis",
                "evidence_digest",
                "contact_name",
            )
        },
    )
    label = KIND_LABELS[row.kind]
    values.both("application_kind", label, english(label))
    values.choice("data_type", row.data_type)
    for name in ("access_mode", "grade"):
        values.choice(name, content.get(name))
    if (personal := content.get("contains_personal")) is not None:
        values.both("contains_personal", "是" if personal else "否", "yes" if personal else "no")
    _lists(values, content)
    return Told(values.zh, values.en, day)


def _lists(values: Values, content: Mapping[str, Any]) -> None:
    industries, regions = [], []
    for code in content.get("industries") or ():
        try:
            industries.append(division(str(code)))
        except CodeError:
            continue
    for code in content.get("coverage_regions") or ():
        try:
            regions.append(region(str(code)).name)
        except CodeError:
            continue
    values.both("industries", "、".join(one.name for one in industries), ", ".join(one.name_en for one in industries))
    values.same(regions="、".join(regions))
