"""The registrant's own papers (登记承诺书, 授权委托书, 业务审核表): from the draft, to be stamped and uploaded."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError, forbidden, not_found
from dengji.law.calendar import shanghai_date
from dengji.law.codes.text import normalise
from dengji.parties.actor import Actor
from dengji.registration import inspection, rules, selectors
from dengji.registration import services as registration
from dengji.registration.models import Application

from .composing import inputs
from .gathering import of_draft
from .rendering import render_visibly
from .table import FORM_LABELS, FORMS
from .word import word_file
from .wordings import AGENCY, in_force

_PREPARE = frozenset({"clerk", "business_reviewer", "agent", "interested_party", "co_registrant"})


def form_of_draft(*, actor: Actor, application_id: UUID, form: str, file: str = "pdf") -> tuple[str, str, bytes]:
    """Return (file name, content type, bytes) of a paper filled in from a draft, to be stamped; nothing is stored.

    Raises DomainError not_found, forbidden for whoever does not prepare the file.
    """
    if form not in FORMS:
        raise not_found()
    row = selectors.get(Application, application_id, actor)
    if not selectors.roles_for(actor, row) & _PREPARE:
        raise forbidden(article="7")
    told = of_draft(row, row.organisation, shanghai_date(legal_now()))
    made = inputs(
        told,
        in_force(row.register_id, form),
        in_force(row.register_id, AGENCY),
        number="",
        mark=row.serial or str(row.pk),
    )
    name = f"{FORM_LABELS[form]}.{file}"
    if file == "docx":
        return name, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", word_file(made)
    return name, "application/pdf", render_visibly("form", made)[0]


def file_stamped_form(
    *,
    actor: Actor,
    transaction_id: str,
    application_id: UUID,
    form: str,
    unit: str,
    signed_on: date,
    upload: registration.Upload,
) -> dict[str, Any]:
    """Attach the stamped scan of a paper as its material, once the unit and the day that it bears are right (Art. 7).

    `unit` and `signed_on` are read off the stamp by whoever uploads. Raises DomainError unit_differs, signed_on_invalid
    and whatever `add_material` raises.
    """
    if form not in FORMS:
        raise not_found()
    row = selectors.get(Application, application_id, actor, "act")
    check_stamp(row, unit, signed_on)
    return registration.add_material(
        actor=actor,
        transaction_id=transaction_id,
        owner_kind="application",
        owner_id=application_id,
        kind=FORMS[form],
        upload=upload,
    )


def check_stamp(row: Application, unit: str, signed_on: date) -> None:
    """Raise DomainError where the stamped unit is not the registrant, or the day is ahead or older than the rules."""
    content = inspection.content_of(row.draft)
    wanted = str(content.get("registrant_name") or row.organisation.name)
    if normalise(unit) != normalise(wanted):
        raise DomainError(
            "unit_differs",
            N_("印章上的单位名称应为“{wanted}”，与所填的“{unit}”不一致"),
            "unit",
            article="7",
            params={"wanted": wanted, "unit": unit},
        )
    today = shanghai_date(legal_now())
    first = date.fromisoformat(str(rules.rules_of(row).get("limits.legacy_before")))
    if signed_on > today or signed_on < first:
        raise DomainError(
            "signed_on_invalid",
            N_("签署日期应不早于{first}、不晚于今天（{today}）"),
            "signed_on",
            article="7",
            params={"first": first.isoformat(), "today": today.isoformat()},
        )
