"""Every table of the node, copied in one snapshot and put back; the schema comes from the migrations.

A backup holds rows alone, never SQL: restoring one can neither run foreign code nor weaken a trigger or a right, and a
dump taken on one major version of PostgreSQL goes into another. It holds what is visible, so a text that was suppressed
before is in none of its pages (docs/adr/0013).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

#: Bytes of COPY text in one member of the archive.
CHUNK = 8 << 20
_LEVEL = 3
MIGRATIONS = "django_migrations"

_TABLES = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a
    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
GROUP BY c.relname ORDER BY c.relname
"""
SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL ORDER BY 1
"""
_KEEPS_FILES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'storage_key' ORDER BY 1
"""
_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1, 2
"""
_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY 1
"""


@dataclass(frozen=True)
class Table:
    """A table and its columns, in the order in which its rows are written."""

    name: str
    columns: tuple[str, ...]

    @property
    def _names(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))

    def copy_out(self) -> sql.Composed:
        return sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(self.name), self._names)

    def copy_in(self) -> sql.Composed:
        return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(self.name), self._names)


def snapshot(connection: psycopg.Connection) -> None:
    """Let everything that is read on this connection from now on be of one moment."""
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute("SELECT 1")


def seen(connection: psycopg.Connection) -> str:
    """Return which transactions this snapshot shows, as `changes.Snapshot` reads it."""
    return "".join(text for (text,) in connection.execute("SELECT pg_current_snapshot()::text").fetchall())


def tables(connection: psycopg.Connection) -> list[Table]:
    """Return every table of the node but the record of its migrations."""
    rows = connection.execute(_TABLES).fetchall()
    return [Table(name, tuple(columns)) for name, columns in rows if name != MIGRATIONS]


def migrations(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Return the migrations that the database has, as (app, name)."""
    return connection.execute("SELECT app, name FROM django_migrations ORDER BY 1, 2").fetchall()


def sequences(connection: psycopg.Connection) -> dict[str, int]:
    """Return the last value of every sequence in use; never below what the snapshot holds."""
    return dict(connection.execute(SEQUENCES).fetchall())


def storage_keys(connection: psycopg.Connection) -> list[str]:
    """Return the names of all stored files that a row of the snapshot refers to, by its column `storage_key`."""
    names = [name for (name,) in connection.execute(_KEEPS_FILES).fetchall()]
    found: set[str] = set()
    for name in names:
        statement = sql.SQL("SELECT storage_key FROM {} WHERE storage_key <> ''").format(sql.Identifier(name))
        found.update(key for (key,) in connection.execute(statement))
    return sorted(found)


def chunks(connection: psycopg.Connection, table: Table) -> Iterator[tuple[int, bytes]]:
    """Yield (number of rows, gzip of their COPY text) of a table, about 8 MiB of text at a time."""
    rows, size, packer, packed = 0, 0, _packer(), bytearray()
    with connection.cursor() as cursor, cursor.copy(table.copy_out()) as copy:
        for row in copy:
            packed += packer.compress(bytes(row))
            rows, size = rows + 1, size + len(row)
            if size >= CHUNK:
                yield rows, bytes(packed) + packer.flush()
                rows, size, packer, packed = 0, 0, _packer(), bytearray()
    if rows:
        yield rows, bytes(packed) + packer.flush()


def _packer() -> Any:
    return zlib.compressobj(_LEVEL, wbits=31)


class Loader:
    """Puts rows back, as the owner of the tables, in one transaction of the caller's.

    Triggers rest meanwhile, and foreign keys and secondary indexes are made again in the end, each over all rows.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.tables = {table.name: table for table in tables(connection)}
        self._foreign_keys = connection.execute(_FOREIGN_KEYS).fetchall()
        self._indexes = connection.execute(_INDEXES).fetchall()

    def begin(self) -> None:
        """Empty every table."""
        self._each("ALTER TABLE {} DISABLE TRIGGER USER")
        names = sql.SQL(", ").join(map(sql.Identifier, self.tables))
        self.connection.execute(sql.SQL("TRUNCATE {}").format(names))
        for table, name, _ in self._foreign_keys:
            self._run(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _ in self._indexes:
            self._run(f"DROP INDEX {name}")

    def load(self, table: Table, packed: Iterable[bytes]) -> int:
        """Put rows back from the pieces of one or more gzip streams; return how many.

        Raises psycopg.Error for what does not fit the table.
        """
        unpacker = zlib.decompressobj(wbits=31)
        with self.connection.cursor() as cursor:
            with cursor.copy(table.copy_in()) as copy:
                for piece in packed:
                    copy.write(unpacker.decompress(piece))
                copy.write(unpacker.flush())
            return cursor.rowcount

    def end(self, last_values: dict[str, int]) -> None:
        """Make indexes and foreign keys again, wake the triggers, and let no sequence give a number twice."""
        for _, definition in self._indexes:
            self._run(definition)
        for table, name, definition in self._foreign_keys:
            self._run(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        self._each("ALTER TABLE {} ENABLE TRIGGER USER")
        known = {name for (name,) in self.connection.execute("SELECT sequencename FROM pg_sequences").fetchall()}
        for name, value in last_values.items():
            if name in known:
                self.connection.execute("SELECT setval(quote_ident(%s)::regclass, %s)", [name, value])

    def _each(self, statement: str) -> None:
        for name in self.tables:
            self.connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

    def _run(self, statement: str) -> None:
        # From the catalogue of the database that the migrations have just made, never from the backup.
        self.connection.execute(statement.encode())
