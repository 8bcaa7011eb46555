"""Receipts (回执) of acts: of a public act for anyone, of a private one for those it concerns (design §5)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db.models import Q

from dengji.core.encryption import unseal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.node import identity
from dengji.law.procedure import TABLE
from dengji.ledger import anchors, checkpointing, keyring, proofs
from dengji.ledger import services as ledger
from dengji.ledger.entries import Sealed
from dengji.ledger.models import Cosignature, Entry, SignedCheckpoint
from dengji.ledger.pure.errors import LedgerError, refuse
from dengji.ledger.pure.keys import Algorithm
from dengji.ledger.pure.notes import split_note
from dengji.ledger.pure.receipts import Receipt, Report, Trust, make_receipt, parse_receipt, verify_receipt
from dengji.ledger.pure.stamps import split_stamps
from dengji.parties.actor import Actor

from . import lookup, selectors
from .models import Complaint, Decision, DecisionDetail, Objection, Registration
from .models.cases import CaseBase
from .queries.cases import INTERNAL_WORDS
from .queries.voices import matches
from .services.engine import statement

#: Seconds after which to ask again for a receipt that is being made (制作中): a checkpoint follows within a second.
RETRY_AFTER = 2
#: The acts that give a registration the state and the version it shows.
_SHOWN_BY = ("assign_code", "adopt", "revise", "cancel", "revoke")
#: Whose grounds and identity the registrant sees masked: their sealed acts are opened for officers and objector only.
_OPEN_TO = {"objection": frozenset({"objection_officer", "agency_supervisor", "objector"})}


@dataclass(frozen=True)
class Made:
    """A receipt as a file, and how it stands with time stamps: `off`, `present`, `waiting`, or `without` (stale)."""

    data: bytes
    index: int
    size: int
    time_stamp: str
    public: bool

    @property
    def file_name(self) -> str:
        """What the file is called."""
        return f"receipt-{self.index}.json"


# Which entry


def of_registration(code: str, *, version: int | None = None, size: int | None = None) -> Made:
    """Return the receipt of the act that gave a registration its present state, or one of its versions (Art. 14).

    By code or local number, for anyone. Raises DomainError not_found, receipt_pending, checkpoint_unknown.
    """
    row = Registration.objects.filter(lookup.named(code)).first()
    found = _shown_by(row) if row is not None else []
    if version is not None:
        found = [one for one in found if one.data.get("version", 1 if one.act == "adopt" else None) == version]
    if not found:
        raise not_found()
    return make(_entry(found[-1]), size=size)


def _shown_by(row: Registration) -> list[Decision]:
    about = Q(object_id=row.pk)
    if first := row.versions.filter(application__isnull=False).order_by("number").first():
        about |= Q(object_id=first.application_id, act="assign_code")
    return list(Decision.objects.filter(about, act__in=_SHOWN_BY).order_by("entry_id"))


def of_decision(
    *, actor: Actor, model: type[CaseBase], object_id: UUID, n: int, key: str = "", size: int | None = None
) -> Made:
    """Return the receipt of the nth act on an object: of a public act for anyone, else opened for those in scope.

    `key` is that of an objector or complainant without an account. Raises DomainError not_found, receipt_pending,
    checkpoint_unknown.
    """
    decision = Decision.objects.filter(object_kind=model.OBJECT, object_id=object_id, n=n).first()
    if decision is None:
        raise not_found()
    if TABLE[decision.act].public:
        return make(_entry(decision), size=size)
    roles = _roles(actor, model, object_id, key)
    wanted = _OPEN_TO.get(model.OBJECT)
    opened = wanted is None or bool(roles & wanted)
    return make(_entry(decision), opening=_opening(decision) if opened else None, size=size)


def of_entry(index: int, *, size: int | None = None) -> Made:
    """Return the receipt of an entry by its place in the log, for anyone: what is sealed stays sealed.

    Raises DomainError not_found, receipt_pending, checkpoint_unknown.
    """
    entry = Entry.objects.filter(leaf__index=index).select_related("leaf").first()
    if entry is None:
        raise not_found()
    return make(entry, size=size)


def words_of(*, actor: Actor, model: type[CaseBase], object_id: UUID, n: int, key: str = "") -> dict[str, Any]:
    """Return {salt, words} of a private act: with its opened receipt they prove which reasons were given.

    Only for those who may read all of the words. Raises DomainError not_found, forbidden.
    """
    roles = _roles(actor, model, object_id, key)
    decision = Decision.objects.filter(object_kind=model.OBJECT, object_id=object_id, n=n).first()
    detail = DecisionDetail.objects.filter(pk=decision.detail_id).first() if decision and decision.detail_id else None
    if decision is None or detail is None or TABLE[decision.act].public:
        raise not_found()
    said = unseal_json(detail.data, context=object_id.bytes)
    hidden = {name for name in said["words"] if name in INTERNAL_WORDS and not roles & INTERNAL_WORDS[name]}
    wanted = _OPEN_TO.get(model.OBJECT)
    if hidden or (wanted is not None and not roles & wanted):
        raise forbidden()
    return {"salt": said["salt"], "words": said["words"]}


def _roles(actor: Actor, model: type[CaseBase], object_id: UUID, key: str) -> frozenset[str]:
    if key and model in (Objection, Complaint):
        row = model._default_manager.filter(pk=object_id).first()
        if row is None or not matches(row.pk, key):
            raise not_found()
        return frozenset({"objector"})
    return selectors.fit_roles(actor, selectors.get(model, object_id, actor))


def _entry(decision: Decision) -> Entry:
    return Entry.objects.select_related("leaf").get(pk=decision.entry_id)


def _opening(decision: Decision) -> tuple[bytes, Mapping[str, Any]]:
    salt = bytes(decision.salt)
    return salt, Sealed(salt, statement(decision)).statement


# Under which checkpoint


def make(entry: Entry, *, opening: tuple[bytes, Mapping[str, Any]] | None = None, size: int | None = None) -> Made:
    """Return the receipt of an entry, its content with it unless suppressed or withheld; `size` names a checkpoint.

    Without `size`, the earliest checkpoint that an authority stamped, else the earliest that a witness cosigned, else
    the newest. Whoever asks must have been found to be in scope for `opening`. Raises DomainError receipt_pending (409)
    while no checkpoint covers the entry (制作中), checkpoint_unknown, ledger_fault (503) for what would not verify.
    """
    leaf = getattr(entry, "leaf", None)
    row = _checkpoint(leaf.index, size) if leaf is not None else None
    if leaf is None or row is None:
        raise conflict(
            "receipt_pending",
            N_("回执制作中：请在 {retry_after} 秒后再取"),
            params={"retry_after": RETRY_AFTER},
        )
    body = bytes(entry.body)
    try:
        note = anchors.note_of(row)
        data = make_receipt(
            body,
            leaf.index,
            proofs.inclusion(leaf.index, row.size),
            note,
            content=_content(body),
            opening=opening,
        )
        _require_proven(data)
    except LedgerError as error:
        raise DomainError("ledger_fault", N_("日志与其检查点不符，不能出具回执：请联系运行单位"), status=503) from error
    return Made(data, leaf.index, row.size, _time_stamp(note), entry.public)


def _checkpoint(index: int, size: int | None) -> SignedCheckpoint | None:
    if size is not None:
        row = checkpointing.at_size(size)
        if row is None or size <= index:
            raise conflict(
                "checkpoint_unknown", N_("日志没有涵盖此记录、条数为 {size} 的检查点"), params={"size": size}
            )
        return row if _whole(row) else None
    rows = (checkpointing.at_size(one) for one in _sizes(index))
    return next((row for row in rows if row is not None and row.size > index and _whole(row)), None)


def _sizes(index: int) -> Iterator[int]:
    yield from anchors.stamped_sizes(index)
    names = Cosignature.objects.filter(size__gt=index).exclude(name=identity()[0])
    yield from names.order_by("size").values_list("size", flat=True)[:3]
    if last := checkpointing.latest():
        yield last.size


def _required() -> frozenset[Algorithm]:
    return frozenset({Algorithm.ED25519, Algorithm.SM2} if settings.DENGJI_GM else {Algorithm.ED25519})


def _whole(row: SignedCheckpoint) -> bool:
    """Whether a checkpoint carries every signature that this node's mode demands (国密: SM2 too)."""
    kinds = {key.key_id: key.algorithm for key in keyring.history()}
    return _required() <= {kinds.get(one.key_id) for one in split_note(bytes(row.note))[1]}


def _content(body: bytes) -> bytes | None:
    address = orjson.loads(body).get("public", {}).get("content")
    if address is None:
        return None
    try:
        return ledger.content(address)
    except DomainError:  # suppressed, or withheld while its notice is suspended (Art. 4)
        return None


def check(data: bytes) -> tuple[Report, Receipt, bool]:
    """Verify a receipt by this node's own keys; return what it proves, the receipt, and whether it bears time stamps.

    Raises LedgerError: receipt_malformed, wrong_log for a receipt of another log, and the codes of `verify_receipt`.
    """
    made = parse_receipt(data)
    origin = identity()[0]
    if (log := made.entry.get("log")) != origin:
        raise refuse("wrong_log", N_("检查点属于日志 {found}，应为 {origin}"), found=str(log)[:200], origin=origin)
    note, stamps = split_stamps(made.checkpoint)
    trust = Trust(origin, tuple(keyring.history()), tuple(keyring.witnesses()), _required())
    return verify_receipt(replace(made, checkpoint=note), trust), made, bool(stamps)


def _require_proven(data: bytes) -> None:
    """A receipt that would not verify is never handed out: then somebody changed the database."""
    check(data)


def _time_stamp(note: bytes) -> str:
    if split_stamps(note)[1]:
        return "present"
    if not settings.DENGJI_TSA_URL:
        return "off"
    return "without" if anchors.is_stale() else "waiting"


def consistency(old: int, new: int | None = None) -> dict[str, Any]:
    """Return {old, new, proof, checkpoint}: that the log at a signed size extends what it was at `old` (RFC 6962).

    Without `new`, up to the newest checkpoint. Raises DomainError checkpoint_unknown.
    """
    row = checkpointing.latest() if new is None else checkpointing.at_size(new)
    if row is None or not 0 < old <= row.size:
        raise conflict("checkpoint_unknown", N_("日志没有条数为 {size} 的检查点"), params={"size": new or old})
    proof = proofs.consistency(old, row.size)
    return {
        "old": old,
        "new": row.size,
        "proof": [base64.b64encode(one).decode() for one in proof],
        "checkpoint": anchors.note_of(row).decode(),
    }
