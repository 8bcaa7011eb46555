"""A file's rows against the register: which of their names it holds already, or nearly (R48).

In the checking process the database looks up one batch while the next is checked. It sees the register as it is then:
a name that is registered a moment later is found when its draft is submitted, as with any draft (R50).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from django.db import connection

from dengji.law.checks import Similar
from dengji.law.checks.duplicates import duplicates
from dengji.registration import inspection

from .checking import DUPLICATES, Plan, Row

_Found = list[tuple[Row, list[Similar]]]


def compared(batches: Iterator[list[Row]], plan: Plan) -> Iterator[list[Row]]:
    """Yield checked rows with what the register holds already; adopted rows as they are, for codes tell them apart."""
    if plan.adoption:
        yield from batches
        return
    for batch in batches:
        _tell(_look_up(batch, plan), plan)
        yield batch


def compared_beside(batches: Iterator[list[Row]], plan: Plan) -> Iterator[list[Row]]:
    """As `compared`, one batch behind: a thread with a connection of its own waits for the database meanwhile."""
    if plan.adoption:
        yield from batches
        return
    with ThreadPoolExecutor(1) as thread:
        waiting: tuple[list[Row], Future[_Found]] | None = None
        try:
            for batch in batches:
                asked = batch, thread.submit(_look_up, batch, plan)
                if waiting:
                    yield _judged(*waiting, plan)
                waiting = asked
            if waiting:
                yield _judged(*waiting, plan)
        finally:
            thread.submit(connection.close)


def _judged(batch: list[Row], asked: Future[_Found], plan: Plan) -> list[Row]:
    _tell(asked.result(), plan)
    return batch


def _look_up(batch: list[Row], plan: Plan) -> _Found:
    wanted = [row for row in batch if row.keys is not None and not row.refused and not row.example]
    keys = [row.keys for row in wanted if row.keys]
    if plan.register_id is None or not wanted:
        return []
    hits = inspection.similar_records(plan.register_id, [row.content for row in wanted], plan.rulebook, keys=keys)
    return [(row, similar) for row, similar in zip(wanted, hits, strict=True) if similar]


def _tell(found: _Found, plan: Plan) -> None:
    context = plan.context()
    for row, similar in found:
        told = list(duplicates(row.content, replace(context, similar=similar)))
        row.findings += told
        row.refused = not plan.allow_duplicates and any(f.code in DUPLICATES for f in told)
