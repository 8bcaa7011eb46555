"""What every batch of acts shares: what became of each row, and the log of decisions made after one pattern."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from dengji.core.canonical import canonical
from dengji.core.errors import DomainError, conflict
from dengji.core.frame import lock_key
from dengji.core.node import identity
from dengji.law.procedure import TABLE, ProcedureError, decide
from dengji.law.rulebook import Rulebook
from dengji.ledger.entries import entry_body, new_salt
from dengji.ledger.models import Entry, Pending
from dengji.parties.actor import Actor

from .. import rules
from ..models import Application, Decision, Registration
from . import rows
from .engine import Deed, _decision, case_of, statement

#: Marks that stand in a pattern for what is each row's own; no real text can contain them.
_MARK = "\u0000row\u0000"
_MARK_ID = UUID(int=0)
_MARK_ID_BYTES = str(_MARK_ID).encode()
_MARKED = canonical({"mark": _MARK})
_MARK_STATE, _MARK_DIGEST = (canonical(f"\u0000{name}\u0000") for name in ("state", "digest"))


def shown_ready(public: Mapping[str, Any]) -> bytes:
    """Return the canonical form of what a public entry shows, with marks for the decision's state and digest."""
    return canonical({**public, "state": "\u0000state\u0000", "decision": "\u0000digest\u0000"})


@dataclass(frozen=True)
class Outcome:
    """What became of one row: the object's id, or the error for which it was refused; `known` for a repeated row."""

    id: UUID | None = None
    error: DomainError | None = None
    known: bool = False


@dataclass
class Batch:
    """The rows of one batch that are still wanted, and what has been decided about the others."""

    outcomes: list[Outcome | None]
    wanted: list[int] = field(default_factory=list)

    def refuse(self, i: int, error: DomainError) -> None:
        """Decide that row `i` is refused."""
        self.outcomes[i] = Outcome(error=error)

    def narrow(self) -> None:
        """Keep as wanted only what has no outcome yet."""
        self.wanted = [i for i in self.wanted if self.outcomes[i] is None]

    def finished(self) -> list[Outcome]:
        """Return what became of every row, in order."""
        return [outcome or Outcome() for outcome in self.outcomes]


def take_turn(register_id: UUID) -> None:
    """Keep two batches of one register from running at once, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("bulk", str(register_id))])


def decide_once(
    act: str, row: Application | Registration, *, actor: Actor, at: datetime, rulebook: Rulebook, role: str
) -> Decision:
    """Decide the act once for the whole batch; what differs from row to row is put in later."""
    calendar = rules.calendar()
    try:
        outcome = decide(act, case_of(row, {}), role, rulebook, calendar, at, obj=row.OBJECT)
    except ProcedureError as error:
        raise conflict(error.code, error.message, article=error.article, params=error.params) from None
    return _decision(row, outcome, role, actor.key, at, rulebook, calendar.version, Deed())


class Log:
    """The decisions and entries of one batch, all after the pattern of one decision.

    Statement and entry are made once, canonical, with marks where rows differ; each row then only fills its marks in.
    """

    def __init__(self, pattern: Decision, register: str) -> None:
        self.pattern = pattern
        self.public = TABLE[pattern.act].public
        pattern.object_id, pattern.data = _MARK_ID, {"mark": _MARK}
        self.statement = canonical(statement(pattern))
        self.entry = entry_body(
            log=identity()[0],
            act=pattern.act,
            at=pattern.at,
            register=register,
            object_kind=pattern.object_kind,
            object_id=_MARK_ID,
            n=pattern.n,
            public={"mark": _MARK} if self.public else None,
            sealed=None if self.public else _MARK,
        )
        self.state = canonical(pattern.to_state)
        self.object: list[str] = []
        self.data: list[str] = []
        self.salt: list[bytes] = []
        self.digest: list[str] = []
        self.body: list[bytes] = []

    def add(self, key: str, stated: bytes, shown: bytes = b"") -> None:
        """Add one decision about an object with its canonical data; `shown` is the `shown_ready` of a public act."""
        pk, salt = key.encode(), new_salt()
        text = self.statement.replace(_MARK_ID_BYTES, pk).replace(_MARKED, stated)
        commitment = f"sha256:{hashlib.sha256(salt + text).hexdigest()}"
        quoted = f'"{commitment}"'.encode()
        body = self.entry.replace(_MARK_ID_BYTES, pk)
        if self.public:
            shown = shown.replace(_MARK_STATE, self.state).replace(_MARK_DIGEST, quoted)
            body = body.replace(_MARKED, shown)
        else:
            body = body.replace(canonical(_MARK), quoted)
        self.object.append(key)
        self.data.append(stated.decode())
        self.salt.append(salt)
        self.digest.append(commitment)
        self.body.append(body)

    def write(self) -> None:
        """Insert entries, their places in the waiting line, and decisions."""
        one = self.pattern
        ids = rows.next_ids(Entry, len(self.object))
        entry = Entry(act=one.act, object_kind=one.object_kind, n=one.n, at=one.at, public=self.public)
        rows.insert(entry, {"id": ids, "object_id": self.object, "body": self.body})
        rows.insert(Pending(), {"entry_id": ids})
        decided: dict[str, list[Any]] = {
            "object_id": self.object,
            "data": self.data,
            "salt": self.salt,
            "digest": self.digest,
        }
        rows.insert(one, {**decided, "entry_id": ids})
