"""Who an audience is: names of the table of routes turned into people, looked up once per batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from dengji.law.codes import ISSUERS
from dengji.parties.models import Role
from dengji.registration.models import Application, Complaint, Objection, Registration

from .routes import DESKS

_HOLDERS = ("clerk", "business_reviewer")


@dataclass(frozen=True)
class Case:
    """The object that something happened to, with what hangs on it."""

    row: Application | Registration | Objection | Complaint

    @cached_property
    def application(self) -> Application | None:
        """The application itself, or the one an objection is about."""
        if isinstance(self.row, Objection):
            return self.row.application
        return self.row if isinstance(self.row, Application) else None

    @cached_property
    def registration(self) -> Registration | None:
        """The registration itself, or the one an application is about or led to."""
        if isinstance(self.row, Registration):
            return self.row
        return self.application.registration if self.application else None


class People:
    """Turns audiences into ids of active people; what it found is kept for the batch."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, object, tuple[str, ...]], frozenset[UUID]] = {}

    def of(self, audience: str, case: Case) -> frozenset[UUID]:
        """Return the people of an audience with respect to one case; raises KeyError for an unknown audience."""
        if audience.startswith("agency:"):
            return self._agency(case, audience.removeprefix("agency:"))
        return AUDIENCES[audience](self, case)

    def _holding(self, bound_to: str, pk: UUID | None, *kinds: str) -> frozenset[UUID]:
        if pk is None:
            return frozenset()
        key = (bound_to, pk, kinds)
        if key not in self._known:
            rows = Role.objects.filter(kind__in=kinds, ended_at=None, person__is_active=True, **{bound_to: pk})
            self._known[key] = frozenset(rows.values_list("person_id", flat=True))
        return self._known[key]

    def _agency(self, case: Case, kind: str) -> frozenset[UUID]:
        return self._holding("register_id", case.row.register_id, kind)

    def _holder(self, case: Case) -> frozenset[UUID]:
        owner = case.registration or case.application
        return self._holding("organisation_id", owner.organisation_id, *_HOLDERS) if owner else frozenset()

    def _applicants(self, case: Case) -> frozenset[UUID]:
        """Who stands behind an application: the registrant, its agent and co-registrants, or an interested party."""
        row = case.application
        if row is None:
            return frozenset()
        if row.applicant_kind == "interested_party":
            return frozenset({row.applicant_id}) if row.applicant_id else frozenset()
        people = self._holding("organisation_id", row.organisation_id, *_HOLDERS)
        people |= self._holding("organisation_id", row.agent_id, "agent")
        for organisation in row.co_registrants.values_list("organisation_id", flat=True):
            people |= self._holding("organisation_id", organisation, *_HOLDERS)
        return people

    def _asked_by_other(self, case: Case) -> frozenset[UUID]:
        row = case.application
        other = row is not None and row.kind == "rectification" and row.applicant_kind == "interested_party"
        return self._holder(case) if other else frozenset()

    def _gateway_if_upstream(self, case: Case) -> frozenset[UUID]:
        return frozenset() if case.row.register.issuer in ISSUERS else self._agency(case, "gateway")

    def _desk(self, case: Case) -> frozenset[UUID]:
        kind = DESKS.get(case.row.state)
        return self._agency(case, kind) if kind else frozenset()

    def _clerks(self, case: Case) -> frozenset[UUID]:
        row = case.application
        return self._holding("organisation_id", row.organisation_id, "clerk") if row else frozenset()

    def _business_reviewers(self, case: Case) -> frozenset[UUID]:
        row = case.application
        return self._holding("organisation_id", row.organisation_id, "business_reviewer") if row else frozenset()

    def _objector(self, case: Case) -> frozenset[UUID]:
        row = case.row
        return frozenset({row.person_id}) if isinstance(row, Objection) and row.person_id else frozenset()

    def _applicants_but_holder(self, case: Case) -> frozenset[UUID]:
        return self._applicants(case) - self._holder(case)


AUDIENCES: dict[str, Callable[[People, Case], frozenset[UUID]]] = {
    "applicants": People._applicants,
    "applicants_but_holder": People._applicants_but_holder,
    "business_reviewers": People._business_reviewers,
    "clerks": People._clerks,
    "desk": People._desk,
    "gateway_if_upstream": People._gateway_if_upstream,
    "holder": People._holder,
    "holder_if_asked_by_other": People._asked_by_other,
    "objector": People._objector,
}
