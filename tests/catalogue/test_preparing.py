"""The second process of making the index anew gives what this one gives, and its death costs nothing but time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from typing import Any

import pytest

from dengji.catalogue import preparing
from tests.catalogue.searching import document


def _rows(count: int, batch: int) -> Iterator[list[tuple[Any, ...]]]:
    rows = []
    for number in range(1, count + 1):
        one = document(number)
        rows.append((
            number, number, one.rank, f"张掖市-客运-第{number}路公交线路", f"示例{number % 7}局", "示例登记机构",
            f"DEMO-{number:08d}", f"甘{number}", "", f"第{number}条简介" * (number % 50), "VALID", "resource", "open",
            2025, one.register,
            ["G"], ["54"], ["62"], ["6207"], ["620702"],
        ))  # fmt: skip
    return (rows[at : at + batch] for at in range(0, count, batch))


def _wanted(count: int) -> dict[int, str]:
    return {number: text for batch in _rows(count, count) for number, text in preparing.write(batch)}


@pytest.mark.parametrize(("count", "batch"), [(1, 1), (2, 1), (500, 100), (2_001, 40)])
def test_the_other_process_gives_the_same_in_the_same_order(
    count: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "WORTH", 1)
    made = [one for found in preparing.written(_rows(count, batch), count) for one in found]
    assert [number for number, _ in made] == list(range(1, count + 1))
    wanted = _wanted(count)
    assert all(len(text) == len(wanted[number]) for number, text in made)
    assert {n: sorted(text) for n, text in made} == {n: sorted(text) for n, text in wanted.items()}
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("after", [0, 1, 30])
def test_if_it_is_killed_the_rest_is_made_here(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "WORTH", 1)
    numbers: list[int] = []
    batches = preparing.written(_rows(2_000, 40), 2_000)
    for at, found in enumerate(batches):
        numbers += [number for number, _ in found]
        if at == after:
            for child in multiprocessing.active_children():
                child.kill()
    assert numbers == list(range(1, 2_001))


def test_whoever_stops_asking_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "WORTH", 1)
    batches = preparing.written(_rows(2_000, 40), 2_000)
    assert next(batches)
    assert multiprocessing.active_children()
    batches.close()
    assert not multiprocessing.active_children()
