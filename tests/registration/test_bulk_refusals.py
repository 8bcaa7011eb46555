"""What a batch of drafts refuses: row by row, in the order given, and nothing of a refused row is stored."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dengji.registration.models import Application, Decision, Draft
from dengji.registration.services import bulk
from dengji.registration.services.batches import Outcome
from tests.factories import world as w
from tests.registration.kit import refused

pytestmark = pytest.mark.django_db


def create(world: w.World, *rows: tuple[str, dict[str, Any]], **more: Any) -> list[Outcome]:
    """One batch of drafts by the world's clerk; each row is (transaction id, content)."""
    wanted: dict[str, Any] = {"register_id": world.register.pk, "organisation_id": world.registrant.pk} | more
    drafts = [bulk.DraftRow(name, content) for name, content in rows]
    return bulk.create_drafts(actor=world.actor("clerk"), drafts=drafts, **wanted)


def told(outcomes: list[Outcome]) -> list[str]:
    """What became of each row in one word."""
    return [one.error.code if one.error else "known" if one.known else "created" for one in outcomes]


def test_each_row_is_refused_by_itself() -> None:
    world = w.build()
    good = w.content(world)
    stranger = {"name": "示例单位", "credit_code": w.credit_code()}
    made = create(
        world,
        ("1", good),
        ("2", {**good, "no_such_field": "x"}),
        ("3", {**good, "data_type": "no_such_type"}),
        ("4", {**good, "co_registrants": [stranger]}),
        ("5", {"name": "只有名称"}),
    )
    assert told(made) == ["created", "field_unknown", "data_type_unknown", "organisation_unknown", "created"]
    assert made[1].error is not None and made[1].error.field == "no_such_field"
    assert [bool(one.id) for one in made] == [True, False, False, False, True]
    assert Application.objects.count() == Draft.objects.count() == Decision.objects.count() == 2


def test_a_transaction_id_stands_for_one_content() -> None:
    world = w.build()
    first = create(world, ("1", w.content(world)))
    other = w.content(world)
    again = create(world, ("1", other), ("2", other))
    assert told(again) == ["transaction_id_reused", "created"]
    assert told(create(world, ("2", other))) == ["known"]
    assert Application.objects.count() == 2 and first[0].id not in {one.id for one in again}


def test_nothing_is_opened_where_there_is_nothing_to_open_it_in() -> None:
    world = w.build()
    for more in ({"register_id": uuid.uuid4()}, {"organisation_id": uuid.uuid4()}):
        with refused("not_found", 404):
            create(world, ("1", w.content(world)), **more)
    with refused("forbidden", 403):
        create(world, ("1", w.content(world)), organisation_id=world.stranger_organisation.pk)
    assert not Application.objects.exists()


def test_an_empty_batch_does_nothing() -> None:
    world = w.build()
    assert create(world) == []
    assert told(create(world, ("1", {"no_such_field": "x"}))) == ["field_unknown"]
    assert not Application.objects.exists() and not Decision.objects.exists()
