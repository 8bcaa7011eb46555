"""Figures of a register (Arts. 17–19, R66): counts, on-time rates, supplement rounds, objections, revocations."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, Sum

from dengji.core.clock import legal_now
from dengji.parties.models import Register

from ..models import Application, Objection, Registration

#: stage → the acts that end it; each is held against the deadline that ran before it.
_STAGES: dict[str, tuple[str, ...]] = {
    "acceptance": ("accept", "decline", "request_supplement"),
    "review": ("pass_review", "reject"),
    "objection_verification": ("verify", "find_inadmissible"),
    "objection_decision": ("uphold", "dismiss"),
    "complaint": ("answer_complaint",),
}
_ON_TIME = """
SELECT d.act, count(*), count(*) FILTER (WHERE d.at < before.deadline_ends)
FROM registration_decision d
CROSS JOIN LATERAL (
    SELECT p.deadline_ends FROM registration_decision p
    WHERE p.object_id = d.object_id AND p.n < d.n AND p.deadline_ends IS NOT NULL
    ORDER BY p.n DESC LIMIT 1) AS before
WHERE d.act = ANY(%s) AND (%s::uuid IS NULL OR d.register_id = %s::uuid)
GROUP BY d.act
"""
_ACTS = """
SELECT act, count(*) FROM registration_decision
WHERE register_id = ANY(%s) AND at >= %s AND at < %s AND act = ANY(%s) GROUP BY act
"""
_kept: dict[tuple[Any, ...], tuple[float, dict[str, Any]]] = {}
_MOST = 256


def statistics(register_id: UUID | None = None) -> dict[str, Any]:
    """Return the figures of one register, or of the node, as of a stated time.

    They are counted anew at most every DENGJI_STATISTICS_SECONDS, so that a public page cannot wear the database out.
    """
    return _keep((register_id,), lambda: _count(register_id))


def acts_in(first: datetime, end: datetime, acts: Sequence[str], register_id: UUID | None = None) -> dict[str, Any]:
    """Return how often acts were done from an instant until before another: {as_of, acts: {name: count}} (R58).

    Counted anew at most every DENGJI_STATISTICS_SECONDS.
    """
    return _keep((register_id, first, end, tuple(acts)), lambda: _count_acts(first, end, acts, register_id))


def _keep(key: tuple[Any, ...], count: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    key = str(connection.settings_dict["NAME"]), *key
    known = _kept.get(key)
    if known and time.monotonic() - known[0] < settings.DENGJI_STATISTICS_SECONDS:
        return known[1]
    value = count()
    if len(_kept) >= _MOST:
        _kept.clear()
    _kept[key] = time.monotonic(), value
    return value


def _count_acts(first: datetime, end: datetime, acts: Sequence[str], register_id: UUID | None) -> dict[str, Any]:
    mine = [register_id] if register_id else list(Register.objects.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_ACTS, [mine, first, end, list(acts)])
        found = dict(cursor.fetchall())
    return {"as_of": legal_now(), "acts": {act: found.get(act, 0) for act in acts}}


def _count(register_id: UUID | None) -> dict[str, Any]:
    mine = Q() if register_id is None else Q(register_id=register_id)

    def counts(model: Any, column: str, *more: Q) -> dict[str, int]:
        return dict(model.objects.filter(mine, *more).order_by().values_list(column).annotate(n=Count("pk")))

    submitted = Q(serial__gt="")
    supplements = Application.objects.filter(mine, submitted).aggregate(
        applications=Count("pk"), returned=Count("pk", filter=Q(rounds__gt=0)), rounds=Sum("rounds")
    )
    return {
        "as_of": legal_now(),
        "applications": counts(Application, "state", submitted),
        "application_kinds": counts(Application, "kind", submitted),
        "registrations": counts(Registration, "state"),
        "types": counts(Registration, "data_type", Q(state="VALID")),
        "on_time": _on_time(register_id),
        "supplements": {**supplements, "rounds": supplements["rounds"] or 0},
        "objections": counts(Objection, "state"),
        "revocations": counts(Registration, "ground", Q(state="REVOKED")),
    }


def _on_time(register_id: UUID | None) -> dict[str, dict[str, int]]:
    acts = [act for group in _STAGES.values() for act in group]
    with connection.cursor() as cursor:
        cursor.execute(_ON_TIME, [acts, register_id, register_id])
        rows = {act: (total, in_time) for act, total, in_time in cursor.fetchall()}
    return {
        stage: {
            "done": sum(rows.get(act, (0, 0))[0] for act in group),
            "on_time": sum(rows.get(act, (0, 0))[1] for act in group),
        }
        for stage, group in _STAGES.items()
    }
