"""Digests of chunks on all cores, of files that stand still.

Threads, because reading and hashing let go of the interpreter lock, and because threads die with their process:
after a kill -9 no orphan goes on reading.
"""

from __future__ import annotations

import errno
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dengji.core.errors import N_

from . import construction
from .errors import EvidenceError, refuse
from .walk import Found, Walk, stamp, unreadable

_BUFFER = 1024 * 1024
#: The coarsest clock of file times: within it two writes leave the same time behind.
_TICK = 0.02
#: How often files that change while they are read are read again.
_ROUNDS = 3
_PAUSE = 0.3
#: No such file, a link in its place, a folder in its way.
_GONE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)

Task = tuple[Found, int]
Progress = Callable[[int, int], None]
"""(bytes done, bytes in all), called now and then from the calling thread."""


class _ChangedError(Exception):
    """The file is not the one that was found."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Plan:
    """How to hash: algorithms, size of a chunk in bytes, threads."""

    algorithms: tuple[str, ...]
    chunk_size: int = construction.CHUNK_SIZE
    workers: int = field(default_factory=cores)

    def tasks(self, one: Found) -> Iterator[Task]:
        """Yield the chunks of a file."""
        return ((one, index) for index in range(construction.chunks(one.size, self.chunk_size)))

    def length(self, one: Found, index: int) -> int:
        """Return the bytes of a chunk."""
        return min(self.chunk_size, one.size - index * self.chunk_size)


class Digests:
    """What is known by now: (name, chunk) → the file's stamp and its digests, 32 bytes for each algorithm."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[bytes, bytes]] = {}

    def put(self, name: str, index: int, mark: bytes, digest: bytes) -> None:
        """Remember a chunk of the file that had this stamp."""
        self._known[name, index] = (mark, digest)

    def get(self, one: Found, index: int) -> bytes | None:
        """Return the digests of a chunk of exactly this file, or None."""
        mark, digest = self._known.get((one.name, index), (b"", b""))
        return digest if mark == one.stamp else None

    def of(self, one: Found, plan: Plan) -> list[bytes]:
        """Return the digests of all chunks of a file that has been hashed."""
        return [self.get(*task) or b"" for task in plan.tasks(one)]


def _open(one: Found) -> int:
    try:
        # Without O_NONBLOCK a pipe put in the file's place would hang us.
        handle = os.open(one.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _GONE:
            raise _ChangedError from None
        raise unreadable(one.path, error) from error
    return handle


def _unchanged(handle: int, one: Found) -> os.stat_result:
    status = os.fstat(handle)
    if stamp(status) != one.stamp:
        raise _ChangedError
    return status


def _chunk(one: Found, index: int, plan: Plan, buffer: memoryview, stop: threading.Event) -> bytes:
    handle = _open(one)
    try:
        status = _unchanged(handle, one)
        if 0 <= time.time() - status.st_ctime_ns / 1e9 < _TICK:
            time.sleep(_TICK)
        at, rest = index * plan.chunk_size, plan.length(one, index)
        hashers = [construction.hasher(name)() for name in plan.algorithms]
        while rest and not stop.is_set():
            count = os.preadv(handle, [buffer[: min(len(buffer), rest)]], at)
            if not count:
                raise _ChangedError
            for each in hashers:
                each.update(buffer[:count])
            at, rest = at + count, rest - count
        _unchanged(handle, one)
        return b"".join(each.digest() for each in hashers)
    except OSError as error:
        raise unreadable(one.path, error) from error
    finally:
        os.close(handle)


def _work(tasks: Iterator[Task], lock: threading.Lock, plan: Plan, done: Any, stop: threading.Event) -> None:
    buffer = memoryview(bytearray(_BUFFER))
    while not stop.is_set():
        with lock:
            task = next(tasks, None)
        if task is None:
            break
        try:
            done.put((*task, _chunk(*task, plan, buffer, stop)))
        except _ChangedError:
            done.put((*task, None))
        except Exception as error:
            done.put((*task, error))
    done.put(None)


def run(tasks: Iterable[Task], plan: Plan) -> Iterator[tuple[Found, int, bytes | None]]:
    """Yield each chunk with its digests as they come, in no order; None for a file that is not as it was found.

    Raises EvidenceError for a file that cannot be read; the threads then end within one buffer.
    """
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop, lock, shared = threading.Event(), threading.Lock(), iter(tasks)
    args = (shared, lock, plan, done, stop)
    threads = [threading.Thread(target=_work, args=args, daemon=True) for _ in range(max(1, plan.workers))]
    for thread in threads:
        thread.start()
    try:
        running = len(threads)
        while running:
            answer = done.get()
            if answer is None:
                running -= 1
            elif isinstance(answer[2], Exception):
                raise answer[2]
            else:
                yield answer
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _changing(walked: Walk, todo: list[Task]) -> EvidenceError:
    names = sorted({one.name for one, _ in todo})
    text = N_("{count} 个文件在读取时不断变化，例如 {name}；请停止写入，或对导出的副本存证")
    return refuse("evidence_changing", text, count=len(names), name=names[0])


def settle(
    look: Callable[[], Walk],
    wanted: Callable[[Walk], Iterable[Found]],
    plan: Plan,
    known: Digests,
    *,
    keep: Callable[[Found, int, bytes], None] | None = None,
    progress: Progress | None = None,
) -> Walk:
    """Hash until a last look finds exactly the files whose digests are known; return what that look found.

    `look` walks the files, `wanted` chooses those to hash, `keep` is told each new chunk. Files that change, appear or
    vanish meanwhile are read again, three rounds at the most. Raises EvidenceError for files that never stand still,
    or that cannot be read.
    """
    for attempt in range(_ROUNDS + 1):
        if attempt > 1:
            time.sleep(_PAUSE)
        walked = look()
        chosen = list(wanted(walked))
        todo = [task for one in chosen for task in plan.tasks(one) if known.get(*task) is None]
        if not todo:
            return walked
        if attempt == _ROUNDS:
            break
        total = sum(one.size for one in chosen)
        finished = total - sum(plan.length(*task) for task in todo)
        for one, index, digest in run(todo, plan):
            finished += plan.length(one, index)
            if digest is not None:
                known.put(one.name, index, one.stamp, digest)
                if keep:
                    keep(one, index, digest)
            if progress:
                progress(finished, total)
    raise _changing(walked, todo)
