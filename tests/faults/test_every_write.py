"""Every write of every act fails in turn: nothing is half-done, and the same transaction id then does it once."""

from __future__ import annotations

import inspect
import itertools
import os
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, close_old_connections

from dengji.ledger import services as ledger
from dengji.ledger.models import Entry, Pending
from dengji.parties import access
from dengji.registration import services
from dengji.registration.models import (
    Application,
    Complaint,
    Decision,
    Objection,
    Recheck,
    Registration,
    RulebookSnapshot,
)
from dengji.registration.projection import differences
from dengji.registration.services import adoption, bulk
from dengji.registration.services.batches import Outcome
from tests.factories import world as w

from . import acts
from .acts import CASES, Call, Case
from .conftest import Faults, changed

#: Writes that are not acts of the procedure table and so leave no decision.
NO_DECISION = {"save_draft", "add_material", "remove_material", "set_calendar"}
NO_DECISION |= {"claim", "release", "reassign", "set_deputy", "end_deputy", "add_note", "save_wording", "drop_wording"}
MOST_WRITES = 400
SOAK = bool(os.environ.get("DENGJI_SOAK"))


def test_no_act_is_missing_here() -> None:
    takes = {
        name
        for name in services.__all__
        if callable(function := getattr(services, name)) and "transaction_id" in _parameters(function)
    }
    assert takes == {case.act for case in CASES}


def _parameters(function: Any) -> Any:
    return inspect.signature(function).parameters


def attempt(call: Call, transaction_id: str) -> dict[str, Any] | str:
    """The result of one attempt, or what the planned fault said; anything else goes on."""
    try:
        return call(transaction_id)
    except OperationalError as error:
        assert "terminating connection" in str(error) or "closed" in str(error), error
        return "killed"
    except DatabaseError as error:
        planned = re.search(r"planned fault: (.*)", str(error))
        if planned is None:
            raise
        return planned[1]


def strike_each_write(call: Call, transaction_id: str, faults: Faults, writes: int) -> tuple[list[str], dict[str, Any]]:
    """Fail the first written row, then the second … until the act comes through; (what was struck, its result).

    `writes` is how many rows it writes. What a strike left behind is looked for after the last; soak, after each.
    """
    struck: list[str] = []
    before = faults.snapshot()
    for at in itertools.count(1):
        faults.plan("raise", at)
        result = attempt(call, transaction_id)
        if not isinstance(result, str):
            assert len(struck) == writes
            return struck, result
        struck.append(result)
        if at == writes or SOAK:
            assert changed(before, faults.snapshot()) == {}, f"write {at}: {result}, or one before, left something"
        assert at < MOST_WRITES
    raise AssertionError


def check_consistent(result: dict[str, Any]) -> None:
    """Every object equals the fold of its decisions, every decision has its entry, no entry is without one."""
    pk = result.get("id")
    for model in (Application, Objection, Registration, Complaint, Recheck):
        for row in model.objects.filter(pk__in=[pk, result.get("registration")]):
            assert differences(row) == {}
    decisions = set(Decision.objects.values_list("object_id", "n", "act", "entry_id"))
    entries = set(Entry.objects.exclude(object_kind="access_log").values_list("object_id", "n", "act", "pk"))
    assert decisions == entries
    assert Pending.objects.count() + Entry.objects.filter(leaf__isnull=False).count() == Entry.objects.count()


def count_writes(call: Call, transaction_id: str, faults: Faults) -> int:
    """How many rows the act writes, told by a commit that fails."""
    faults.plan("commit")
    said = re.fullmatch(r"COMMIT after (\d+) writes", str(attempt(call, transaction_id)))
    assert said, "the commit did not fail"
    return int(said[1])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_leaves_nothing_and_a_retry_does_it_once(case: Case, world: w.World, faults: Faults) -> None:
    faults.plan()
    call = case.ready(world)
    transaction_id = w.tid()
    before = faults.snapshot()
    decisions = Decision.objects.count()

    writes = count_writes(call, transaction_id, faults)
    assert changed(before, faults.snapshot()) == {}, "a failed commit left something behind"
    faults.plan("kill", writes)
    assert attempt(call, transaction_id) == "killed"
    assert database_part(changed(before, faults.snapshot())) == {}, "a killed server process left something behind"
    struck, result = strike_each_write(call, transaction_id, faults, writes)

    faults.plan()
    done = faults.snapshot()
    assert len(struck) > 1 and struck[-1] == "INSERT on core_rememberedresult"
    if case.act not in NO_DECISION:
        for table in ("registration_decision", "ledger_entry", "ledger_pending"):
            assert struck.count(f"INSERT on {table}") == Decision.objects.count() - decisions > 0
    inserted = {line.removeprefix("INSERT on ") for line in struck if line.startswith("INSERT")}
    assert changed(before, done).keys() >= inserted
    assert call(transaction_id) == result, "a retry after success got another answer"
    assert changed(done, faults.snapshot()) == {}, "a retry after success did something again"
    check_consistent(result)


def database_part(differing: dict[str, Any]) -> dict[str, Any]:
    """Leave out stored files: where the server is gone nobody can know whether the act was done, so they stay."""
    return {name: pair for name, pair in differing.items() if name != "files"}


def _bulk_drafts(world: w.World, transaction_id: str) -> list[Outcome]:
    rows = [bulk.DraftRow(f"{transaction_id}-{n}", {**BULK[n], **acts.with_partner(world)}) for n in range(3)]
    return bulk.create_drafts(
        actor=world.actor("clerk"), register_id=world.register.pk, organisation_id=world.registrant.pk, drafts=rows
    )


def _bulk_adoption(world: w.World, transaction_id: str) -> list[Outcome]:
    rows = [
        adoption.AdoptedRow(
            {**BULK[n], "registrant_name": "示例单位", "registrant_credit_code": UNITS[n]},
            f"DEMO-{transaction_id[:12]}-{n}",
            date(2025, 3, 3),
            date(2028, 3, 2),
        )
        for n in range(3)
    ]
    return adoption.adopt(actor=world.actor("agency_supervisor"), register_id=world.register.pk, records=rows)


BULK = [
    {"name": f"甘肃省张掖市-道路运输业-批量示例{n}", "intro": "示例", "coverage_regions": ["620700"]} for n in range(3)
]
UNITS = [w.credit_code() for _ in range(3)]


@pytest.mark.parametrize("work", [_bulk_drafts, _bulk_adoption])
def test_a_batch_is_whole_or_nothing_too(
    work: Callable[[w.World, str], list[Outcome]], world: w.World, faults: Faults
) -> None:
    def call(transaction_id: str) -> dict[str, Any]:
        outcomes = work(world, transaction_id)
        assert [o.error for o in outcomes] == [None] * 3
        return {"ids": [str(o.id) for o in outcomes]}

    faults.plan()
    transaction_id, before = w.tid(), faults.snapshot()
    writes = count_writes(call, transaction_id, faults)
    faults.plan("kill", writes)
    assert attempt(call, transaction_id) == "killed"
    assert changed(before, faults.snapshot()) == {}
    struck, result = strike_each_write(call, transaction_id, faults, writes)
    faults.plan()
    done = faults.snapshot()
    assert struck.count("INSERT on registration_decision") == 3 == len(set(result["ids"]))
    assert call(transaction_id) == result
    assert changed(done, faults.snapshot()) == {}
    for pk in result["ids"]:
        check_consistent({"id": pk})


def test_the_first_rulebook_is_pinned_with_its_submission_or_not_at_all(faults: Faults) -> None:
    """The snapshot is written by whichever submission is the first; a fault there must not be remembered as done."""
    faults.plan()
    other = w.build(rulebook="cn-tj", region="120000")
    pk = w.draft(other, fields={"coverage_regions": ["620700"]})
    w.advance(other, pk, "submit_for_business_review")

    def submit(transaction_id: str) -> dict[str, Any]:
        return services.submit(
            actor=other.actor("business_reviewer"), transaction_id=transaction_id, application_id=pk, **w.SECRECY
        )

    transaction_id = w.tid()
    struck, _ = strike_each_write(submit, transaction_id, faults, count_writes(submit, transaction_id, faults))
    faults.plan()
    assert "INSERT on registration_rulebooksnapshot" in struck
    assert RulebookSnapshot.objects.filter(pk=Application.objects.get(pk=pk).rulebook_digest).exists()


def test_a_calendar_that_was_rolled_back_is_not_used(world: w.World, faults: Faults) -> None:
    faults.plan()
    call = next(case for case in CASES if case.act == "set_calendar").ready(world)
    count_writes(call, w.tid(), faults)
    faults.plan()
    pk = w.draft(world)
    w.advance(world, pk, "accept")
    used = Decision.objects.filter(object_id=pk).latest("n").calendar
    known = set(Decision.objects.exclude(object_id=pk).values_list("calendar", flat=True))
    assert used in known


def test_the_sequencer_and_the_access_log_root_are_whole_or_nothing(world: w.World, faults: Faults) -> None:
    faults.plan()
    w.draft(world)
    access.log_refusal(actor="test", act="accept", outcome="forbidden")
    for work in (access.seal_access_log, ledger.place_pending):
        before = faults.snapshot()
        for at in (1, 2, 3):
            faults.plan("raise", at)
            with pytest.raises((DatabaseError, psycopg.DatabaseError), match="planned fault"):
                work()
            assert changed(before, faults.snapshot()) == {}
        faults.plan()
        assert work()
    while ledger.place_pending():
        pass
    indexes = list(Entry.objects.order_by("pk").values_list("leaf__index", flat=True))
    assert indexes == list(range(len(indexes)))


def test_restricted_content_is_not_read_where_the_reading_cannot_be_noted(world: w.World, faults: Faults) -> None:
    faults.plan()
    pk = w.draft(world)
    listed = services.list_materials(actor=world.actor("clerk"), owner_kind="application", owner_id=pk)
    faults.owner.execute(
        "CREATE TRIGGER zz_fault AFTER INSERT ON parties_accesslog FOR EACH ROW EXECUTE FUNCTION fault_strike()"
    )
    try:
        faults.plan("raise", 1)
        with pytest.raises(DatabaseError, match="planned fault"):
            services.read_material(actor=world.actor("clerk"), material_id=listed[0]["id"])
    finally:
        faults.owner.execute("DROP TRIGGER zz_fault ON parties_accesslog")
        faults.plan()
    close_old_connections()
    assert services.read_material(actor=world.actor("clerk"), material_id=listed[0]["id"])[1] == w.PDF
