"""`dengji ledger check` finds nothing in an honest log, and each kind of tampering by a superuser of the database."""

from __future__ import annotations

from dengji.ledger import audit, sequencer
from tests.factories import world as w


def codes(**how: bool) -> set[str]:
    return {one.code for one in audit.check(**how).findings}


def test_a_log_of_real_acts_is_clean(log: str) -> None:
    world = w.build()
    w.registered(world)
    w.draft(world)
    sequencer.run_once()
    report = audit.check(full=True)
    assert not report.findings
