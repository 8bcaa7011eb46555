"""The one door for writes of reports: count, freeze, sign."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from dengji.core.canonical import timestamp
from dengji.core.errors import N_, DomainError, forbidden, not_found
from dengji.core.ids import new_id
from dengji.core.node import identity
from dengji.law.calendar import shanghai_date
from dengji.ledger import keyring
from dengji.ledger.pure.notes import sign_note
from dengji.parties.actor import Actor
from dengji.parties.models import Jurisdiction, Register
from dengji.registration.services.engine import perform

from ..composing import clean
from ..models import Report
from . import periods, selectors
from .counting import counted, coverage, whole
from .signing import digest_of, note_text
from .wording import glossary

VERSION = 1


def make_report(
    *,
    actor: Actor,
    transaction_id: str,
    first_day: date,
    last_day: date,
    register_id: UUID | None = None,
    jurisdiction: str = "",
) -> dict[str, Any]:
    """Make, freeze and sign the report of a period on one register or on a territory by its code (Arts. 17–19).

    For the agency's supervisor on its register, for an authority on its territory and every register in it. Returns
    {id, digest}. Raises DomainError not_found, forbidden, scope_required, dates_reversed, period_in_future,
    period_too_long.
    """

    def work(at: datetime) -> dict[str, Any]:
        register, territory = _subject(actor, register_id, jurisdiction)
        _check(first_day, last_day, shanghai_date(at))
        snapshot = _snapshot(register, territory, first_day, last_day, at)
        pk = new_id()
        note = sign_note(note_text(pk, snapshot), *keyring.signers())
        row = Report.objects.create(
            id=pk,
            register=register,
            jurisdiction=territory,
            kind=snapshot["kind"],
            first_day=first_day,
            last_day=last_day,
            snapshot=snapshot,
            digest=digest_of(snapshot),
            note=note.decode(),
            at=at,
            by=actor.key,
        )
        return {"id": str(row.pk), "digest": row.digest}

    return perform(
        "make_report",
        actor=actor,
        transaction_id=transaction_id,
        target=register_id,
        request={"first": first_day.isoformat(), "last": last_day.isoformat(), "jurisdiction": jurisdiction},
        work=work,
    )


def _subject(actor: Actor, register_id: UUID | None, code: str) -> tuple[Register | None, Jurisdiction | None]:
    """One register or one territory, that the actor may report on; what they may not see is not there."""
    if bool(register_id) == bool(code):
        raise DomainError("scope_required", N_("请选择一个登记簿或者一个辖区"), "subject")
    if not actor.kinds() & {"agency_supervisor", "authority_supervisor"}:
        raise forbidden(N_("只有登记机构负责人和数据主管部门可以制作登记情况报告"))
    if code:
        territory = selectors.jurisdictions(actor).filter(code=code).first()
        if territory is None:
            raise not_found()
        return None, territory
    register = next((row for row in selectors.registers(actor) if row.pk == register_id), None)
    if register is None:
        raise not_found()
    return register, None


def _check(first: date, last: date, today: date) -> None:
    if last < first:
        raise DomainError("dates_reversed", N_("截止日期不能早于起始日期"), "last_day")
    if last > today:
        raise DomainError("period_in_future", N_("截止日期不能晚于今天：尚未到来的日子没有数字"), "last_day")
    if first.year < _FIRST_YEAR:
        raise DomainError("period_too_long", N_("起始日期过早：请选择 2000 年以后的日期"), "first_day")


_FIRST_YEAR = 2000


def _snapshot(
    register: Register | None, territory: Jurisdiction | None, first: date, last: date, at: datetime
) -> dict[str, Any]:
    """All that a report says, of integers and text alone, so that it has one canonical form."""
    area = register.jurisdiction if register else territory
    if area is None:
        raise not_found()
    registers = [register] if register else list(_registers_of(area))
    pks = [row.pk for row in registers]
    here = counted(pks, first, last)
    origin, demonstration = identity()
    before, last_year = periods.previous(first, last), periods.year_before(first, last)
    return {
        "v": VERSION,
        "origin": origin,
        "demonstration": demonstration,
        "subject": _named(register, area),
        "kind": periods.kind_of(first, last),
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "complete": last < shanghai_date(at),
        "as_of": timestamp(at),
        **whole(list(here.values())),
        "compared": {
            name: {
                "first_day": begin.isoformat(),
                "last_day": end.isoformat(),
                **whole(list(counted(pks, begin, end).values())),
            }
            for name, (begin, end) in {"previous": before, "year_before": last_year}.items()
        },
        **coverage(registers, area.region_code, last),
        "registers": [
            {"slug": row.slug, "name": clean(row.name), "agency": clean(row.agency.name), **here[row.pk]}
            for row in registers
        ],
        "glossary": glossary(),
    }


def _named(register: Register | None, area: Jurisdiction) -> dict[str, str]:
    if register is None:
        return {"kind": "jurisdiction", "code": area.code, "name": clean(area.name), "region": area.region_code}
    return {
        "kind": "register",
        "code": register.slug,
        "name": clean(register.name),
        "agency": clean(register.agency.name),
        "region": area.region_code,
    }


def _registers_of(area: Jurisdiction) -> Any:
    inside, rows = {area.pk}, list(Jurisdiction.objects.values_list("pk", "parent_id"))
    while more := {pk for pk, parent in rows if parent in inside} - inside:
        inside |= more
    found = Register.objects.filter(jurisdiction_id__in=inside)
    return found.select_related("agency", "jurisdiction").order_by("name", "slug")
