"""Many rows of one table in one statement, column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import repeat
from typing import Any
from uuid import UUID

import orjson
import psycopg
from django.db import connection
from django.db.models import AutoField, Model
from django.db.models.expressions import DatabaseDefault
from psycopg.types.json import Jsonb

from dengji.core.models import RememberedResult


@lru_cache(maxsize=64)
def _types(model: type[Model]) -> dict[str, tuple[str, str]]:
    """Return attribute name → (column, PostgreSQL type) of a model's own columns."""
    return {
        f.attname: (str(f.column), str(f.rel_db_type(connection) if f.is_relation else f.db_type(connection)))
        for f in model._meta.local_concrete_fields
    }


def _constants(pattern: Model, varying: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the columns whose value all rows take from the pattern; those the database fills are left out."""
    found = {}
    for f in pattern._meta.local_concrete_fields:
        value = getattr(pattern, f.attname)
        if f.attname in varying or isinstance(value, DatabaseDefault) or isinstance(f, AutoField):
            continue
        found[f.attname] = f.get_db_prep_save(value, connection)
    return found


def insert(pattern: Model, varying: Mapping[str, Sequence[Any]]) -> None:
    """Copy in one row per element of the varying columns, every other column as in `pattern`.

    Keys are attribute names (`register_id`); json and arrays are given as text. All in the caller's transaction; a
    copy writes many rows at once where an INSERT writes them one by one.
    """
    if not next(iter(varying.values()), ()):
        return
    types, constants = _types(type(pattern)), _constants(pattern, varying)
    names = ", ".join(f'"{types[name][0]}"' for name in (*varying, *constants))
    columns: list[Iterable[str]] = [[_TEXT[type(value)](value) for value in values] for values in varying.values()]
    if constants:
        columns.append(repeat("\t".join(map(_constant, constants.values()))))
    lines = "\n".join(map("\t".join, zip(*columns)))  # noqa: B905 - the constants have no end
    connection.ensure_connection()
    statement = f'COPY "{pattern._meta.db_table}" ({names}) FROM STDIN'
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(statement) as copy,
    ):
        copy.write(lines)


def _constant(value: Any) -> str:
    """Django wraps some values in kinds of their own."""
    return next(write for kind, write in _TEXT.items() if isinstance(value, kind))(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _hex(data: bytes) -> str:
    return "\\\\x" + data.hex()


def _json(value: Jsonb) -> str:
    return _escaped(orjson.dumps(value.obj).decode())


#: How PostgreSQL's COPY writes a value of each kind.
_TEXT: dict[type, Callable[[Any], str]] = {
    str: _escaped,
    bytes: _hex,
    bool: lambda value: "t" if value else "f",
    int: str,
    UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    Jsonb: _json,
    type(None): lambda _: "\\N",
}


def insert_missing(pattern: Model, varying: Mapping[str, Sequence[Any]]) -> None:
    """Insert like `insert`, passing over what is there already; columns as they are bound, no json, no arrays."""
    types, constants = _types(type(pattern)), _constants(pattern, varying)
    columns = [f'"{types[name][0]}"' for name in (*constants, *varying)]
    values = [f"%s::{types[name][1]}" for name in constants] + [f"u.c{number}" for number in range(len(varying))]
    arrays = [f"%b::{types[name][1]}[]" for name in varying]
    names = ", ".join(f"c{number}" for number in range(len(varying)))
    execute(
        f'INSERT INTO "{pattern._meta.db_table}" ({", ".join(columns)}) '  # noqa: S608 - names of our own models
        f"SELECT {', '.join(values)} FROM unnest({', '.join(arrays)}) AS u ({names}) ON CONFLICT DO NOTHING",
        [*constants.values(), *(list(v) for v in varying.values())],
    )


def execute(statement: str, parameters: Sequence[Any]) -> None:
    """Run a statement with values bound at the server, which keeps large arrays binary (Django interpolates)."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters)


def fetch(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return all rows of a query whose values are bound at the server, `%b` for arrays in binary."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def next_ids(model: type[Model], count: int) -> list[int]:
    """Return fresh values of a model's identity column, in order."""
    pk = model._meta.pk
    column = pk.column if pk is not None else "id"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [model._meta.db_table, column, count],
        )
        return [row[0] for row in cursor.fetchall()]


class Results:
    """The remembered results of one batch, by which a repeated row finds what it became."""

    def __init__(self, actor: str, act: str) -> None:
        self.pattern = RememberedResult(actor=actor, act=act)
        self.columns: dict[str, list[Any]] = {"transaction_id": [], "request_digest": [], "result": []}

    def add(self, transaction_id: str, digest: bytes, result: Mapping[str, Any]) -> None:
        """Remember one row's result."""
        self.columns["transaction_id"].append(transaction_id)
        self.columns["request_digest"].append(digest)
        self.columns["result"].append(orjson.dumps(result).decode())

    def write(self) -> None:
        """Insert them all."""
        insert(self.pattern, self.columns)
