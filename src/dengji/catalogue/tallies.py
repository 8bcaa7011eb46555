"""From what an item was to what it is: the changes that statistics add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection

_ADD = """
INSERT INTO catalogue_tally (day, register_id, dimension, value, data_type, state, delta)
SELECT * FROM unnest(%s::date[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])
ON CONFLICT (dimension, value, register_id, data_type, state, day)
DO UPDATE SET delta = catalogue_tally.delta + excluded.delta, changed_at = now()
"""


@dataclass(frozen=True)
class Counted:
    """What of an item is counted."""

    register_id: UUID
    data_type: str
    state: str
    access_mode: str
    sections: tuple[str, ...]
    industries: tuple[str, ...]
    provinces: tuple[str, ...]
    cities: tuple[str, ...]
    counties: tuple[str, ...]

    def places(self) -> Iterator[tuple[str, str]]:
        """Yield the (dimension, value) pairs in which the item counts once."""
        yield "all", ""
        if self.access_mode:
            yield "access", self.access_mode
        for value in self.sections:
            yield "section", value
        for value in self.industries:
            yield "industry", value
        for value in (*self.provinces, *self.cities, *self.counties):
            yield "region", value


@dataclass(frozen=True)
class Change:
    """One item at one Shanghai day: what it was, where it was anything, and what it became."""

    day: date
    before: Counted | None
    after: Counted


def add(changes: Iterable[Change]) -> None:
    """Add changes to the statistics, in the caller's transaction."""
    sums: Counter[tuple[date, UUID, str, str, str, str]] = Counter()
    for change in changes:
        for counted, sign in ((change.before, -1), (change.after, 1)):
            if counted is None:
                continue
            for dimension, value in counted.places():
                sums[change.day, counted.register_id, dimension, value, counted.data_type, counted.state] += sign
    # In one order, so that two who add at once cannot block each other.
    rows = sorted((*key, delta) for key, delta in sums.items() if delta)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [list(column) for column in zip(*rows, strict=True)])
