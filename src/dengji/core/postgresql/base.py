"""The database wrapper that settings name: `prepared()` for every act, and `is_usable` without a statement."""

from __future__ import annotations

import select
from typing import Any, cast

import psycopg
from django.db.backends.postgresql import base, operations
from django.db.backends.utils import CursorWrapper
from psycopg.pq import TransactionStatus

#: Every act's statements, in the variants that empty columns make of them, stay prepared.
_KEPT = 400
_HANGUP = select.POLLIN | select.POLLERR | select.POLLHUP


class DatabaseOperations(operations.DatabaseOperations):
    """Django's operations, which also know what a prepared statement was."""

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """Return the statement with its parameters, for logs of queries."""
        if isinstance(cursor, psycopg.ClientCursor):
            return super().last_executed_query(cursor, sql, params)
        return cast(str, cast(Any, self).compose_sql(sql, params))


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose hottest statements PostgreSQL parses and plans once, not at every act."""

    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a psycopg connection that keeps the statements of every act prepared."""
        connection = super().get_new_connection(conn_params)
        connection.prepared_max = _KEPT
        return connection

    def prepared(self) -> CursorWrapper:
        """Return a cursor whose statements are prepared: one statement each, parameters bound by the server.

        Where the setting says that a pooler stands between, they are bound by the server and not prepared.
        """
        self.ensure_connection()
        with self.wrap_database_errors:
            return cast(CursorWrapper, cast(Any, self)._prepare_cursor(psycopg.Cursor(self.connection)))

    def is_usable(self) -> bool:
        """Tell whether the connection can serve another request.

        A server that ended it has said so, and what it said waits to be read; only then is a statement worth its cost.
        """
        if self.connection is None or self.connection.closed:
            return False
        status = self.connection.pgconn.transaction_status
        quiet = status == TransactionStatus.IDLE and not self.errors_occurred
        if quiet and not _has_news(self.connection.fileno()):
            return True
        return bool(super().is_usable())


def _has_news(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, _HANGUP)
    return bool(poll.poll(0))
