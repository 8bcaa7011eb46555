"""Plain INSERT and UPDATE of one model row: the ORM builds these anew each time, which costs more than running them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import JSONField, Model
from django.db.models.expressions import DatabaseDefault
from psycopg.types.json import Jsonb


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
    with connection.cursor() as cursor:
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
    with connection.cursor() as cursor:
        cursor.execute(_update(type(row), tuple(attributes)), [*values, row.pk])
