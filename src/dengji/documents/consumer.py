"""Follows the log's order and draws up what each act yields; nothing is rendered here, so nothing slow holds it up."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import DatabaseError, transaction

from dengji.ledger import services as ledger
from dengji.ledger.models import Entry
from dengji.registration.models import Application, Decision
from dengji.registration.services.clockwork import Round

from . import rules
from .drawing import case_of, draw_up, rulebook_of, told_of
from .making import can_make
from .models import Document
from .table import BY_ACT, following

logger = logging.getLogger(__name__)

CONSUMER = "documents"
_BATCH = 200


def follow(now: Round) -> int:
    """Draw up what the acts placed since the last time yield; return how many entries were read."""
    read = 0
    while read < now.limit and (handed := ledger.consume(CONSUMER, draw_up_entries, _BATCH)):
        read += handed
    return read


def draw_up_entries(entries: Iterable[tuple[int, Entry]]) -> None:
    """Draw up the documents of a run of entries; those already there stay as they are."""
    wanted = [(index, e) for index, e in entries if (e.object_kind, e.act) in BY_ACT]
    if not wanted:
        return
    decisions = {d.entry_id: d for d in Decision.objects.filter(entry_id__in=[e.pk for _, e in wanted])}
    for index, entry in wanted:
        decision = decisions.get(entry.pk)
        if decision is None:
            continue
        try:
            with transaction.atomic():
                _draw_up(index, decision)
        except DatabaseError:
            raise
        except Exception as error:
            # One bad object must not hold up everybody's documents: it is gathered again when it is made.
            logger.error("documents: entry %s: %s", index, type(error).__name__)
            _draw_up(index, decision, later=True)


def _draw_up(index: int, decision: Decision, *, later: bool = False) -> None:
    row = case_of(decision.object_kind, decision.object_id)
    if row is None:
        return
    kind_of = row.kind if isinstance(row, Application) else ""
    for kind in following(decision.object_kind, decision.act, application_kind=kind_of, role=decision.role):
        if not rules.in_use(kind, rulebook_of(row)) or not can_make(kind.layout):
            continue
        if Document.objects.filter(entry_index=index, kind=kind.name).exists():
            continue
        wait = later or kind.layout != "letter"  # anything else is printed from its receipt, which comes later
        told = None if wait else told_of(decision, row)
        document = draw_up(kind, row, decision.at, told, decision=decision, index=index, later=wait)
        document.save(force_insert=True)
