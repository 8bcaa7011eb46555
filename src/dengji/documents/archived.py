"""What lies in the archive and what is due there: one `scope` for lists and packages alike (design §2 rule 4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from dengji.core.encryption import unseal_json
from dengji.core.errors import not_found
from dengji.parties.actor import Actor
from dengji.registration import selectors as cases
from dengji.registration.models import Application

from .models import ArchivePackage, Transfer

PAGE = 50


def due(actor: Actor) -> QuerySet[Application]:
    """Return the finished cases of an agency's registers that are in no package, oldest first; never one's own."""
    kept = ArchivePackage.objects.filter(object_id=OuterRef("pk"), suppressed_at=None)
    rows = Application.objects.filter(cases.SCOPES[Application](actor), register_id__in=actor.registers())
    return rows.exclude(ended_at=None).exclude(serial="").filter(~Exists(kept)).order_by("ended_at", "pk")


def packages(
    actor: Actor, *, register_id: UUID | None = None, year: int | None = None, after: UUID | None = None
) -> QuerySet[ArchivePackage]:
    """Return the packages of an agency's registers, newest first."""
    rows = ArchivePackage.objects.filter(scope(actor)).select_related("transferred__transfer")
    if register_id is not None:
        rows = rows.filter(register_id=register_id)
    if year is not None:
        rows = rows.filter(year=year)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    return rows.order_by("-pk")


def scope(actor: Actor) -> Q:
    """Return which packages an actor may know of: as the agency those of its registers, but no own file."""
    seen = Application.objects.filter(cases.SCOPES[Application](actor)).values("pk")
    return Q(register_id__in=actor.registers(), object_id__in=seen)


def get(package_id: UUID, actor: Actor) -> ArchivePackage:
    """Return one package in the actor's scope; raises DomainError not_found for any other."""
    row = ArchivePackage.objects.filter(scope(actor)).filter(pk=package_id).first()
    if row is None:
        raise not_found()
    return row


def described(row: ArchivePackage) -> dict[str, Any]:
    """Return what a list says of a package; nothing personal."""
    return {
        "id": str(row.pk),
        "number": row.number,
        "retention": row.retention,
        "case": str(row.object_id),
        "sha256": row.sha256,
        "size": row.size,
        "at": row.at,
        "void": row.suppressed_at is not None,
    }


def files_of(row: ArchivePackage) -> dict[str, Any]:
    """Return {file: {sha256, size}} of a package; empty once it is void."""
    return dict(unseal_json(row.note, context=row.pk.bytes)) if row.note is not None else {}


def transfers(actor: Actor, *, after: UUID | None = None) -> QuerySet[Transfer]:
    """Return the batches that an agency's registers handed over, newest first, each with `count` packages."""
    rows = Transfer.objects.filter(register_id__in=actor.registers()).annotate(count=Count("items"))
    return (rows.filter(pk__lt=after) if after is not None else rows).order_by("-pk")


def transfer(transfer_id: UUID, actor: Actor) -> Transfer:
    """Return one batch of the actor's registers; raises DomainError not_found for any other."""
    row = transfers(actor).filter(pk=transfer_id).first()
    if row is None:
        raise not_found()
    return row


def items(row: Transfer) -> list[dict[str, Any]]:
    """Return the list that both sides sign: [{n, number, retention, sha256, size, package, void}], in order."""
    return [
        {
            "n": one.n,
            "number": one.package.number,
            "retention": one.package.retention,
            "sha256": one.sha256,
            "size": one.size,
            "package": one.package_id,
            "void": one.package.suppressed_at is not None,
        }
        for one in row.items.select_related("package").order_by("n")
    ]
