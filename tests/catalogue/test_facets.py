"""Totals and facets of random filters equal a recount by SQL in the same moment, also while acts go on."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from dengji.catalogue import index
from dengji.catalogue.models import Item
from dengji.catalogue.query import Filters, Search, parse
from dengji.registration.generator import load
from tests.factories import world as w

from . import kit

#: Facet → whose filter it is, and what a record counts under; the region's depends on what is selected.
_FACETS = {
    "industry": ("industry", "unnest(i.industries)"),
    "section": ("industry", "unnest(i.sections)"),
    "type": ("type", "i.data_type::text"),
    "state": ("state", "i.state::text"),
    "year": ("year", "i.year::text"),
    "access": ("access", "nullif(i.access_mode, '')::text"),
}
_MET = {
    "industry": "(i.industries::text[] && %s::text[] OR i.sections::text[] && %s::text[])",
    "region": "(i.provinces::text[] || i.cities::text[] || i.counties::text[]) && %s::text[]",
    "type": "i.data_type = ANY(%s)",
    "state": "i.state = ANY(%s)",
    "year": "i.year::text = ANY(%s)",
    "access": "i.access_mode = ANY(%s)",
}
_WORD = (
    "position(%s in concat_ws(' ', r.name, r.registrant_name, i.agency, v.fields->>'intro')) > 0 AND NOT i.suppressed"
)
#: Words of loaded records alone. What an act does to a text is in the tables before the log is read, so that the moment
#: of a recount in between has no words of acted records to compare.
_WORDS = ("审批", "进度", "学校")
COUNT = 500 if os.environ.get("DENGJI_SOAK") else 60
_FROM = """FROM catalogue_item i JOIN registration_registration r ON r.id = i.object_id
LEFT JOIN registration_registrationversion v ON v.registration_id = r.id AND v.number = r.version"""
_BELOW = """(
  SELECT c FROM unnest(i.provinces::text[]) c WHERE cardinality(%(selected)s::text[]) = 0
  UNION ALL SELECT c FROM unnest(i.cities::text[]) c WHERE left(c, 2) = ANY(%(selected)s)
  UNION ALL SELECT c FROM unnest(i.counties::text[]) c WHERE left(c, 4) = ANY(%(selected)s)
     OR left(c, 2) = ANY(%(selected)s) AND NOT left(c, 4) = ANY(i.cities::text[])
)"""


def _where(filters: Mapping[str, Sequence[str]], word: str, without: str = "") -> tuple[str, list[Any]]:
    parts, params = ["TRUE"], []
    for facet, values in filters.items():
        if values and facet != without:
            parts.append(_MET[facet])
            params += [list(values)] * _MET[facet].count("%s")
    if word:
        parts.append(_WORD)
        params.append(word)
    return " AND ".join(parts), params


def _rows(sql: str, params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def recounted(filters: Mapping[str, Sequence[str]], word: str) -> tuple[int, dict[str, dict[str, int]]]:
    """Count by SQL over the items, without anything of the catalogue's own."""
    where, params = _where(filters, word)
    total = _rows(f"SELECT count(*) {_FROM} WHERE {where}", params)[0][0]
    facets = {}
    for facet, (owner, value) in _FACETS.items():
        where_, params_ = _where(filters, word, owner)
        counted = f"SELECT {value} AS value {_FROM} WHERE {where_}"
        facets[facet] = dict(
            _rows(f"SELECT value, count(*) FROM ({counted}) t WHERE value IS NOT NULL GROUP BY 1", params_)
        )
    named = {f"p{n}": one for n, one in enumerate(params)}
    for name in named:
        where = where.replace("%s", f"%({name})s", 1)
    regions = f"SELECT c, count(*) {_FROM}, LATERAL {_BELOW} b (c) WHERE {where} GROUP BY 1"
    facets["region"] = dict(_rows(regions, {**named, "selected": list(filters["region"])}))
    return total, facets


def _some(chance: random.Random) -> tuple[dict[str, tuple[str, ...]], str]:
    """Random filters, each value of a random item, so that most find something; now and then a word."""
    items = list(Item.objects.order_by("number").values())
    values = {
        "industry": lambda one: [*one["industries"], *one["sections"]],
        "region": lambda one: [*one["provinces"], *one["cities"], *one["counties"]],
        "type": lambda one: [one["data_type"]],
        "state": lambda one: [one["state"]],
        "year": lambda one: [str(one["year"])],
        "access": lambda one: [one["access_mode"]],
    }
    chosen: dict[str, tuple[str, ...]] = {}
    for facet, read in values.items():
        picked = {v for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 3))) for v in read(chance.choice(items)) if v}
        chosen[facet] = tuple(sorted(chance.sample(sorted(picked), min(len(picked), 3))))
    return chosen, chance.choice(("", "", "", *_WORDS))


@pytest.fixture
def acting(world: w.World) -> Iterator[threading.Event]:
    """Acts of every kind that changes counts, one after another in a thread, each placed and followed."""
    stop, failed = threading.Event(), []

    def act() -> None:
        coded: list[dict[str, Any]] = []
        ends = (kit.cancel, kit.revoke, lambda at, one: kit.suppress(at, "registration", one["registration"]))
        try:
            while not stop.is_set():
                coded.append(w.registered(world, title=f"独一无二客运{len(coded)}"))
                kit.catch_up()
                if len(coded) % 2:
                    kit.change(world, coded[-1], industries=["54", "65"], coverage_regions=["620702", "110000"])
                else:
                    ends[len(coded) // 2 % 3](world, coded[-2])
                kit.catch_up()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=act)
    thread.start()
    yield stop
    stop.set()
    thread.join()
    assert not failed, failed


@pytest.fixture
def world(committed: str, place: Path) -> w.World:
    """A register with some hundreds of records from everywhere; what is done is committed."""
    built = w.build()
    load(built.register, 1500, seed=5)
    kit.catch_up()
    return built


def test_facets_equal_a_recount_while_acts_go_on(world: w.World, acting: threading.Event, keeper: index.Keeper) -> None:
    chance = random.Random(COUNT)
    seen: set[int] = set()
    assert not any(word in str(w.content(world)) for word in _WORDS)
    index.make()
    asked = found = 0
    while asked < COUNT or len(seen) < 4:
        with transaction.atomic():
            # One moment: what the index is brought up to here is what SQL counts here, whatever is done meanwhile.
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            keeper.keep(100_000)
            seen.add(Item.objects.order_by("-position").values_list("position", flat=True)[0])
            for _ in range(10):
                chosen, word = _some(chance)
                hits = index.engine().search(Search(parse(word), Filters(**chosen), near=False))
                total, facets = recounted(chosen, word)
                assert hits.total == total, (chosen, word)
                assert {k: v for k, v in hits.facets.items() if v} == {k: v for k, v in facets.items() if v}, chosen
                found += total > 0
                asked += 1
    acting.set()
    assert found > COUNT // 4
