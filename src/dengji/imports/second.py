"""The second process of an import: it reads, checks and compares while the first one writes: each has a core."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dengji.core.errors import N_, DomainError
from dengji.core.tables import file_error

if TYPE_CHECKING:
    from .checking import Plan, Row


def in_process(path: Path, plan: Plan) -> Iterator[list[Row]]:
    """Yield the batches of `checked`, made in a second process; raises what `checked` raises.

    The child waits when it is ahead, and ends by itself when this process is gone.
    """
    ours, theirs = Pipe(duplex=False)
    forked = _may_fork()
    process = get_context("fork").Process if forked else get_context("spawn").Process
    from django.db import connection

    given = pickle.dumps((plan, connection.settings_dict))
    child = process(target=_feed, args=(theirs, ours if forked else None, str(path), given), daemon=True)
    child.start()
    theirs.close()
    coming: Future[Any] | None = None
    with closing(ours), ThreadPoolExecutor(1) as thread:
        try:
            while True:
                # The next batch is taken in while this one is written, most of which is waiting for the database.
                kind, value = coming.result() if coming else ours.recv()
                if kind == "end":
                    return
                if kind == "error":
                    raise DomainError(**value)
                coming = thread.submit(ours.recv)
                yield value
        except EOFError:
            raise file_error("check_process_died", N_("检查进程意外终止：请重新运行，将从中断处继续"), 500) from None
        finally:
            child.kill()
            child.join()


def _may_fork() -> bool:
    """A copy of this process starts at once; it is safe where no other thread can hold a lock while it is made."""
    return sys.platform == "linux" and threading.active_count() == 1


def _feed(pipe: Connection, other_end: Connection | None, path: str, given: bytes) -> None:
    if other_end is None:
        import django

        django.setup()
    else:
        _let_go(other_end)
    gc.disable()  # rows are trees: counting references frees them
    from django.db import connection

    from .against import compared_beside
    from .checking import checked

    plan, database = pickle.loads(given)  # noqa: S301 - our own parent wrote it
    connection.settings_dict.update(database)
    try:
        with Path(path).open("rb") as stream:
            for batch in compared_beside(checked(stream, plan), plan):
                pipe.send_bytes(pickle.dumps(("rows", batch), pickle.HIGHEST_PROTOCOL))
        pipe.send(("end", None))
    except DomainError as error:
        told = {"code": error.code, "message": error.message, "field": error.field}
        pipe.send(("error", told | {"status": error.status, "params": error.params}))
    except BrokenPipeError:  # nobody is writing any more
        pass


def _let_go(other_end: Connection) -> None:
    """Close what the copy must not hold open: else neither it nor the server would notice the first process gone."""
    from django.db import connection

    other_end.close()
    if connection.connection is not None and not connection.connection.closed:
        os.close(connection.connection.pgconn.socket)
