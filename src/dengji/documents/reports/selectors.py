"""Who sees which report: the agency those on its register, the authority all of its territory (Arts. 17–19)."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from dengji.core.errors import N_, DomainError, not_found
from dengji.ledger import keyring
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.notes import VerifierKey, open_note
from dengji.parties.actor import Actor, supervised_registers
from dengji.parties.models import Jurisdiction, Register

from ..models import Report
from .signing import digest_of, note_text

PAGE = 50


def territory(actor: Actor) -> frozenset[int]:
    """Return the jurisdictions that an authority supervises, with all below them."""
    inside = set(actor.jurisdictions())
    rows = list(Jurisdiction.objects.values_list("pk", "parent_id")) if inside else []
    while more := {pk for pk, parent in rows if parent in inside} - inside:
        inside |= more
    return frozenset(inside)


def scope(actor: Actor) -> Q:
    """Return which reports an actor may read."""
    return Q(register_id__in=actor.registers() | supervised_registers(actor)) | Q(jurisdiction_id__in=territory(actor))


def registers(actor: Actor) -> QuerySet[Register]:
    """Return the registers on which an actor may make reports: as the agency's supervisor, or as the authority."""
    mine = actor.registers("agency_supervisor") | supervised_registers(actor)
    return Register.objects.filter(pk__in=mine).select_related("agency", "jurisdiction").order_by("name", "slug")


def jurisdictions(actor: Actor) -> QuerySet[Jurisdiction]:
    """Return the territories on which an actor may make reports."""
    return Jurisdiction.objects.filter(pk__in=territory(actor)).order_by("code")


def get(report_id: UUID, actor: Actor) -> Report:
    """Return one report in the actor's scope; raises DomainError not_found for any other."""
    row = Report.objects.filter(scope(actor)).filter(pk=report_id).first()
    if row is None:
        raise not_found()
    return row


def reports(
    actor: Actor, *, register_id: UUID | None = None, after: UUID | None = None, limit: int = PAGE
) -> QuerySet[Report]:
    """Return the reports in an actor's scope, newest first."""
    rows = Report.objects.filter(scope(actor))
    if register_id is not None:
        rows = rows.filter(register_id=register_id)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    return rows.order_by("-pk")[:limit]


def check(row: Report, keys: list[VerifierKey] | None = None) -> list[str]:
    """Return the names of the keys that signed a report as it stands; raises DomainError report_altered.

    Checked against the keys given, else every key this node's log ever had.
    """
    if row.digest != digest_of(row.snapshot):
        raise altered()
    return check_note(row.note.encode(), note_text(row.pk, row.snapshot), keys or keyring.history())


def check_note(note: bytes, text: bytes, keys: list[VerifierKey]) -> list[str]:
    """Return the keys that signed `text` in a note; raises DomainError report_altered where none did."""
    try:
        opened = open_note(note, keys)
    except LedgerError as error:
        if error.code == "sm2_unavailable":
            raise
        raise altered() from error
    if opened.text != text:
        raise altered()
    return [str(key) for key, _ in opened.verified]


def altered() -> DomainError:
    """Return the error of a report that is not what was signed."""
    return DomainError("report_altered", N_("报告与签名不符：内容被改动过，或者不是本节点密钥所签"), status=409)
