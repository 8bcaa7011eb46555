"""What anyone may read: a registration by the visibility table, running notices, the registers of this node."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db.models import F

from dengji.core import sql
from dengji.core.clock import legal_now
from dengji.core.errors import not_found
from dengji.law.calendar import shanghai_date
from dengji.law.codes import is_local_number
from dengji.law.visibility import visible
from dengji.ledger.models import Content
from dengji.parties.models import Register

from .. import lookup, selectors
from ..inspection import name_keys
from ..models import NameKey, Notice, Registration, RegistrationVersion
from ..rules import rules_of_register
from .paging import Page

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
    "name",
    "registrant_name",
    "platform_code",
    "ground",
)
_VERSION = ("number", "at", "valid_from", "valid_to", "content")
# Asked for more often than anything else: one statement, and nothing made of its rows that is not shown.
_PAGE = f"""
SELECT {", ".join(f"r.{name}" for name in _SHOWN)}, r.ended_at, r.register_id,
       (clock_timestamp() + coalesce((SELECT legal_offset FROM core_node), interval '0')) AS now,
       CASE WHEN v.number = r.version AND r.state = 'VALID' THEN v.fields::text END,
       v.suppressed_at IS NOT NULL, {", ".join(f"v.{name}" for name in _VERSION)}
FROM registration_registration r LEFT JOIN registration_registrationversion v ON v.registration_id = r.id
WHERE r.code = %s ORDER BY v.number
"""  # noqa: S608 - our own column names


def grounds(object_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The ground of those objects whose content has been suppressed (Art. 4)."""
    rows = Content.objects.filter(object_id__in=list(object_ids), suppressed_at__isnull=False)
    return dict(rows.values_list("object_id", "ground"))


def registration(code: str) -> dict[str, Any]:
    """Return the page of one code (R55): state, versions, dates, agency, and the fields open at the stage `page`.

    A cancelled or revoked registration is a tombstone: no fields, its date and ground, and the code under which the
    same was registered anew. Raises DomainError not_found.
    """
    rows = _page_rows(code)
    first = rows[0]
    row = dict(zip(_SHOWN, first, strict=False))
    ended_at, register_id, now = first[len(_SHOWN) : _AFTER]
    valid = row["state"] == "VALID"
    current = next((text for text, *_ in (one[_AFTER:] for one in rows) if text), None)
    versions = [
        {**dict(zip(_VERSION, more, strict=True)), "suppressed": hidden}
        for _, hidden, *more in (one[_AFTER:] for one in rows)
        if more[0] is not None
    ]
    ground = grounds([row["id"]]).get(row["id"]) if any(v["suppressed"] for v in versions) else None
    fields = orjson.loads(current) if current and ground is None else {}
    return {
        **row,
        "register_id": register_id,
        "fields": visible(fields, "page"),
        "expired": valid and row["valid_to"] < shanghai_date(now),
        "ended_on": shanghai_date(ended_at) if ended_at else None,
        "suppressed": ground,
        "successor": None if valid else _successor(row["id"], row["version"]),
        "versions": versions,
    }


_AFTER = len(_SHOWN) + 3


def _page_rows(code: str) -> list[tuple[Any, ...]]:
    with sql.prepared() as cursor:
        cursor.execute(_PAGE, [code])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        if not rows and is_local_number(code):
            found = Registration.objects.filter(lookup.named(code)).values_list("code", flat=True).first()
            cursor.execute(_PAGE, [found])
            rows = cursor.fetchall()
    if not rows:
        raise not_found()
    return rows


def _successor(registration_id: UUID, version: int) -> str | None:
    """The code under which the same registrant registered the same name and regions anew; None where there is none."""
    fields = RegistrationVersion.objects.filter(registration_id=registration_id, number=version).values_list("fields")
    content = fields[0][0] if fields else {}
    if not content.get("name"):
        return None
    keys = NameKey.objects.filter(exact=name_keys(content)[0], object_id__gt=registration_id).values("object_id")
    rows = Registration.objects.filter(pk__in=keys, state="VALID").order_by("-pk")
    return rows.values_list("code", flat=True).first()


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
