"""Statements of every act: prepared ones, and plain INSERT and UPDATE of one model row.

The ORM builds its statements anew each time, which costs more than running them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import JSONField, Model
from django.db.models.expressions import DatabaseDefault
from psycopg.types.json import Jsonb

from .postgresql.base import DatabaseWrapper

M = TypeVar("M", bound=Model)


def prepared() -> CursorWrapper:
    """Return a cursor whose statements PostgreSQL plans once: for single statements whose text is always the same."""
    return cast(DatabaseWrapper, connection).prepared()


@lru_cache(maxsize=64)
def _reading(model: type[Model]) -> tuple[list[str], list[tuple[int, list[Any], Any]]]:
    """(attributes, (place, converters, expression) of those columns whose values the ORM converts)."""
    fields = model._meta.concrete_fields
    columns = [field.get_col(model._meta.db_table) for field in fields]
    converters = [
        (i, [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)], column)
        for i, column in enumerate(columns)
    ]
    return [field.attname for field in fields], [found for found in converters if found[1]]


def row_of(model: type[M], values: Sequence[Any]) -> M:
    """Return the model instance of a row that holds every column in the model's order."""
    names, converters = _reading(model)
    plain = list(values)
    for i, chain, expression in converters:
        for convert in chain:
            plain[i] = convert(plain[i], expression, connection)
    return model.from_db(connection.alias, names, plain)


@lru_cache(maxsize=256)
def _select(model: type[Model], wanted: tuple[str, ...]) -> str:
    known = {field.attname: f'"{field.column}"' for field in model._meta.concrete_fields}
    columns, where = ", ".join(known.values()), " AND ".join(f"{known[name]} = %s" for name in wanted)
    return f'SELECT {columns} FROM "{model._meta.db_table}" WHERE {where}'  # noqa: S608


def find(model: type[M], **wanted: Any) -> M | None:
    """Return the row in which these columns, a key of the model, have these values; None where there is none."""
    with prepared() as cursor:
        cursor.execute(_select(model, tuple(wanted)), list(wanted.values()))
        values = cursor.fetchone()
    return row_of(model, values) if values is not None else None


@lru_cache(maxsize=64)
def _columns(model: type[Model]) -> tuple[tuple[str, str, bool], ...]:
    """(attribute, column, is JSON) of every column of a model."""
    return tuple((f.attname, str(f.column), isinstance(f, JSONField)) for f in model._meta.concrete_fields)


@lru_cache(maxsize=256)
def _insert(model: type[Model], columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join(["%s"] * len(columns))
    key = model._meta.pk.column
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places}) RETURNING "{key}"'  # noqa: S608


def insert(row: Model) -> None:
    """Insert one row as it stands, leaving to the database its key and defaults, and set the key it gives."""
    names: list[str] = []
    values: list[Any] = []
    for attribute, column, is_json in _columns(type(row)):
        value = getattr(row, attribute)
        if isinstance(value, DatabaseDefault) or (value is None and column == row._meta.pk.column):
            continue
        names.append(column)
        values.append(Jsonb(value) if is_json else value)
    with prepared() as cursor:
        cursor.execute(_insert(type(row), tuple(names)), values)
        row.pk = cursor.fetchone()[0]
    row._state.adding = False
    row._state.db = connection.alias


@lru_cache(maxsize=256)
def _update(model: type[Model], attributes: tuple[str, ...]) -> str:
    columns = {name: f.column for f in model._meta.concrete_fields for name in (f.attname, f.name)}
    setting = ", ".join(f'"{columns[name]}" = %s' for name in attributes)
    return f'UPDATE "{model._meta.db_table}" SET {setting} WHERE "{model._meta.pk.column}" = %s'  # noqa: S608


def update(row: Model, attributes: Sequence[str]) -> None:
    """Write some plain columns (no JSON) of one row; foreign keys by their `_id` attribute."""
    if not attributes:
        return
    values: list[Any] = [getattr(row, name) for name in attributes]
    with prepared() as cursor:
        cursor.execute(_update(type(row), tuple(attributes)), [*values, row.pk])
