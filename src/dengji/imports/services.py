"""The one door for imports: check a file, or carry it into drafts or adopted registrations, batch by batch.

A batch is one transaction: its objects, what became of its rows, and how far the job has come. Killed anywhere, a job
goes on behind its last batch; the same row of the same file never becomes two things.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import orjson
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from dengji.core.clock import legal_now, real_now
from dengji.core.encryption import seal, unseal
from dengji.core.errors import N_, DomainError, conflict
from dengji.core.frame import lock_key
from dengji.core.tables import file_error
from dengji.law.calendar import shanghai_date
from dengji.law.checks import Finding
from dengji.parties.access import log_refusal
from dengji.parties.actor import Actor
from dengji.parties.models import Organisation, Register
from dengji.registration import rules
from dengji.registration.services import adoption, bulk, rows
from dengji.registration.services.batches import Outcome
from dengji.registration.services.drafting import prefill

from . import faults
from .against import compared
from .checking import BATCH, Plan, Row, checked
from .faults import refusal
from .models import ImportJob, ImportRow
from .report import Result, compact
from .second import in_process

KINDS = ("drafts", "adoption")
#: Files smaller than this are checked in the same process: starting a second one costs more than it gains.
SECOND_PROCESS_BYTES = 1 << 20
MAX_UPLOAD = 64 * 1024 * 1024
_COUNTED = ("rows", "created", "known", "refused", "skipped", "passes", "warned")
Progress = Callable[[Mapping[str, int]], None]


@dataclass(frozen=True)
class Order:
    """What is wanted of a file: for which register and registrant, as drafts or as adopted registrations."""

    register_id: UUID
    kind: str = "drafts"
    organisation_id: UUID | None = None
    data_type: str = "resource"
    allow_duplicates: bool = False


def admit(actor: Actor, order: Order) -> None:
    """Raise DomainError forbidden, not_found or central_refused where the actor may not import this; note refusals."""
    try:
        if order.kind == "adoption":
            adoption.admit_adoption(actor, order.register_id)
        elif order.kind == "drafts" and order.organisation_id is not None:
            bulk.admit_drafts(actor, order.register_id, order.organisation_id, order.data_type)
        else:
            raise DomainError("organisation_required", N_("请指明登记主体"), "organisation")
    except DomainError as error:
        if error.status in (403, 404):
            log_refusal(actor=actor.key, act=f"import_{order.kind}", outcome=error.code, object_id=order.register_id)
        raise


def plan_for(order: Order, *, after: int = 0, batch: int = BATCH) -> Plan:
    """Return what every row of this import is checked against: rulebook and calendar in force, registrant, today."""
    register = Register.objects.select_related("agency").get(pk=order.register_id)
    organisation = Organisation.objects.filter(pk=order.organisation_id).first() if order.organisation_id else None
    return Plan(
        adoption=order.kind == "adoption",
        data_type=order.data_type,
        rulebook=rules.rules_of_register(register.pk),
        calendar=rules.calendar(),
        today=shanghai_date(legal_now()),
        prefill=prefill(organisation, order.data_type) if organisation else {},
        credit_code=organisation.credit_code if organisation else "",
        register_id=register.pk,
        defaults=adoption.defaults_of(register) if order.kind == "adoption" else None,
        allow_duplicates=order.allow_duplicates,
        after=after,
        batch=batch,
    )


def digest_of(stream: BinaryIO) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits; the stream is at its beginning afterwards."""
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()


def digest_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of a file held in memory, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _batches(source: Path | BinaryIO, plan: Plan) -> Iterator[list[Row]]:
    if isinstance(source, Path):
        if source.stat().st_size >= SECOND_PROCESS_BYTES:
            return in_process(source, plan)
        source = io.BytesIO(source.read_bytes())
    return compared(checked(source, plan), plan)


def dry_run(
    *,
    actor: Actor,
    order: Order,
    source: Path | BinaryIO,
    sink: Callable[[Iterable[Result]], None],
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Check a file as an import would and write nothing; results go to `sink` batch by batch; return the counts.

    Raises DomainError forbidden, not_found, and what reading the file raises.
    """
    admit(actor, order)
    tally = _Tally()
    codes: dict[str, int] = {}
    for batch in _batches(source, plan_for(order)):
        tally.head(batch)
        wanted = [row for row in batch if row.number]
        if order.kind == "adoption":
            _find_taken(order, wanted, codes)
        results = [_result(row) for row in wanted]
        sink(results)
        tally.add(results)
        if progress:
            progress(tally.counts)
    return {"state": "CHECKED", "counts": tally.counts, "unknown": tally.unknown}


class _Tally:
    """Counts of one run, and the headings that nobody knows."""

    def __init__(self, counts: Mapping[str, int] | None = None, unknown: Iterable[str] = ()) -> None:
        self.counts = dict.fromkeys(_COUNTED, 0) | dict(counts or {})
        self.unknown = list(unknown)

    def head(self, batch: Iterable[Row]) -> None:
        """Take note of unknown headings, the first hundred of them."""
        for row in batch:
            self.unknown += [name for name in row.unknown if name not in self.unknown and len(self.unknown) < 100]

    def add(self, results: Sequence[Result]) -> None:
        """Count what became of some rows."""
        self.counts["rows"] += len(results)
        for result in results:
            self.counts[result.outcome] += 1
            self.counts["warned"] += result.outcome != "refused" and any(
                f["severity"] != "info" for f in result.findings
            )


def _result(row: Row, outcome: Outcome | None = None) -> Result:
    findings = [compact(finding) for finding in row.findings]
    if row.example:
        return Result(row.number, "skipped")
    if row.refused:
        return Result(row.number, "refused", None, findings)
    if outcome is None:
        return Result(row.number, "passes", None, findings)
    if outcome.error is not None:
        return Result(row.number, "refused", None, [*findings, compact(refusal(outcome.error))])
    return Result(row.number, "known" if outcome.known else "created", outcome.id, findings)


def _find_taken(order: Order, batch: Sequence[Row], codes: dict[str, int]) -> None:
    """Refuse the rows of a dry run whose codes are borne already, here or in the file; `codes`: the file's so far."""
    named = {row.number: (row, row.prepared.code) for row in batch if row.prepared is not None and not row.refused}
    taken = adoption.taken_codes(code for _, code in named.values())
    for number, (row, code) in named.items():
        first = codes.setdefault(code, number)
        found: Finding | None = faults.CODE_TWICE.at("code", row=first) if first != number else None
        if code in taken:
            found = refusal(adoption.code_taken())
        if found:
            row.findings.append(found)
            row.refused = True


def open_job(*, actor: Actor, order: Order, digest: str, dry: bool = False) -> ImportJob:
    """Return the job of this file for this purpose, new or as far as it has come; raises what `admit` raises."""
    admit(actor, order)
    organisation = Organisation.objects.filter(pk=order.organisation_id).first() if order.organisation_id else None
    job, _created = ImportJob.objects.get_or_create(
        register_id=order.register_id,
        organisation=organisation,
        kind=order.kind,
        data_type=order.data_type,
        allow_duplicates=order.allow_duplicates,
        dry_run=dry,
        file_digest=digest,
        created_by=actor.key,
    )
    return job


def order_of(job: ImportJob) -> Order:
    """Return what a job was asked to do."""
    return Order(job.register_id, job.kind, job.organisation_id, job.data_type, job.allow_duplicates)


@contextmanager
def _alone(job: ImportJob) -> Iterator[None]:
    """Hold a job for this connection, so that no second runner takes it; a killed runner lets go by itself."""
    key = lock_key("import", str(job.pk))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            raise conflict("import_running", N_("此导入正在进行"))
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def run(
    *,
    actor: Actor,
    job: ImportJob,
    source: Path | BinaryIO,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> ImportJob:
    """Carry a file into the register from where its job stands; return the job, DONE.

    A file that cannot be read ends FAILED with what is wrong. Raises DomainError import_running, forbidden.
    """
    with _alone(job):
        job.refresh_from_db()
        if job.state == "DONE":
            return job
        order = order_of(job)
        admit(actor, order)
        tally = _Tally(job.counts, job.unknown)
        try:
            for group in _batches(source, plan_for(order, after=job.next_row, batch=batch)):
                tally.head(group)
                with transaction.atomic():
                    _carry(actor, job, order, [row for row in group if row.number], tally)
                if progress:
                    progress(tally.counts)
        except DomainError as error:
            told = {"code": error.code, "message": error.message, "field": error.field, "params": dict(error.params)}
            _finish(job, "FAILED", told)
            raise
        _finish(job, "DONE", {})
    return job


def _finish(job: ImportJob, state: str, error: Mapping[str, Any]) -> None:
    job.state, job.error, job.finished_at = state, dict(error), real_now()
    job.save(update_fields=["state", "error", "finished_at", "unknown", "counts"])


def _carry(actor: Actor, job: ImportJob, order: Order, batch: Sequence[Row], tally: _Tally) -> None:
    """Do one batch within its transaction, and note how far the job has come."""
    job.unknown, job.state = tally.unknown, "RUNNING"
    if batch:
        if job.dry_run and order.kind == "adoption":
            _find_taken(order, batch, {})
        outcomes = {} if job.dry_run else _write(actor, job, order, batch)
        results = [_result(row, outcomes.get(row.number)) for row in batch]
        tally.add(results)
        rows.insert(
            ImportRow(job=job),
            {
                "number": [result.number for result in results],
                "outcome": [result.outcome for result in results],
                "object_id": [result.object_id for result in results],
                "findings": [orjson.dumps(result.findings).decode() for result in results],
            },
        )
        job.next_row = batch[-1].number
    job.counts = tally.counts
    job.save(update_fields=["state", "next_row", "counts", "unknown"])


def transaction_id(digest: str, number: int) -> str:
    """Return the transaction id of one row: the same file's same row is the same act, whoever repeats it."""
    return hashlib.sha256(f"{digest}:{number}".encode()).hexdigest()


def _write(actor: Actor, job: ImportJob, order: Order, batch: Sequence[Row]) -> dict[int, Outcome]:
    wanted = [row for row in batch if not row.refused and not row.example]
    if not wanted:
        return {}
    if order.kind == "adoption":
        ready = [row.prepared for row in wanted if row.prepared is not None]
        done = adoption.adopt_prepared(actor=actor, register_id=order.register_id, records=ready)
    elif order.organisation_id is not None:
        drafts = [bulk.DraftRow(transaction_id(job.file_digest, row.number), row.content) for row in wanted]
        done = bulk.create_drafts(
            actor=actor,
            register_id=order.register_id,
            organisation_id=order.organisation_id,
            drafts=drafts,
            data_type=order.data_type,
        )
    return {row.number: outcome for row, outcome in zip(wanted, done, strict=True)}


def submit_file(*, actor: Actor, order: Order, data: bytes, dry: bool = False) -> ImportJob:
    """Keep an uploaded file, sealed, for the worker; the same file for the same purpose is the same job.

    Raises DomainError file_size and what `admit` raises.
    """
    if not data or len(data) > MAX_UPLOAD:
        raise file_error("file_size", N_("文件为空或超过 {limit} 字节"), 413 if data else 422, limit=MAX_UPLOAD)
    job = open_job(actor=actor, order=order, digest=digest_of_bytes(data), dry=dry)
    if job.finished_at is None and not job.storage_key:
        path = f"imports/{job.pk.hex[-2:]}/{job.pk.hex}"
        job.storage_key = default_storage.save(path, ContentFile(seal(data, context=job.pk.bytes)))
        job.save(update_fields=["storage_key"])
    return job


def run_stored(job: ImportJob, actor: Actor) -> ImportJob:
    """Carry a kept file into the register and remove it; an unreadable file ends the job, with the reason in it."""
    with default_storage.open(job.storage_key, "rb") as sealed:
        data = unseal(sealed.read(), context=job.pk.bytes)
    try:
        job = run(actor=actor, job=job, source=io.BytesIO(data))
    except DomainError as error:
        if error.code == "import_running":
            raise
        _finish(job, "FAILED", {"code": error.code, "message": error.message, "params": dict(error.params)})
    default_storage.delete(job.storage_key)
    ImportJob.objects.filter(pk=job.pk).update(storage_key="")
    return job


def unfinished() -> list[UUID]:
    """Return the jobs whose file waits here, in order, also those that a killed worker left."""
    return list(
        ImportJob.objects.filter(finished_at=None).exclude(storage_key="").order_by("pk").values_list("pk", flat=True)
    )
