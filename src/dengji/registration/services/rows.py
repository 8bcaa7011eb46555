"""Many rows of one table in one statement: what they share is sent once, the rest as one array per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
import psycopg
from django.db import connection
from django.db.models import AutoField, Model
from django.db.models.expressions import DatabaseDefault

from dengji.core.models import RememberedResult

#: Columns whose values travel as text because PostgreSQL's arrays of arrays must be rectangular, or json has no array.
_AS_TEXT = {"jsonb": "jsonb", "bigint[]": "bigint[]"}


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


def insert(pattern: Model, varying: Mapping[str, Sequence[Any]], on_conflict: str = "") -> None:
    """Insert one row per element of the varying columns, every other column as in `pattern`.

    Keys are attribute names (`register_id`); json and nested arrays are given as text. All in the caller's transaction.
    """
    if not next(iter(varying.values()), ()):
        return
    types = _types(type(pattern))
    constants = _constants(pattern, varying)
    columns = [f'"{types[name][0]}"' for name in (*constants, *varying)]
    values = [f"%s::{types[name][1]}" for name in constants]
    arrays = []
    for number, name in enumerate(varying):
        kind = types[name][1]
        cast = _AS_TEXT.get(kind)
        values.append(f"u.c{number}::{cast}" if cast else f"u.c{number}")
        arrays.append(f"%b::{'text' if cast else kind}[]")
    names = ", ".join(f"c{number}" for number in range(len(varying)))
    statement = (
        f'INSERT INTO "{pattern._meta.db_table}" ({", ".join(columns)}) '  # noqa: S608 - names of our own models
        f"SELECT {', '.join(values)} FROM unnest({', '.join(arrays)}) AS u ({names}) {on_conflict}"
    )
    execute(statement, [*constants.values(), *(list(v) for v in varying.values())])


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
        if ids := self.columns["transaction_id"]:
            insert(self.pattern, {"id": next_ids(RememberedResult, len(ids)), **self.columns})
