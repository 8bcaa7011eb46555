"""What stands beside the decisions: versions, registered fields, the access log; each altered as a superuser would."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from dengji.ledger import audit, sequencer
from dengji.parties import access
from dengji.parties.models import AccessLog, AccessLogRoot
from tests.ledger.tamper_kit import Kept, Owner


def codes(*, full: bool = False) -> set[str]:
    return {one.code for one in audit.check(full=full).findings}


VERSION = "(SELECT min(id) FROM registration_version)"
DEEDS = {
    "a field of what was submitted": (
        f'UPDATE registration_version SET fields = fields || \'{{"name": "x"}}\' WHERE id = {VERSION}',
        {"version_altered"},
    ),
    "its materials": (
        f"UPDATE registration_version SET materials = '[]' WHERE id = {VERSION}",
        {"version_altered"},
    ),
    "its salt": (
        f"UPDATE registration_version SET salt = sha256('x') WHERE id = {VERSION}",
        {"version_altered"},
    ),
    "its digest": (
        f"UPDATE registration_version SET digest = 'sha256:00' WHERE id = {VERSION}",
        {"version_altered", "version_decision"},
    ),
    "it is emptied without an act": (
        f"UPDATE registration_version SET fields = '{{}}', salt = '', suppressed_at = now() WHERE id = {VERSION}",
        {"version_emptied"},
    ),
    "it is deleted": (
        "DELETE FROM registration_versionprivate; DELETE FROM registration_version",
        {"version_missing"},
    ),
    "a name that was registered": (
        'UPDATE registration_registrationversion SET fields = fields || \'{"name": "x"}\'',
        {"registered_altered"},
    ),
    "it points to another content": (
        "UPDATE registration_registrationversion SET content = 'sha256:' || encode(sha256('x'), 'hex')",
        {"registered_unknown"},
    ),
    "it is emptied": (
        "UPDATE registration_registrationversion SET fields = '{}', suppressed_at = now()",
        {"registered_emptied"},
    ),
}


@pytest.mark.parametrize(("deed", "expected"), DEEDS.values(), ids=DEEDS.keys())
def test_the_check_finds_what_was_changed_beside_the_decisions(
    kept: Kept, owner: Owner, deed: str, expected: set[str]
) -> None:
    report = audit.check()
    assert not report.findings and report.counts["versions"] and report.counts["registered"]
    owner.execute(deed)
    assert codes() == expected


def test_a_change_of_sealed_personal_fields_shows_in_full(kept: Kept, owner: Owner) -> None:
    assert codes(full=True) == set()
    changed = owner.execute(
        "UPDATE registration_versionprivate SET data = set_byte(data, 40, 1 - get_byte(data, 40) % 2)"
    )
    assert changed.rowcount
    assert codes(full=True) == {"version_altered"}


# The access log


def _line(act: str = "accept") -> None:
    access.log_refusal(actor="person:x", act=act, outcome="forbidden", object_id=uuid4())


def test_lines_of_the_access_log_are_held_against_their_roots(kept: Kept, owner: Owner) -> None:
    for _ in range(3):
        _line()
    assert access.seal_access_log() is not None
    _line()
    sequencer.run_once(finish=True)
    assert codes() == set()
    newest = AccessLogRoot.objects.latest("last_id")
    owner.execute("UPDATE parties_accesslog SET actor = 'person:y' WHERE id = %s", [newest.last_id])
    assert codes() == {"access_lines"}
    lines = AccessLog.objects.filter(pk__gte=newest.first_id, pk__lte=newest.last_id)
    digest = access.digest_of(lines.order_by("pk").values_list(*access.COLUMNS))
    owner.execute("UPDATE parties_accesslogroot SET digest = %s WHERE id = %s", [digest, newest.pk])
    assert codes() == {"access_root"}
    owner.execute("DELETE FROM parties_accesslogroot WHERE id = %s", [newest.pk])
    assert "access_root_missing" in codes()


def test_a_line_put_below_a_root_afterwards_shows(kept: Kept, owner: Owner) -> None:
    _line()
    assert access.seal_access_log() is not None
    sequencer.run_once(finish=True)
    owner.execute(
        "INSERT INTO parties_accesslog (id, actor, act, object_kind, outcome) OVERRIDING SYSTEM VALUE "
        "VALUES (0, 'person:y', 'accept', '', 'forbidden')"
    )
    assert codes() == {"access_lines"}


def test_a_line_committed_out_of_its_order_is_rooted_too(
    kept: Kept, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier number is committed last: the root waits for it, or leaves both to the next."""
    written, go_on = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def slow() -> None:
        try:
            with transaction.atomic():
                _line("slow")
                written.set()
                go_on.wait(20)
        except BaseException as error:  # told to the test's own thread
            failed.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=slow)
    writer.start()
    assert written.wait(20)
    _line("quick")
    monkeypatch.setattr(access, "_TRIES", 2)
    assert access.seal_access_log() is None
    go_on.set()
    writer.join(20)
    assert not failed
    root = access.seal_access_log()
    assert root is not None
    first, second = AccessLog.objects.filter(act__in=("slow", "quick")).order_by("pk")
    assert (first.act, second.act) == ("slow", "quick")
    assert root.first_id <= first.pk < second.pk <= root.last_id
    sequencer.run_once(finish=True)
    assert codes() == set()


def test_nobody_is_kept_waiting_by_a_root(kept: Kept, owner: psycopg.Connection[Any]) -> None:
    _line()
    assert access.seal_access_log() is not None
    held = owner.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    assert held is not None and held[0] == 0


def test_two_processes_find_what_one_finds(kept: Kept, owner: Owner) -> None:
    alone = audit.check(full=True)
    both = audit.check(full=True, two_processes=True)
    assert not both.findings and both.counts == alone.counts
    owner.execute("UPDATE registration_decision SET actor = 'person:nobody'; DELETE FROM ledger_tile")
    both = audit.check(full=True, two_processes=True)
    assert {one.code for one in both.findings} == codes(full=True) == {"decision_altered", "tile_missing"}
    # The connection of this process was not closed by the other.
    assert AccessLog.objects.count() == 0
