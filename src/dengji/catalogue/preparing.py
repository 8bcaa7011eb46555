"""The second process of making the index anew: it cuts the texts while the first one reads rows and writes the index.

It touches neither database nor index, so it needs no lock and nothing of it is left when either process is killed.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from itertools import chain, repeat
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import orjson

from . import documents

Row = tuple[Any, ...]
#: An item's number and its document as the index reads it.
Written = tuple[int, str]
#: Fewer items than this are done sooner than a process is started.
WORTH = 20_000
_AHEAD = 3


def written(rows: Iterator[list[Row]], expected: int) -> Generator[list[Written], None, None]:
    """Yield batch for batch what `layout.fields` makes of rows of `documents.rows_after_number`.

    In a second process where `expected` rows are worth it and there is a core for it; if it dies, here.
    """
    if expected < WORTH or (os.cpu_count() or 1) < 2:
        return (write(batch) for batch in rows)
    return _in_process(rows)


def write(rows: list[Row]) -> list[Written]:
    """Return each row's number and its document as JSON."""
    from .engines.layout import fields

    made = map(documents.of_row, rows)
    return [(one.number, orjson.dumps(fields(one)).decode()) for one in made]


def _in_process(rows: Iterator[list[Row]]) -> Generator[list[Written], None, None]:
    ours, theirs = Pipe()
    forked = sys.platform == "linux" and threading.active_count() == 1
    context = get_context("fork").Process if forked else get_context("spawn").Process
    child = context(target=_serve, args=(theirs, ours if forked else None), daemon=True)
    child.start()
    theirs.close()
    waiting: deque[list[Row]] = deque()
    alive = True
    with closing(ours):
        try:
            for batch in chain(rows, repeat(None)):
                if batch is not None:
                    waiting.append(batch)
                    alive = alive and _sent(ours, batch)
                    if len(waiting) < _AHEAD:
                        continue
                if not waiting:
                    return
                made = _received(ours) if alive else None
                alive = made is not None
                here = waiting.popleft()
                yield write(here) if made is None else made
        finally:
            child.kill()
            child.join()


def _sent(pipe: Connection, batch: list[Row]) -> bool:
    try:
        pipe.send_bytes(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))
    except OSError:
        return False
    return True


def _received(pipe: Connection) -> list[Written] | None:
    """Return the next batch; None where the other process has gone."""
    try:
        return pickle.loads(pipe.recv_bytes())  # type: ignore[no-any-return]  # noqa: S301 - our own child wrote it
    except (EOFError, OSError):
        return None


def _serve(pipe: Connection, other_end: Connection | None) -> None:
    if other_end is None:
        import django

        django.setup()
    else:
        _let_go(other_end)
    gc.disable()  # documents are trees: counting references frees them
    asked: SimpleQueue[bytes] = SimpleQueue()
    # Reads on while an answer waits to be taken: else each process could wait for the other to read.
    threading.Thread(target=_hear, args=(pipe, asked), daemon=True).start()
    with suppress(OSError):  # nobody is reading any more
        while True:
            made = write(pickle.loads(asked.get()))  # noqa: S301 - our own parent wrote it
            pipe.send_bytes(pickle.dumps(made, pickle.HIGHEST_PROTOCOL))


def _hear(pipe: Connection, asked: SimpleQueue[bytes]) -> None:
    try:
        while True:
            asked.put(pipe.recv_bytes())
    except (EOFError, OSError):
        # Nobody is writing any more. At once, for a copy also holds the locks of who made it.
        os._exit(0)


def _let_go(other_end: Connection) -> None:
    """Close what the copy must not hold open: else neither it nor the server would notice the first process gone."""
    from django.db import connection

    other_end.close()
    if connection.connection is not None and not connection.connection.closed:
        os.close(connection.connection.pgconn.socket)
