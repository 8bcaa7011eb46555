"""The one door for reads about imports: a job is seen by whoever ordered it and by the register's supervisors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q

from dengji.core.errors import not_found
from dengji.parties.actor import Actor

from .models import ImportJob, ImportRow
from .report import Result

_PAGE = 2000


def scope(actor: Actor, purpose: str = "read") -> Q:
    """Return which imports an actor may see."""
    found = Q(created_by=actor.key)
    if registers := actor.registers("agency_supervisor"):
        found |= Q(register_id__in=registers, kind="adoption")
    return found


def get(pk: UUID, actor: Actor) -> ImportJob:
    """Return one import within the actor's scope; raises DomainError not_found for any other."""
    job = ImportJob.objects.filter(scope(actor)).filter(pk=pk).first()
    if job is None:
        raise not_found()
    return job


def describe(job: ImportJob) -> dict[str, Any]:
    """Return what is told of a job: how far it is, what became of the rows, unknown headings, the error if any."""
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "data_type": job.data_type,
        "dry_run": job.dry_run,
        "state": job.state,
        "next_row": job.next_row,
        "counts": job.counts,
        "unknown_headings": job.unknown,
        "error": job.error or None,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


def results(job: ImportJob) -> Iterator[Result]:
    """Yield what became of each row, in order, a page at a time."""
    last = 0
    columns = ("number", "outcome", "object_id", "findings")
    while True:
        page = list(ImportRow.objects.filter(job=job, number__gt=last).order_by("number").values_list(*columns)[:_PAGE])
        if not page:
            return
        for row in page:
            yield Result(*row)
        last = page[-1][0]
