"""Each endpoint and act tried from every role, from strangers and from nobody (issue: who may do what)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dengji.law.procedure import TABLE
from dengji.registration import services
from dengji.web.api import api

from . import document
from .cases import CASES
from .expected import ACTS, ENDPOINTS, SENSITIVE
from .people import CALLERS, COLUMNS
from .trial import REFUSALS, Outcome, all_outcomes

FILE = Path(__file__).parents[3] / "docs" / "reference" / "permissions.md"
RULES = (*ACTS, *ENDPOINTS, *SENSITIVE)
DEAD = ("expired", "revoked", "closed", "unknown")
#: Acts that have no door at all: they follow from another act, or come by the neighbours' logs.
NO_DOOR = {"recalculate", "close_moot", "revise", "hand_over"}
Outcomes = dict[str, dict[str, Outcome]]


@pytest.mark.long
@pytest.mark.django_db
def test_exactly_those_may_who_should(settings: Any, tmp_path: Path) -> None:
    """One test, so that the trial is run once: the table, worn-out tokens, and the document made from both."""
    settings.DENGJI_DATA_DIR = tmp_path / "node"  # the log's keys are this test's own
    outcomes = all_outcomes()
    assert not (wrong := _wrong(outcomes)), "\n".join(wrong)
    assert not (untold := _untold(outcomes)), untold
    assert not (unlike := _unlike(outcomes)), unlike
    text = document.render(ACTS, ENDPOINTS, SENSITIVE, CASES, outcomes)
    if os.environ.get("DENGJI_WRITE_PERMISSIONS"):
        FILE.write_text(text, encoding="utf-8")
    assert FILE.exists() and FILE.read_text(encoding="utf-8") == text, "out of date: run make permissions"


def _wrong(outcomes: Outcomes) -> list[str]:
    """Whoever is named may; everybody else is refused, by role and not by some other obstacle."""
    lines = []
    for rule in RULES:
        for name, (status, code, got) in outcomes[rule.key].items():
            wanted = name in rule.allowed
            refused = status in REFUSALS or (status < 300 and not got) or (status, code) == CASES[rule.key].also
            if wanted != got or not (got or refused):
                found = "got it" if got else "did not get it"
                lines.append(f"{rule.key}: {name} {'may' if wanted else 'may not'}, {found} ({status} {code})")
    return lines


def _untold(outcomes: Outcomes) -> list[str]:
    """401 for a token that is expired, revoked, unknown or of a closed account, also where none is needed."""
    tried = [rule.key for rule in RULES if CASES[rule.key].method]
    return [f"{key}: {name}" for key in tried for name in DEAD if outcomes[key][name][0] != 401]


def _unlike(outcomes: Outcomes) -> list[str]:
    """A column stands for several callers only where they fare alike; the document names the exceptions."""
    found = {
        (key, column.key)
        for key, fared in outcomes.items()
        for column in COLUMNS
        if len({fared[name][2] for name in column.names}) > 1
    }
    return sorted(map(str, found ^ document.DIFFER))


def test_nothing_is_left_out() -> None:
    """Every operation of the document and every act of the table is tried, each line is open to somebody."""
    keys = [rule.key for rule in RULES]
    assert len(keys) == len(set(keys)) and set(keys) == set(CASES)
    offered = {(method, path) for path, methods in api.get_openapi_schema()["paths"].items() for method in methods}
    assert {case.operation() for case in CASES.values() if case.method} == offered
    tried = {rule.key.partition(" ")[0].partition(".")[2] for rule in ACTS}
    assert tried == set(TABLE) - NO_DOOR
    assert not [name for name in NO_DOOR if hasattr(services, name)]
    assert [rule.key for rule in RULES if not rule.allowed] == ["words registration"]
    assert {name for rule in RULES for name in rule.allowed} >= set(CALLERS) - set(DEAD)
