"""Many drafts in one transaction: the decisions, entries and rows of one by one, in few statements (Art. 7).

An import calls this once per batch. What follows from the act (next state, deadline, role) is decided once for a
batch, because it is the same for each of its rows; digests, salts, entries and contents are each row's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from dengji.core.canonical import canonical, plain, timestamp
from dengji.core.clock import legal_now
from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, conflict, not_found
from dengji.core.frame import request_digest
from dengji.core.ids import new_id
from dengji.law import record
from dengji.parties.actor import Actor
from dengji.parties.models import Organisation, Register

from .. import rules
from ..models import Application, CoRegistrant, Draft
from ..projection import fold
from . import drafting, rows
from .batches import Batch, Log, Outcome, decide_once, take_turn


@dataclass(frozen=True)
class DraftRow:
    """One record to become a draft; the transaction id makes a repeated row harmless."""

    transaction_id: str
    content: Mapping[str, Any]


def create_drafts(
    *, actor: Actor, register_id: UUID, organisation_id: UUID, drafts: Sequence[DraftRow], data_type: str = "resource"
) -> list[Outcome]:
    """Open one draft per row, as `create_application` does, all in one transaction (批量新建申请, Art. 7).

    Rows are refused one by one (unknown field, data type or co-registrant); raises DomainError forbidden,
    central_refused or not_found for all of them.
    """
    with transaction.atomic():
        template = admit_drafts(actor, register_id, organisation_id, data_type)
        organisation = template.organisation
        batch, digests = _begin(actor, register_id, drafts)
        prefilled = drafting.prefill(organisation, data_type)
        contents: dict[int, dict[str, Any]] = {}
        for i in batch.wanted:
            given = {k: v for k, v in drafts[i].content.items() if v not in (None, "", [], {})}
            contents[i] = {**prefilled, **given}
        partners = _check_contents(batch, contents, organisation)
        role = drafting.creating_role(actor, template, False)
        _write(actor, role, template, batch, drafts, digests, contents, partners)
        return batch.finished()


def admit_drafts(actor: Actor, register_id: UUID, organisation_id: UUID, data_type: str = "resource") -> Application:
    """Return the pattern of drafts that an actor may open; DomainError forbidden, central_refused, not_found.

    Writes nothing: an import asks here before it reads its file.
    """
    register = Register.objects.filter(pk=register_id).first()
    organisation = Organisation.objects.filter(pk=organisation_id).first()
    if register is None or organisation is None:
        raise not_found()
    template = Application(
        register=register,
        organisation=organisation,
        kind="first",
        data_type=data_type,
        applicant_id=actor.person_id,
        rulebook=rules.register_rulebook(register_id),
    )
    drafting.admit(actor, template, False)
    return template


def _begin(actor: Actor, register_id: UUID, drafts: Sequence[DraftRow]) -> tuple[Batch, list[bytes]]:
    """Find the rows that were done before; return the batch and the request digest of every row."""
    take_turn(register_id)
    act, register = "create_application", str(register_id)
    digests = [request_digest(act, {"register": register, "content": dict(row.content)}) for row in drafts]
    batch = Batch([None] * len(drafts))
    found = rows.fetch(
        "SELECT transaction_id, request_digest, result->>'id' FROM core_rememberedresult "
        "WHERE actor = %s AND transaction_id = ANY(%b)",
        [actor.key, [row.transaction_id for row in drafts]],
    )
    known = {row[0]: row[1:] for row in found}
    for i, row in enumerate(drafts):
        if row.transaction_id not in known:
            batch.wanted.append(i)
            continue
        request, pk = known[row.transaction_id]
        if bytes(request) == digests[i]:
            batch.outcomes[i] = Outcome(UUID(pk), known=True)
        else:
            batch.refuse(i, conflict("transaction_id_reused", N_("此事务号已用于另一请求：请换用新的事务号")))
    return batch, digests


def _check_contents(
    batch: Batch, contents: dict[int, dict[str, Any]], organisation: Organisation
) -> dict[str, Organisation]:
    """Refuse rows that cannot be stored; return the co-registrants named in the others, by credit code."""
    codes = {code for content in contents.values() for code in _partner_codes(content)} - {organisation.credit_code}
    known = {o.credit_code: o for o in Organisation.objects.filter(credit_code__in=codes)} if codes else {}
    for i in batch.wanted:
        content = contents[i]
        unknown = sorted(content.keys() - record.FIELDS.keys())
        missing = sorted(set(_partner_codes(content)) - known.keys() - {organisation.credit_code})
        if unknown:
            params = {"field": unknown[0]}
            batch.refuse(i, DomainError("field_unknown", N_("没有名为 {field} 的字段"), unknown[0], params=params))
        elif content.get("data_type") not in record.FIELDS["data_type"].labels:
            batch.refuse(i, DomainError("data_type_unknown", N_("没有这种登记类型"), "data_type"))
        elif missing:
            batch.refuse(i, partner_unknown(missing[0]))
    batch.narrow()
    return known


def _partner_codes(content: Mapping[str, Any]) -> list[str]:
    return [str(c.get("credit_code", "")) for c in content.get("co_registrants") or () if isinstance(c, dict)]


def _write(
    actor: Actor,
    role: str,
    template: Application,
    batch: Batch,
    drafts: Sequence[DraftRow],
    digests: Sequence[bytes],
    contents: Mapping[int, dict[str, Any]],
    partners: Mapping[str, Organisation],
) -> None:
    if not batch.wanted:
        return
    at, rulebook = legal_now(), rules.current(template.rulebook)
    decision = decide_once("create_application", template, actor=actor, at=at, rulebook=rulebook, role=role)
    fold(template, decision)
    log = Log(decision, str(template.register_id))
    made: dict[str, list[Any]] = {k: [] for k in ("id", "data_type", "name", "registrant_name", "fields", "private")}
    results = rows.Results(actor.key, "create_application")
    moment = timestamp(at)
    links: list[CoRegistrant] = []
    for i in batch.wanted:
        content = contents[i]
        pk = new_id()
        data = {"organisation": str(template.organisation_id), "kind": "first", "data_type": content["data_type"]}
        log.add(str(pk), canonical(data))
        clear, private = record.split_personal({k: plain(v) for k, v in content.items()})
        made["id"].append(pk)
        made["data_type"].append(content["data_type"])
        made["name"].append(str(content.get("name", ""))[:200])
        made["registrant_name"].append(str(content.get("registrant_name", ""))[:200])
        made["fields"].append(orjson.dumps(clear).decode())
        made["private"].append(seal_json(private, context=pk.bytes))
        result = {"id": str(pk), "act": decision.act, "state": template.state, "n": 1, "at": moment, "revision": 1}
        results.add(drafts[i].transaction_id, digests[i], result)
        batch.outcomes[i] = Outcome(pk)
        for code in set(_partner_codes(content)) & partners.keys():
            links.append(CoRegistrant(application_id=pk, organisation=partners[code]))
    rows.insert(template, {k: made[k] for k in ("id", "data_type", "name", "registrant_name")})
    draft = Draft(application=template, updated_by=actor.person_id)
    rows.insert(draft, {"application_id": made["id"], "fields": made["fields"], "private": made["private"]})
    log.write()
    results.write()
    if links:
        CoRegistrant.objects.bulk_create(links)


def partner_unknown(code: str) -> DomainError:
    """Return the error for a co-registrant that this node does not know."""
    return DomainError(
        "organisation_unknown",
        N_("平台尚无统一社会信用代码为 {code} 的单位：请该单位先注册"),
        "co_registrants",
        article="7",
        params={"code": code},
    )
