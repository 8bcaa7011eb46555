"""What the registration room answers the ledger: which contents rest, and whether decisions and entries agree."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from dengji.core.canonical import salted_digest
from dengji.core.encryption import unseal_json
from dengji.core.errors import N_, DomainError
from dengji.ledger.audit import Examination, Finding, count, rows, said
from dengji.ledger.models import Entry, Leaf

from . import audit_rows
from .models import Application, Decision, DecisionDetail
from .projection import MODELS
from .services.engine import statement

#: The kind of object under which the log tells of the end of a recovery.
RECOVERY = "recovery"
#: Who a decision names that a recovery wrote anew: nobody knows any more who did it.
RECOVERED = "recovered"

_BATCH = 2000
_COLUMNS = [f.attname for f in Decision._meta.concrete_fields if f.attname != "data"]
_DECISIONS = f"""
SELECT d.data::text, {", ".join(f"d.{name}" for name in _COLUMNS)}, e.act, e.at, e.object_id, e.n, e.body
FROM registration_decision d LEFT JOIN ledger_entry e ON e.id = d.entry_id ORDER BY d.id
"""  # noqa: S608 - names of our own
_UNDECIDED = """
SELECT e.id, e.object_kind, e.object_id, l.index FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id
WHERE e.object_kind = ANY(%s) AND NOT EXISTS (SELECT FROM registration_decision d WHERE d.entry_id = e.id) ORDER BY 1
"""


def withheld(object_kind: str, object_ids: Collection[UUID]) -> set[UUID]:
    """Return those applications whose notice is suspended: their content is hidden at once (Art. 4, design §4)."""
    if object_kind != Application.OBJECT:
        return set()
    return set(Application.objects.filter(pk__in=object_ids, state="NOTICE_SUSPENDED").values_list("pk", flat=True))


def findings(run: Examination) -> Iterator[Finding]:
    """Yield where decisions and entries disagree: each states what its digest says, and has exactly one entry."""
    total, number = count("registration_decision"), 0
    for number, (data, *values) in enumerate(rows(_DECISIONS), 1):
        # What `statement` asks for, at a tenth of the cost of a model.
        decision = SimpleNamespace(data=orjson.loads(data), **dict(zip(_COLUMNS, values, strict=False)))
        yield from _decision(decision, values[len(_COLUMNS) :])
        if number % _BATCH == 0:
            run.progress("decisions", number, total)
    run.progress("decisions", total, total)
    run.counts["decisions"] = number
    if run.full:
        yield from _details()
    with connection.cursor() as cursor:
        cursor.execute(_UNDECIDED, [list(MODELS)])
        undecided = cursor.fetchall()
    lost = _told("without_decision") if undecided else []
    for pk, kind, object_id, index in undecided:
        if index is not None and any(index in places for places in lost):
            run.counts["decisions_lost"] += 1
        else:
            yield Finding("decision_missing", N_("记录没有对应的决定"), f"entry {pk}, {kind} {object_id}")
    yield from audit_rows.versions(run)
    yield from audit_rows.lines(run)
    for pk, index in audit_rows.unrooted():
        lost = lost or _told("without_decision")
        if index is None or not any(index in places for places in lost):
            yield Finding("access_root_missing", N_("日志所记的访问日志定时摘要不存在"), f"entry {pk}")


def _done_again(decision: Any) -> bool:
    """Whether a recovery wrote this decision anew from its entry, and the log itself says so: the first one is lost."""
    if decision.actor != RECOVERED:
        return False
    index = Leaf.objects.filter(entry_id=decision.entry_id).values_list("index", flat=True).first()
    return index is not None and any(index in places for places in _told("done_again"))


def _told(what: str) -> list[range]:
    """Places that recoveries name in the log: `without_decision`, or decisions `done_again` (design §5)."""
    found: list[range] = []
    told = Entry.objects.filter(act="recovery_ended", object_kind=RECOVERY, public=True)
    for body in told.values_list("body", flat=True):
        public = (said(bytes(body)) or {}).get("public")
        parts = str(public.get(what, "")).split(",") if isinstance(public, dict) else []
        places = [part.partition("-") for part in parts]
        # Whatever else stands there was put there by somebody else, and excuses nothing.
        found += [range(int(a), int(b) + 1) for a, _, b in places if a.isdecimal() and b.isdecimal()]
    return found


def _finding(code: str, what: str, decision: Any) -> Finding:
    return Finding(code, what, f"decision {decision.id}, {decision.object_kind} {decision.object_id} n {decision.n}")


def _decision(decision: Any, entry: list[Any]) -> Iterator[Finding]:
    if _commitment(decision) != decision.digest:
        yield _finding("decision_altered", N_("决定与其摘要不符：决定被改动过"), decision)
    *columns, body = entry
    if body is None:
        yield _finding("decision_without_entry", N_("决定没有对应的日志记录"), decision)
        return
    value = said(bytes(body)) or {}
    public = value.get("public")
    if isinstance(public, dict):
        bound = public.get("decision") == decision.digest or _done_again(decision)
        agrees = public.get("state") == decision.to_state and bound
    else:
        agrees = value.get("sealed") == decision.digest
    same = columns == [decision.act, decision.at, decision.object_id, decision.n]
    if not (agrees and same and value.get("register") == str(decision.register_id)):
        yield _finding("decision_entry", N_("决定与其日志记录不符"), decision)


def _commitment(decision: Any) -> str | None:
    try:
        return salted_digest(bytes(decision.salt), statement(decision))
    except ValueError:  # what was put there has no canonical form
        return None


def _details() -> Iterator[Finding]:
    """The words of decisions, where no lawful deletion removed them."""
    stored = Decision.objects.exclude(detail_id=None).order_by("pk").iterator(_BATCH)
    while batch := list(islice(stored, _BATCH)):
        details = DecisionDetail.objects.in_bulk([decision.detail_id for decision in batch if decision.detail_id])
        for decision in batch:
            if decision.detail_id in details and not _opens(decision, details[decision.detail_id]):
                yield _finding("detail_altered", N_("决定的理由与其摘要不符"), decision)


def _opens(decision: Decision, detail: DecisionDetail) -> bool:
    try:
        said = unseal_json(detail.data, context=detail.object_id.bytes)
        return salted_digest(bytes.fromhex(said["salt"]), said["words"]) == decision.detail_digest
    except (DomainError, KeyError, ValueError):
        return False
