"""Archive packages (归档) and their handing over (移交): make, read, transfer, void; the lists are in `archived`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from dengji.core.canonical import canonical
from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import lock_words
from dengji.core.ids import new_id
from dengji.law.calendar import shanghai_date
from dengji.parties.access import log_read
from dengji.parties.actor import Actor
from dengji.parties.models import Register
from dengji.registration import rules as rulebooks
from dengji.registration import selectors as cases
from dengji.registration.models import Application
from dengji.registration.services.engine import lock, perform, refuse_own_file

from . import archive, archived, numbers, storing
from . import rules as settings
from .drawing import agency_word
from .models import ArchivePackage, Transfer, TransferItem
from .wordings import AGENCY, in_force

#: Most packages made by one call of `make_due`: a page stays an answer, not a wait.
MOST = 50


def make_package(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Put a finished case into the archive under its number (归档); one that is there stays as it is.

    Returns {id, number, sha256, size, made}. For the agency's supervisor. Raises DomainError not_found, forbidden,
    own_file, archive_not_due (409), receipt_pending.
    """
    stored: list[str] = []

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        _supervisor(actor, row)
        known = ArchivePackage.objects.filter(object_id=row.pk, suppressed_at=None).first()
        made = known or _make(actor, row, at, stored)
        return {
            "id": str(made.pk),
            "number": made.number,
            "sha256": made.sha256,
            "size": made.size,
            "made": known is None,
        }

    try:
        return perform(
            "make_archive_package",
            actor=actor,
            transaction_id=transaction_id,
            target=application_id,
            request={},
            work=work,
        )
    except DomainError:
        for key in stored:
            storing.remove(key)
        raise


def make_due(*, actor: Actor, limit: int = MOST) -> dict[str, Any]:
    """Archive what is due, oldest first, each case by itself; return {made, failed: [{case, serial, code, message,
    params}], left}."""
    made, failed = 0, []
    for pk, serial in list(archived.due(actor).values_list("pk", "serial")[:limit]):
        try:
            made += make_package(actor=actor, transaction_id=new_id().hex, application_id=pk)["made"]
        except DomainError as error:
            told = {"code": error.code, "message": error.message, "params": error.params}
            failed.append({"case": str(pk), "serial": serial, **told})
    return {"made": made, "failed": failed, "left": archived.due(actor).count()}


def _supervisor(actor: Actor, row: Application) -> None:
    if row.register_id not in actor.registers("agency_supervisor"):
        raise forbidden(N_("只有登记机构负责人可以归档、移交和下载归档包"))
    refuse_own_file(actor, row)


def _make(actor: Actor, row: Application, at: datetime, stored: list[str]) -> ArchivePackage:
    if row.ended_at is None:
        raise conflict("archive_not_due", N_("案卷尚未办结或者文书尚在制作，不能归档"))
    register = Register.objects.get(pk=row.register_id)
    rulebook = rulebooks.rules_of(row)
    retention = settings.retention_class(rulebook, row.state)
    day = shanghai_date(row.ended_at)
    pattern = settings.archive_number_format(rulebook).replace("{retention}", settings.retention_code(retention))
    # One series for all registers of an agency: no two packages of an agency share a number.
    counting = Register.objects.filter(agency_id=register.agency_id).order_by("created_at", "pk").first() or register
    word = agency_word(in_force(counting.pk, AGENCY))
    number = numbers.following(counting.pk, f"archive {retention}", day, pattern, word)
    data, files = archive.assemble(actor, row, number, retention)
    package = ArchivePackage(
        id=new_id(),
        register=register,
        agency_id=register.agency_id,
        number=number,
        year=day.year,
        retention=retention,
        object_kind=row.OBJECT,
        object_id=row.pk,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        at=at,
        by=actor.key,
    )
    package.note = seal_json(files, context=package.pk.bytes)
    package.storage_key = storing.store(package.pk, data)
    stored.append(package.storage_key)
    package.save(force_insert=True)
    return package


def read(*, actor: Actor, package_id: UUID) -> tuple[str, bytes]:
    """Return (file name, ZIP) of a package, for the agency's supervisor; the reading is logged.

    Raises DomainError not_found, forbidden, own_file, content_gone (410) once it is void.
    """
    row = archived.get(package_id, actor)
    _supervisor(actor, cases.get(Application, row.object_id, actor))
    if row.suppressed_at is not None:
        raise DomainError("content_gone", N_("此归档包的内容已依法删除，只留登记行"), status=410, article="4")
    log_read(
        actor=actor.key, what="archive", object_id=row.pk, object_kind="archive_package", register_id=row.register_id
    )
    return f"archive-{row.pk}.zip", storing.load(row.pk, row.storage_key, row.sha256)


def transfer(
    *, actor: Actor, transaction_id: str, register_id: UUID, package_ids: Sequence[UUID], receiver: str
) -> dict[str, Any]:
    """Hand packages over to an archive in one batch, by number (移交); each only once.

    Returns {id, number, count, digest}. Raises DomainError forbidden, receiver_required, packages_required, not_found,
    archive_handed_over (409) for one that was handed over or is void.
    """

    def work(at: datetime) -> dict[str, Any]:
        if register_id not in actor.registers("agency_supervisor"):
            raise forbidden(N_("只有登记机构负责人可以归档、移交和下载归档包"))
        if not receiver.strip():
            raise DomainError("receiver_required", N_("请填写接收单位"), "receiver")
        if not package_ids:
            raise DomainError("packages_required", N_("请至少选择一个归档包"), "packages")
        lock_words("transfer", str(register_id))
        chosen = ArchivePackage.objects.filter(archived.scope(actor), pk__in=package_ids, register_id=register_id)
        rows = list(chosen.select_for_update(of=("self",), no_key=True).order_by("number"))
        if len(rows) != len(set(package_ids)):
            raise not_found()
        gone = TransferItem.objects.filter(package__in=rows).exists() or any(row.suppressed_at for row in rows)
        if gone:
            raise conflict("archive_handed_over", N_("所选归档包中有已移交的或者已作废的，请重新选择"))
        return _hand_over(actor, register_id, rows, receiver.strip(), at)

    return perform(
        "transfer_archive_packages",
        actor=actor,
        transaction_id=transaction_id,
        target=register_id,
        request={"packages": sorted(map(str, package_ids)), "receiver": receiver},
        work=work,
    )


def _hand_over(
    actor: Actor, register_id: UUID, rows: Sequence[ArchivePackage], receiver: str, at: datetime
) -> dict[str, Any]:
    listed = [
        {"n": n, "number": row.number, "sha256": row.sha256, "size": row.size} for n, row in enumerate(rows, start=1)
    ]
    batch = Transfer.objects.create(
        register_id=register_id,
        number=numbers.following(register_id, "transfer", shanghai_date(at), "{year}-{seq}", ""),
        receiver=receiver,
        digest=hashlib.sha256(canonical(listed)).hexdigest(),
        at=at,
        by=actor.key,
    )
    TransferItem.objects.bulk_create(
        TransferItem(transfer=batch, n=n, package=row, sha256=row.sha256, size=row.size)
        for n, row in enumerate(rows, start=1)
    )
    return {"id": str(batch.pk), "number": batch.number, "count": len(rows), "digest": batch.digest}


def void_all(object_ids: Collection[UUID], at: datetime) -> None:
    """Remove the bytes and lists of packages of these objects, as a suppression demands; rows and numbers stay."""
    for row in ArchivePackage.objects.filter(object_id__in=object_ids, suppressed_at=None):
        transaction.on_commit(partial(storing.remove, row.storage_key), robust=True)
        row.storage_key, row.note, row.suppressed_at = "", None, at
        row.save(update_fields=["storage_key", "note", "suppressed_at"])
