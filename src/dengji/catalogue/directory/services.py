"""The one door for writes of the directory: import a file, propose what matches, decide. Nothing is matched unasked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import lock_words
from dengji.core.ids import new_id
from dengji.core.tables import file_error
from dengji.parties.actor import Actor
from dengji.registration.models import Registration
from dengji.registration.services.engine import perform

from . import matching, reading, selectors
from .models import Entry, Proposal

MAX_UPLOAD = 64 * 1024 * 1024
#: How many refused rows a result names; it tells the number of all.
_NAMED = 100
_BATCH = 2000
_MOST = 500
_TEXTS = (*reading.FIELDS[1:], "source", "row", "imported_at")
Act = Literal["confirm", "reject", "undo"]
_AFTER = {"confirm": Proposal.State.CONFIRMED, "reject": Proposal.State.REJECTED, "undo": Proposal.State.OPEN}


def _may(actor: Actor, register_id: UUID) -> None:
    if actor.person_id is None or register_id not in selectors.registers_of(actor):
        raise forbidden()


def import_file(
    *,
    actor: Actor,
    transaction_id: str,
    register_id: UUID,
    data: bytes,
    source: str,
    mapping: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Take the entries of a file (.xlsx, .csv, .jsonl); one known by its identifier is brought up to date (Art. 14).

    Returns {added, updated, refused, refusals: [{row, message, params}] (the first hundred)}. Raises DomainError
    forbidden, file_size, directory_mapping, headings_missing and what `core.tables.read` raises.
    """
    given = dict(mapping or {})

    def work(at: datetime) -> dict[str, Any]:
        _may(actor, register_id)
        if not data or len(data) > MAX_UPLOAD:
            raise file_error("file_size", N_("文件为空或超过 {limit} 字节"), 413 if data else 422, limit=MAX_UPLOAD)
        # Two files at once would count each other's entries as new.
        lock_words("directory", str(register_id))
        return _store(register_id, data, source, given, at)

    request = {
        "register": str(register_id),
        "digest": hashlib.sha256(data).hexdigest(),
        "source": source,
        "mapping": given,
    }
    return perform("import_directory", actor=actor, transaction_id=transaction_id, request=request, work=work)


def _store(register_id: UUID, data: bytes, source: str, given: Mapping[str, str], at: datetime) -> dict[str, Any]:
    refusals: list[dict[str, Any]] = []
    refused = added = taken = 0
    waiting: list[Entry] = []
    for found in reading.rows(data, given):
        if isinstance(found, reading.Refusal):
            refused += 1
            if len(refusals) < _NAMED:
                refusals.append({"row": found.row, "message": found.message, "params": found.params})
            continue
        row, texts = found
        waiting.append(Entry(register_id=register_id, source=source[:200], row=row, imported_at=at, **texts))
        taken += 1
        if len(waiting) >= _BATCH:
            added += _upsert(register_id, waiting)
            waiting = []
    added += _upsert(register_id, waiting)
    return {"added": added, "updated": taken - added, "refused": refused, "refusals": refusals}


def _upsert(register_id: UUID, entries: Sequence[Entry]) -> int:
    """Write entries; return how many were new. What a person confirmed of a known one stays."""
    if not entries:
        return 0
    names = [entry.identifier for entry in entries]
    known = Entry.objects.filter(register_id=register_id, identifier__in=names).count()
    Entry.objects.bulk_create(
        entries, update_conflicts=True, unique_fields=("register", "identifier"), update_fields=_TEXTS
    )
    return len(entries) - known


def propose(
    *, actor: Actor, transaction_id: str, register_id: UUID, after: UUID | None = None, limit: int = _BATCH
) -> dict[str, Any]:
    """Propose registrations for entries that have none: by identifier, then by name, unit and region.

    Takes `limit` entries, from the one behind `after`; returns {looked, identifier, name} and, where there are more,
    `next`. Raises DomainError forbidden.
    """
    limit = max(1, min(limit, _BATCH))

    def work(at: datetime) -> dict[str, Any]:
        _may(actor, register_id)
        lock_words("directory", str(register_id))
        rows = Entry.objects.filter(register_id=register_id, object_id=None).order_by("pk")
        entries = list((rows.filter(pk__gt=after) if after else rows)[: limit + 1])
        more, entries = len(entries) > limit, entries[:limit]
        found = {
            "identifier": matching.by_identifier(register_id, entries),
            "name": matching.by_name(register_id, entries),
        }
        made = {basis: _propose(rows, basis, at) for basis, rows in found.items()}
        return {"looked": len(entries), **made, **({"next": str(entries[-1].pk)} if more else {})}

    request = {"register": str(register_id), "after": str(after or ""), "limit": limit}
    return perform("match_directory", actor=actor, transaction_id=transaction_id, request=request, work=work)


def _propose(found: Sequence[matching.Match], basis: str, at: datetime) -> int:
    asked = set(
        Proposal.objects.filter(entry_id__in={one.entry_id for one in found}).values_list("entry_id", "object_id")
    )
    fresh = [one for one in found if (one.entry_id, one.object_id) not in asked]
    Proposal.objects.bulk_create(
        Proposal(
            id=new_id(), entry_id=one.entry_id, object_id=one.object_id, basis=basis, percent=one.percent,
            same_unit=one.same_unit, same_region=one.same_region, proposed_at=at,
        )
        for one in fresh
    )  # fmt: skip
    return len(fresh)


def decide(
    *, actor: Actor, transaction_id: str, act: Act, proposals: Sequence[UUID], reason: str = ""
) -> dict[str, Any]:
    """Confirm, reject or reopen proposals, all or none; an entry has one registration at the most.

    Returns {decided}. Raises DomainError not_found outside the actor's registers, proposal_decided,
    proposal_open, entry_matched (409), forbidden without a person and in a matter of the actor's own organisation.
    """
    wanted = sorted(set(proposals))

    def work(at: datetime) -> dict[str, Any]:
        if actor.person_id is None:
            raise forbidden()
        if not wanted or len(wanted) > _MOST:
            raise DomainError("proposals_count", N_("一次须办理 1 至 {most} 条"), "proposals", params={"most": _MOST})
        rows = list(
            Proposal.objects.select_for_update()
            .filter(selectors.proposal_scope(actor), pk__in=wanted)
            .select_related("entry")
            .order_by("pk")
        )
        if len(rows) < len(wanted):
            raise not_found()
        # Nobody counts their own organisation's data as registered (design §4: none of the agency's rights).
        if Registration.objects.filter(
            pk__in=[row.object_id for row in rows], organisation_id__in=actor.organisations()
        ).exists():
            raise forbidden()
        for row in rows:
            _decide(row, act, actor, reason[:500], at)
        return {"decided": len(rows)}

    request = {"act": act, "proposals": [str(pk) for pk in wanted], "reason": reason}
    return perform(f"directory_{act}", actor=actor, transaction_id=transaction_id, request=request, work=work)


def _decide(row: Proposal, act: Act, actor: Actor, reason: str, at: datetime) -> None:
    open_now = row.state == Proposal.State.OPEN
    if act == "undo" and open_now:
        raise conflict("proposal_open", N_("该匹配建议尚未办理"))
    if act != "undo" and not open_now:
        raise conflict("proposal_decided", N_("该匹配建议已经办理；如需更改，请先撤回"))
    if act == "confirm":
        changed = Entry.objects.filter(pk=row.entry_id, object_id=None).update(object_id=row.object_id)
        if not changed:
            raise conflict("entry_matched", N_("该目录条目已对应另一登记；如需更改，请先撤回原匹配"))
    elif row.state == Proposal.State.CONFIRMED:
        Entry.objects.filter(pk=row.entry_id, object_id=row.object_id).update(object_id=None)
    row.state, row.decided_by_id, row.reason = _AFTER[act], actor.person_id, reason
    row.decided_at = at
    row.save(update_fields=["state", "decided_by", "decided_at", "reason"])
