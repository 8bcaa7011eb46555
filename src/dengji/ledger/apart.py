"""Work in a second process on the snapshot of this one, for commands on a machine with more than one core."""

from __future__ import annotations

import copy
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

Result = TypeVar("Result")


def begin(work: Callable[[], Result]) -> Callable[[], Result] | None:
    """Begin work in a forked process; return what waits for its result and raises RuntimeError where there is none.

    To be called in a REPEATABLE READ transaction that is the outermost; the other process reads the same snapshot, and
    writes nothing. None where it cannot be had: one core, no fork, or a transaction within another.
    """
    if (os.cpu_count() or 1) < 2 or not hasattr(os, "fork") or connection.savepoint_ids:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_child, args=(theirs, snapshot, work), daemon=True)
    child.start()
    theirs.close()

    def wait() -> Result:
        try:
            result: Result = ours.recv()
        except EOFError:
            raise RuntimeError("the second process of a check ended without a result") from None
        finally:
            child.join()
            ours.close()
        return result

    return wait


def _child(answer: Connection, snapshot: str, work: Callable[[], Any]) -> None:
    # The inherited connection is the parent's: kept, so that nothing here closes it, and used no more.
    inherited = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = type(inherited)(copy.deepcopy(inherited.settings_dict), DEFAULT_DB_ALIAS)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
        answer.send(work())
    connection.close()
