"""What anyone may read: registrations by the visibility table, running notices, the registers of this node.

A plain implementation on PostgreSQL; the search index replaces `registrations` behind the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, Func, OuterRef, Q, QuerySet, TextField

from dengji.core.clock import legal_now
from dengji.core.errors import not_found
from dengji.law.calendar import shanghai_date
from dengji.law.visibility import visible
from dengji.ledger.models import Content
from dengji.parties.models import Register

from .. import selectors
from ..models import Notice, Registration, RegistrationVersion
from ..rules import rules_of_register
from .paging import Page

_FACETS = {"industry": "industries", "region": "coverage_regions"}
_SHOWN = (
    "id",
    "code",
    "serial",
    "local_number",
    "data_type",
    "state",
    "version",
    "agency_name",
    "agency_level",
    "coded_on",
    "valid_from",
    "valid_to",
    "adopted",
)


def _current(rows: Mapping[str, Any]) -> Exists:
    return Exists(
        RegistrationVersion.objects.filter(registration=OuterRef("pk"), number=OuterRef("version"), **rows).values("pk")
    )


def registrations(
    *,
    q: str = "",
    industry: str = "",
    region: str = "",
    data_type: str = "",
    state: str = "",
    registrant: str = "",
    after: UUID | None = None,
    limit: int = 20,
) -> dict[str, Any]:
    """Return {items, total, facets, next} of the registrations anyone may find (R54), newest first.

    `q` is part of a name, a registrant's name or a code. Total and exact facets come with the first page only.
    """
    rows = Registration.objects.all()
    if q:
        rows = rows.filter(Q(name__contains=q) | Q(registrant_name__contains=q) | Q(code__icontains=q))
    if registrant:
        rows = rows.filter(registrant_name__contains=registrant)
    rows = rows.filter(**{k: v for k, v in (("data_type", data_type), ("state", state)) if v})
    for name, value in (("industries", industry), ("coverage_regions", region)):
        if value:
            rows = rows.filter(_current({f"fields__{name}__contains": [value]}))
    found = rows if after is None else rows.filter(pk__lt=after)
    items = list(found.order_by("-pk")[: limit + 1])
    more = len(items) > limit
    first = after is None
    return {
        "items": _listed(items[:limit]),
        "total": rows.count() if first else None,
        "facets": _facets(rows) if first else None,
        "next": str(items[limit - 1].pk) if more else None,
    }


def _listed(rows: list[Registration]) -> list[dict[str, Any]]:
    wanted = Q()
    for row in rows:
        wanted |= Q(registration_id=row.pk, number=row.version)
    versions = RegistrationVersion.objects.filter(wanted) if rows else RegistrationVersion.objects.none()
    current = {v.registration_id: v for v in versions}
    fields = {pk: v.fields for pk, v in current.items()}
    hidden = [pk for pk, v in current.items() if v.suppressed_at]
    grounds = _grounds(hidden) if hidden else {}
    return [
        {
            **{name: getattr(row, name) for name in _SHOWN},
            "name": row.name,
            "registrant_name": row.registrant_name,
            "fields": visible(fields.get(row.pk, {}), "search") if row.state == "VALID" else {},
            "suppressed": grounds.get(row.pk),
        }
        for row in rows
    ]


def _grounds(object_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The ground of those objects whose content has been suppressed (Art. 4)."""
    rows = Content.objects.filter(object_id__in=list(object_ids), suppressed_at__isnull=False)
    return dict(rows.values_list("object_id", "ground"))


def _facets(rows: QuerySet[Registration]) -> dict[str, dict[str, int]]:
    def counts(name: str) -> dict[str, int]:
        return dict(rows.order_by().values_list(name).annotate(n=Count("pk")))

    versions = RegistrationVersion.objects.filter(number=F("registration__version"), registration__in=rows.order_by())
    found = {"type": counts("data_type"), "state": counts("state")}
    for facet, name in _FACETS.items():
        expanded = Func(F(f"fields__{name}"), function="jsonb_array_elements_text", output_field=TextField())
        found[facet] = dict(
            versions.filter(**{f"fields__{name}__contains": []})
            .order_by()
            .annotate(value=expanded)
            .values_list("value")
            .annotate(n=Count("pk"))
        )
    return found


def registration(code: str) -> dict[str, Any]:
    """Return the page of one code (R55): state, versions, dates, agency, and the fields open at the stage `page`.

    A cancelled or revoked registration is a tombstone: no fields, its date and ground. Raises DomainError not_found.
    """
    row = Registration.objects.filter(Q(code=code) | Q(local_number=code, local_number__gt="")).first()
    if row is None:
        raise not_found()
    versions = list(row.versions.order_by("number"))
    ground = _grounds([row.pk]).get(row.pk) if any(v.suppressed_at for v in versions) else None
    valid = row.state == "VALID"
    fields: dict[str, Any] = next((v.fields for v in versions if v.number == row.version), {})
    return {
        **{name: getattr(row, name) for name in _SHOWN},
        "name": row.name,
        "registrant_name": row.registrant_name,
        "platform_code": row.platform_code,
        "fields": visible(fields, "page") if valid and ground is None else {},
        "expired": valid and row.valid_to < shanghai_date(legal_now()),
        "ended_on": shanghai_date(row.ended_at) if row.ended_at else None,
        "ground": row.ground,
        "suppressed": ground,
        "versions": [
            {
                "number": v.number,
                "at": v.at,
                "valid_from": v.valid_from,
                "valid_to": v.valid_to,
                "content": v.content,
                "suppressed": v.suppressed_at is not None,
            }
            for v in versions
        ],
    }


def _still_titled(row: Notice) -> bool:
    """Whether a notice that was terminated is within the days for which its title stays (⚙)."""
    if row.state != "TERMINATED" or row.ended_at is None:
        return False
    days = int(rules_of_register(row.register_id).get("notice.terminated_shown_days"))
    return shanghai_date(legal_now()) <= shanghai_date(row.ended_at) + timedelta(days=days)


def _notice(row: Notice) -> dict[str, Any]:
    running = row.state == "RUNNING"
    titled = running or _still_titled(row)
    return {
        "id": row.pk,
        "register_id": row.register_id,
        "register_name": row.register.name,
        "serial": row.serial,
        "kind": row.kind,
        "state": row.state,
        "run": row.run,
        "first_day": row.first_day,
        "last_day": row.last_day,
        "ends": row.ends,
        "provisional": row.provisional,
        "ended_at": row.ended_at,
        "title": visible(row.fields, "notice").get("name") if titled else None,
        "fields": visible(row.fields, "notice") if running else None,
        "noindex": not running,
        "suppressed": running and not row.fields,
    }


def notices(*, register_id: UUID | None = None, after: UUID | None = None, limit: int = 20) -> Page:
    """Return the notices that run now, newest first (Art. 12, R53)."""
    rows = selectors.running_notices().order_by("-pk")
    if register_id is not None:
        rows = rows.filter(register_id=register_id)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    more = len(found) > limit
    return {"items": [_notice(row) for row in found[:limit]], "next": str(found[limit - 1].pk) if more else None}


def notice(notice_id: UUID) -> dict[str, Any]:
    """Return one notice; only a running one shows its content (Art. 12, R53). Raises DomainError not_found.

    One that ended by termination keeps its title for ⚙ days; none but a running one is for search engines (`noindex`).
    """
    row = Notice.objects.select_related("register").filter(pk=notice_id).first()
    if row is None:
        raise not_found()
    return _notice(row)


def registers() -> list[dict[str, Any]]:
    """Return the registers of this node and their agencies: where one may apply, object or complain."""
    rows = Register.objects.order_by("slug").values(
        "id",
        "slug",
        "name",
        "agency_level",
        "platform_code",
        "on_behalf",
        agency_name=F("agency__name"),
        jurisdiction_name=F("jurisdiction__name"),
        region_code=F("jurisdiction__region_code"),
        rulebook=F("jurisdiction__rulebook"),
    )
    return [dict(row) for row in rows]
