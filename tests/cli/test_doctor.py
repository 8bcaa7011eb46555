"""The doctor finds what was broken on purpose, and says the way out; rebuild finds every altered projection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dengji.backup import recipient
from dengji.cli.health import promised_tables
from dengji.core import encryption
from dengji.registration.models import Application, Registration
from tests.catalogue.kit import catch_up
from tests.cli.harness import Command
from tests.factories import world as w


@pytest.fixture
def node(committed: str, tmp_path: Path, settings: Any) -> Iterator[Path]:
    recipient.ensure(Path(settings.DENGJI_DATA_DIR) / "keys")
    yield tmp_path


@pytest.fixture
def dengji(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def lines(dengji: Command, place: Path) -> dict[str, dict[str, str]]:
    """The doctor's lines by name."""
    return {one["name"]: one for one in dengji("doctor", "--data-dir", place, "--json").data["lines"]}


def test_a_sound_node_is_well(node: Path, dengji: Command) -> None:
    w.registered(w.build())
    found = lines(dengji, node)
    assert {name for name, one in found.items() if one["status"] == "fail"} == set()
    assert {"disk", "rulebooks", "migrations", "keys", "append_only", "clock", "calendar", "storage", "projection"} <= (
        found.keys()
    )
    assert dengji("doctor", "--data-dir", node).code == 0


def test_every_promised_table_is_looked_at() -> None:
    assert {
        "registration_decision",
        "registration_version",
        "ledger_entry",
        "ledger_leaf",
        "core_rememberedresult",
        "parties_accesslog",
    } <= set(promised_tables())


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TRIGGER registration_decision_append_only ON registration_decision",
        "ALTER TABLE registration_decision DISABLE TRIGGER registration_decision_no_truncate",
        "GRANT ALL ON registration_decision TO dengji_app; "
        "CREATE OR REPLACE FUNCTION dengji_forbid_change() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN coalesce(NEW, OLD); END'",
    ],
    ids=["dropped", "disabled", "hollowed"],
)
def test_a_removed_protection_is_found(
    node: Path, dengji: Command, owner_connection: psycopg.Connection, damage: str
) -> None:
    world = w.build()
    w.draft(world)
    owner_connection.execute(damage.encode())
    found = lines(dengji, node)["append_only"]
    assert found["status"] == "fail"
    assert "registration_decision" in found["detail"]
    assert found["way_out"]
    assert dengji("doctor", "--data-dir", node).code == 1


def test_looking_changes_nothing(node: Path, dengji: Command, owner_connection: psycopg.Connection) -> None:
    world = w.build()
    w.draft(world)
    count = "SELECT (SELECT count(*) FROM registration_decision), (SELECT count(*) FROM core_datakey)"
    before = owner_connection.execute(count).fetchone()
    lines(dengji, node)
    assert owner_connection.execute(count).fetchone() == before


def test_an_altered_projection_is_found(node: Path, dengji: Command, owner_connection: psycopg.Connection) -> None:
    world = w.build()
    w.registered(world)
    assert dengji.data("rebuild")["checked"]["registration"] == 1
    assert dengji.data("rebuild", "--sample", 0)["checked"]["application"] == 0
    owner_connection.execute("UPDATE registration_registration SET valid_to = valid_to + 1")
    owner_connection.execute("UPDATE registration_application SET state = 'CODING'")
    answer = dengji("rebuild", "--json")
    assert answer.code == 1
    assert {(d["object"], d["column"]) for d in answer.data["differences"]} >= {
        ("registration", "valid_to"),
        ("application", "state"),
    }
    assert {d["id"] for d in answer.data["differences"]} == {
        str(Application.objects.get().pk),
        str(Registration.objects.get().pk),
    }
    assert lines(dengji, node)["projection"]["status"] == "fail"
    told = dengji("rebuild")
    assert "CODING" in told.out
    assert "application" in told.err


def test_altered_figures_of_the_catalogue_are_found(
    node: Path, dengji: Command, owner_connection: psycopg.Connection
) -> None:
    w.registered(w.build())
    catch_up()
    assert dengji.data("rebuild")["statistics"] == [] and lines(dengji, node)["statistics"]["status"] == "ok"
    owner_connection.execute("UPDATE catalogue_tally SET delta = 3 WHERE dimension = 'section'")
    answer = dengji("rebuild", "--json")
    assert answer.code == 1 and [(one["kept"], one["counted"]) for one in answer.data["statistics"]] == [(3, 1)]
    assert "section" in dengji("rebuild").out
    owner_connection.execute("UPDATE catalogue_tally SET delta = 3")
    assert lines(dengji, node)["statistics"]["status"] == "fail"


def test_exposed_and_foreign_keys_are_found(
    node: Path, dengji: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o755)
    (keys / "master.key").write_bytes(b"k" * 32)
    (keys / "master.key").chmod(0o644)
    found = lines(dengji, tmp_path)
    assert found["mode:keys"]["status"] == found["mode:master.key"]["status"] == "fail"
    assert "chmod 600" in found["mode:master.key"]["way_out"]
    (keys / "master.key").chmod(0o600)
    monkeypatch.setattr("django.conf.settings.DENGJI_KEY_FILE", str(keys / "master.key"))
    encryption.forget_keys()
    assert "key_mismatch" in lines(dengji, tmp_path)["node"]["detail"]


def test_a_missing_directory_is_told(node: Path, dengji: Command) -> None:
    answer = dengji("doctor", "--data-dir", node / "none", "--json")
    assert answer.code == 1
    assert answer.data["lines"][0]["name"] == "data_dir"


def test_entries_that_wait_too_long_point_to_the_worker(
    node: Path, dengji: Command, owner_connection: psycopg.Connection
) -> None:
    world = w.build()
    w.draft(world)
    owner_connection.execute("UPDATE core_node SET legal_offset = legal_offset + interval '1 hour'")
    found = lines(dengji, node)["worker"]
    assert found["status"] == "warn"
    assert "dengji up" in found["way_out"]
