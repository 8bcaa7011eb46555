"""A row is nothing but its decisions folded: any difference is found (design §3)."""

from __future__ import annotations

import pytest

from dengji.law.procedure import TABLE
from dengji.registration.models import Registration
from dengji.registration.projection import COLUMNS, FOLDS, KEEPS_DEADLINE, MODELS, differences
from tests.factories import world as w

from .kit import application, noticed

pytestmark = pytest.mark.django_db


def test_the_fold_knows_only_acts_of_the_table() -> None:
    assert FOLDS.keys() <= TABLE.keys() and TABLE.keys() >= KEEPS_DEADLINE
    assert MODELS.keys() == COLUMNS.keys()


def test_a_row_changed_by_hand_is_found() -> None:
    world = w.build()
    pk = noticed(world)
    row = application(pk)
    assert differences(row) == {}
    row.state, row.rounds = "CODING", 3
    assert differences(row) == {"state": ("CODING", "NOTICE"), "rounds": (3, 0)}


def test_a_registration_is_folded_from_its_birth() -> None:
    world = w.build()
    row = Registration.objects.get(pk=w.registered(world)["registration"])
    assert differences(row) == {}
    row.valid_to = row.valid_to.replace(year=row.valid_to.year + 1)
    assert set(differences(row)) == {"valid_to"}
