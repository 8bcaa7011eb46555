"""What an engine is given of an item: its texts, as far as visibility shows them, and its facet values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from dengji.law.similarity import split_name
from dengji.law.visibility import TABLE

from .text import fold, other_names

#: 检索 shows less than the record page may; what the page shows is enough to be found by.
_SHOWN = {name for name, stages in TABLE.items() if "search" in stages or "page" in stages}


@dataclass(frozen=True, slots=True)
class Document:
    """One item as engines take it. `codes` are its code, serial and local number."""

    number: int
    position: int
    rank: int
    title: str
    registrant: str
    agency: str
    codes: tuple[str, ...]
    intro: str
    state: str
    data_type: str
    access_mode: str
    year: int
    register: str
    sections: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    counties: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """True while the registration is valid; such come first among equals."""
        return self.state == "VALID"


@dataclass(frozen=True, slots=True)
class Cut:
    """A document's folded texts by what they are: each is a run of its own, over whose ends no run goes."""

    title: tuple[str, ...]
    core: str
    registrant: tuple[str, ...]
    agency: tuple[str, ...]
    codes: tuple[str, ...]
    intro: tuple[str, ...]

    @property
    def other(self) -> tuple[str, ...]:
        """Return the names of the agency and the codes."""
        return (*self.agency, *self.codes)

    @property
    def titles(self) -> tuple[str, ...]:
        """Return the title's forms and, last, the part behind 地区-行业- where there is one."""
        return (*self.title, self.core) if self.core else self.title

    @property
    def texts(self) -> tuple[str, ...]:
        """Return all that matches."""
        return (*self.title, *self.registrant, *self.other, *self.intro)


def cut(document: Document) -> Cut:
    """Fold a document's texts; organisations under their short and full names too."""
    title = fold(document.title)
    core = fold(split_name(document.title)[2])
    codes = dict.fromkeys(map(fold, document.codes))
    return Cut(
        title=(title, *other_names(title)) if title else (),
        core=core if core != title else "",
        registrant=_organisation(document.registrant),
        agency=_organisation(document.agency),
        codes=tuple(filter(None, codes)),
        intro=(intro,) if (intro := fold(document.intro)) else (),
    )


@lru_cache(maxsize=16384)
def _organisation(name: str) -> tuple[str, ...]:
    folded = fold(name)
    return (folded, *other_names(folded)) if folded else ()


_SELECT = """
SELECT i.number, i.position, i.rank,
       CASE WHEN i.suppressed THEN '' ELSE r.name END, CASE WHEN i.suppressed THEN '' ELSE r.registrant_name END,
       i.agency, i.code, i.serial, r.local_number,
       CASE WHEN i.suppressed OR v.suppressed_at IS NOT NULL THEN '' ELSE coalesce(v.fields->>'intro', '') END,
       i.state, i.data_type, i.access_mode, i.year, i.register_id::text,
       i.sections, i.industries, i.provinces, i.cities, i.counties
FROM catalogue_item i
JOIN registration_registration r ON r.id = i.object_id
LEFT JOIN registration_registrationversion v ON v.registration_id = r.id AND v.number = r.version
"""


def by_number(numbers: Sequence[int]) -> list[Document]:
    """Return the documents of these items, in order of number."""
    return _read(_SELECT + " WHERE i.number = ANY(%s) ORDER BY i.number", [list(numbers)])


def after_position(position: int, limit: int) -> list[Document]:
    """Return the documents changed after a place in the log, in order of place; at most `limit`."""
    return _read(_SELECT + " WHERE i.position > %s ORDER BY i.position LIMIT %s", [position, limit])


def _read(sql: str, params: list[Any]) -> list[Document]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [of_row(row) for row in cursor]


def rows_after_number(number: int, limit: int) -> list[tuple[Any, ...]]:
    """Return the rows with higher numbers, in order; at most `limit`. For making an index anew, by `of_row`."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT + " WHERE i.number > %s ORDER BY i.number LIMIT %s", [number, limit])
        return list(cursor.fetchall())


def of_row(row: Sequence[Any]) -> Document:
    """Return the document of a row."""
    number, position, rank, title, registrant, agency, code, serial, local, intro = row[:10]
    codes = tuple(str(one) for one in (code, serial, local) if one)
    return Document(
        number, position, rank,
        _shown("name", title), _shown("registrant_name", registrant), agency, codes, _shown("intro", intro),
        *row[10:15], *(tuple(one) for one in row[15:]),
    )  # fmt: skip


def _shown(field: str, text: object) -> str:
    return str(text) if field in _SHOWN else ""
