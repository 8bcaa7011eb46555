"""Files to import, and the world they are imported into."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import xlsxwriter

from dengji.imports.cells import ADOPTION
from dengji.imports.services import Order
from dengji.law.record import FIELDS
from dengji.registration.generator import adoption_rows, generate
from tests.factories import world as w


def heading(name: str) -> str:
    """The Chinese heading of a column."""
    return ADOPTION[name][0] if name in ADOPTION else FIELDS[name].label


def cell(name: str, value: Any) -> Any:
    """A value as a person would type it into a table."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "；".join(str(cell(name, v)) for v in value)
    labels = FIELDS[name].labels if name in FIELDS else {}
    return labels[value]["zh"] if isinstance(value, str) and value in labels else value


def table(records: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    """Headings and rows of a table that holds the records."""
    records = list(records)
    names = list(dict.fromkeys(name for record in records for name in record))
    rows = [[cell(name, record[name]) if name in record else "" for name in names] for record in records]
    return [[heading(name) for name in names], *rows]


def as_csv(records: Iterable[Mapping[str, Any]], encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    """The records as .csv."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(table(records))
    return buffer.getvalue().encode(encoding)


def as_xlsx(records: Iterable[Mapping[str, Any]]) -> bytes:
    """The records as .xlsx."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(table(records)):
            sheet.write_row(number, 0, row)
    return buffer.getvalue()


def as_jsonl(records: Iterable[Mapping[str, Any]]) -> bytes:
    """The records as .jsonl."""
    return b"\n".join(orjson.dumps(dict(record)) for record in records)


class Ground:
    """A world with one register and one registrant, and made-up records for it."""

    def __init__(self) -> None:
        self.world = w.build()

    def records(self, n: int, seed: int = 5, start: int = 0) -> list[dict[str, Any]]:
        """Records of the world's registrant that pass every check."""
        unit = self.world.registrant
        registrant = {"name": unit.name, "credit_code": unit.credit_code, "region": "620700"}
        return list(generate(n, seed, start, registrant=registrant))

    def adopted(self, n: int, seed: int = 6) -> list[dict[str, Any]]:
        """Registrations of other platforms, without personal fields."""
        rows = adoption_rows(n, seed)
        return [{k: v for k, v in row.items() if not k.startswith("contact_")} for row in rows]

    def order(self, kind: str = "drafts", **more: Any) -> Order:
        """What is wanted of a file."""
        unit = self.world.registrant.pk if kind == "drafts" else None
        return Order(self.world.register.pk, kind, unit, **more)


@pytest.fixture
def ground(db: None) -> Ground:
    """A world in a transaction that is rolled back."""
    return Ground()


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """A function that puts bytes into a file and returns its path."""

    def put(data: bytes, name: str = "file") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return put
