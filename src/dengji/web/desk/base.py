"""What every view of the desk begins with: who works here, the case, and how an act of a form becomes an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest
from django.utils.translation import gettext

from dengji.core.errors import DomainError, not_found
from dengji.law.rulebook import Rulebook
from dengji.parties.actor import Actor
from dengji.parties.roles import AGENCY_ROLES
from dengji.registration import rules
from dengji.registration.api.base import act_label
from dengji.registration.queries import casefile
from dengji.registration.services.assignments import case_for

from ..access import actor_of, errors_into, for_roles

#: Whoever has any role of the agency may open the desk; what is on it follows from the scope.
for_agency = for_roles(*sorted(AGENCY_ROLES))
_STATUSES_OF_A_PAGE = frozenset({401, 403, 404})


@dataclass(frozen=True)
class Case:
    """One object at the desk, loaded for an actor who works on it."""

    actor: Actor
    kind: str
    row: Any

    @property
    def rulebook(self) -> Rulebook:
        """Return the rulebook that binds it."""
        if self.kind == "application":
            return rules.rules_of(self.row)
        return (
            rules.rules_of(self.row.application) if self.kind == "objection" else rules.rules_of_register(self.register)
        )

    @property
    def register(self) -> UUID:
        """Return its register."""
        pk: UUID = self.row.register_id
        return pk

    @property
    def number(self) -> str:
        """Return the number by which people know it."""
        row = self.row
        if self.kind == "objection":
            return str(row.application.serial)
        if self.kind == "recheck":
            return str(row.registration.code)
        return str(
            getattr(row, "code", "") if self.kind == "registration" else getattr(row, "serial", "") or row.number
        )

    def acts(self) -> list[str]:
        """Return the acts open to the actor now."""
        if self.kind == "registration":
            acts: list[str] = casefile.registration(self.actor, self.row.pk)["acts"]
            return acts
        return casefile.acts_at(self.actor, self.row)


def case_of(request: HttpRequest, kind: str, pk: UUID) -> Case:
    """Return the case of a page; raises DomainError not_found, forbidden, own_file."""
    actor = actor_of(request)
    return Case(actor, kind, case_for(actor, kind, pk))


def attempt(form: BaseForm, call: Callable[[], Any]) -> Any:
    """Call a service for a form: a refusal of the person is a page of its own, any other error stands in the form."""
    with errors_into(form):
        try:
            return call()
        except DomainError as error:
            if error.status in _STATUSES_OF_A_PAGE:
                form.refusal = error  # type: ignore[attr-defined]
            raise
    return None


def raise_refusal(form: BaseForm) -> None:
    """Raise the refusal that `attempt` kept, if there was one."""
    if (error := getattr(form, "refusal", None)) is not None:
        raise error


def say_done(request: HttpRequest, act: str, number: str = "") -> None:
    """Tell on the next page that an act was done."""
    messages.success(request, gettext("已办理：{act} {number}").format(act=act_label(act), number=number).strip())


def after_of(request: HttpRequest) -> UUID | None:
    """Return the place in a list that an address names; raises DomainError not_found where it is none."""
    try:
        return UUID(request.GET.get("after", "")) if request.GET.get("after") else None
    except ValueError:
        raise not_found() from None
