"""Acts that a node lost and their public entries still tell: done again, as far as their words suffice (design §5).

An act is done again where its object stands exactly before it. Who did it stays unknown: the decision names
`recovered`. Everything else is reported by its number in the log, for people to put right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error, transaction

from dengji.core.errors import DomainError
from dengji.ledger.models import Entry
from dengji.registration.projection import MODELS

from .redo import CREATES, RULES, Told, suppress

__all__ = ["Result", "Told", "at_of", "reapply", "seen_serials", "told"]


@dataclass
class Result:
    """Places in the log: acts done again, public acts that were not, sealed acts whose words are lost."""

    applied: list[int] = field(default_factory=list)
    not_applied: list[int] = field(default_factory=list)
    sealed: list[int] = field(default_factory=list)


def told(index: int, entry: Entry) -> Told:
    """Return an entry with what it says in public."""
    return Told(index, entry, orjson.loads(bytes(entry.body)).get("public"))


def reapply(fetched: list[Told]) -> Result:
    """Do again, in the log's order, what can be; one act that cannot be stops only those on the same object."""
    result = Result()
    for one in fetched:
        if one.public is None:
            result.sealed.append(one.index)
        elif _again(one, one.public):
            result.applied.append(one.index)
        else:
            result.not_applied.append(one.index)
    return result


def _again(one: Told, public: Mapping[str, Any]) -> bool:
    if one.entry.act == "suppress_content":
        # The law wants the words gone, whether or not the decision can be written again.
        suppress(one, public)
    rule = RULES.get((one.entry.object_kind, one.entry.act))
    model = MODELS.get(one.entry.object_kind)
    if rule is None or model is None:
        return one.entry.object_kind not in MODELS
    try:
        with transaction.atomic():
            row = model._default_manager.select_for_update(of=("self",)).filter(pk=one.entry.object_id).first()
            if row is None and one.entry.act in CREATES:
                row = model(id=one.entry.object_id, n=0)
            if row is None or row.n != one.entry.n - 1:
                return False
            rule(row, one, public)
    except (DomainError, Error, ObjectDoesNotExist, LookupError, ValueError, TypeError):
        return False
    return True


def seen_serials(fetched: list[Told]) -> dict[tuple[UUID, date], int]:
    """Return the highest running number that public entries name, by register and day."""
    from dengji.law.codes import CodeError
    from dengji.law.codes.serial import parse_serial

    highest: dict[tuple[UUID, date], int] = {}
    for one in fetched:
        if one.public is None or "serial" not in one.public:
            continue
        try:
            register = UUID(orjson.loads(bytes(one.entry.body))["register"])
            day, number = parse_serial(one.public["serial"])
        except (CodeError, ValueError):
            continue
        highest[register, day] = max(number, highest.get((register, day), 0))
    return highest


def at_of(body: Mapping[str, Any]) -> datetime:
    """Return the legal time that an entry states."""
    return datetime.fromisoformat(str(body["at"]))
