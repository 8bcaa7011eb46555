"""Imports that were uploaded run in the worker; what a killed worker left is taken up again. Payloads hold ids only."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import close_old_connections, connection
from procrastinate.contrib.django import app

from dengji.core.errors import DomainError
from dengji.parties.actor import Actor, for_person
from dengji.parties.models import Person

from . import services
from .models import ImportJob

logger = logging.getLogger(__name__)


def _fresh_connection() -> None:
    """Drop a connection that died while the worker was idle; never one in the middle of a transaction."""
    if not connection.in_atomic_block:
        close_old_connections()


@app.task(name="dengji.import", queue="imports")
def run_import(job_id: str) -> str:
    """Carry one kept file into the register and return the job's state; harmless where another runner has it."""
    _fresh_connection()
    job = ImportJob.objects.filter(pk=UUID(job_id)).first()
    if job is None or job.finished_at is not None or not job.storage_key:
        return job.state if job else "GONE"
    try:
        return services.run_stored(job, _orderer(job)).state
    except DomainError as error:
        logger.info("import %s: %s", job_id, error.code)
        return error.code


def _orderer(job: ImportJob) -> Actor:
    """Return whoever ordered the job, with the roles held now: who lost the role imports nothing more."""
    kind, _, key = job.created_by.partition(":")
    person = Person.objects.filter(pk=UUID(key), is_active=True).first() if kind == "person" else None
    return for_person(person) if person else Actor(key=job.created_by)


@app.periodic(cron="*/5 * * * *")
@app.task(name="dengji.resume_imports", queue="imports", queueing_lock="resume_imports")
def resume_imports(timestamp: int) -> int:
    """Go on with every import that waits, also one whose worker was killed; return how many there were."""
    _fresh_connection()
    waiting = services.unfinished()
    for pk in waiting:
        run_import(job_id=str(pk))
    return len(waiting)
