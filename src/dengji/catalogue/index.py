"""The life of a node's index: found, followed, made anew in the shadow, swapped; one writer, readers without a lock.

`index/current` names the generation that serves; each generation is a directory with the index and `place.json`, the
log index of the last change it holds. A generation is only ever named when it is whole, so a reader finds a whole
index or none, and then reads the tables (`engines/scan.py`).
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

from dengji.core.errors import N_, DomainError, conflict

from . import documents, preparing
from .engines.base import Answering
from .engines.postgres import PostgresEngine
from .engines.scan import ScanEngine
from .models import Item

if TYPE_CHECKING:
    from .engines.tantivy import TantivyEngine

logger = logging.getLogger(__name__)

#: To be raised when the same text would be cut otherwise than before: every node then makes its index anew.
LAYOUT = 2
_READ, _COMMIT = 5_000, 50_000
_APPLY = 2_000
Progress = Callable[[int, int], None]


def root() -> Path:
    """Return the directory of this node's index."""
    return Path(settings.DENGJI_DATA_DIR) / "index"


def by_files() -> bool:
    """True if this node keeps an index of files; else PostgreSQL searches (setting DENGJI_SEARCH, or no wheel)."""
    if settings.DENGJI_SEARCH == "postgres":
        return False
    try:
        import tantivy  # noqa: F401 - asked for its presence alone
    except ImportError:
        return False
    return True


@dataclass
class Place:
    """How far a generation is: the last change it holds; while it is being made, `number` of the last item."""

    position: int
    layout: int = LAYOUT
    number: int = 0
    whole: bool = False

    def write(self, path: Path) -> None:
        """Store it beside the index, whole or not at all."""
        fresh = path / "place.new"
        with fresh.open("w") as file:
            json.dump(vars(self), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path / "place.json")

    @classmethod
    def read(cls, path: Path) -> Place:
        """Read it; raises ValueError where there is none or it is of another layout."""
        try:
            place = cls(**json.loads((path / "place.json").read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise ValueError("no place") from error
        if place.layout != LAYOUT:
            raise ValueError("another layout")
        return place


def _named() -> Path | None:
    """The generation that serves, or None."""
    try:
        name = (root() / "current").read_text().strip()
    except OSError:
        return None
    path = root() / name
    return path if name and path.parent == root() and path.is_dir() else None


def _open(path: Path) -> TantivyEngine:
    """Open a generation; raises ValueError where it is missing, of another layout or broken."""
    from .engines.tantivy import TantivyEngine

    if not Place.read(path).whole:
        raise ValueError("not whole")
    return TantivyEngine.open(path, path.name)


@contextmanager
def _locked(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock of this node's index; yields False where another holds it and we do not wait."""
    root().mkdir(parents=True, exist_ok=True)
    with (root() / name).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            yield False
        else:
            yield True


class _Reader:
    """This process's view of the index, renewed when another process has committed or swapped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] = ()
        self._engine: Answering | None = None
        self._current: tuple[tuple[int, int] | None, Path | None] = None, None

    def engine(self) -> Answering:
        """Return the engine that answers now; never raises."""
        if not by_files():
            return PostgresEngine()
        seen = self._look()
        with self._lock:
            if seen != self._seen or self._engine is None:
                self._engine, self._seen = self._renewed(seen), seen
            return self._engine

    def forget(self) -> None:
        """Open the index anew at the next question."""
        with self._lock:
            self._engine, self._seen, self._current = None, (), (None, None)

    def _look(self) -> tuple[object, ...]:
        """What tells one state of the index from another; asked before every answer, so in two calls of the system."""
        try:
            named = os.stat(f"{settings.DENGJI_DATA_DIR}/index/current")  # noqa: PTH116 - a third of its cost
            # It is only ever replaced, so a file that is the same names the same.
            if self._current[0] != (named.st_ino, named.st_mtime_ns):
                self._current = (named.st_ino, named.st_mtime_ns), _named()
            path = self._current[1]
            meta = os.stat(f"{path}/meta.json") if path else None  # noqa: PTH116
        except OSError:
            return ()
        return (path, meta.st_mtime_ns, meta.st_ino, meta.st_size) if meta else ()

    def _renewed(self, seen: tuple[object, ...]) -> Answering:
        # Twice, because the generation may be swapped between the look and the opening.
        for path in (seen[0] if seen else None, _named()):
            if not isinstance(path, Path):
                continue
            try:
                if self._engine is not None and self._engine.generation == path.name:
                    self._engine.reload()  # type: ignore[attr-defined]  # only files have generations of that name
                    return self._engine
                return _open(path)
            except (ValueError, OSError) as error:
                logger.warning("index: %s", type(error).__name__)
        return ScanEngine()


_reader = _Reader()


def engine() -> Answering:
    """Return what answers searches in this process at this moment."""
    return _reader.engine()


def forget() -> None:
    """Forget the open index; for tests, and after an answer that failed."""
    _reader.forget()


class Keeper:
    """The one process that writes: keeps the index at the items' last change, and makes it anew where it is lost."""

    def __init__(self) -> None:
        self._open: tuple[Path, TantivyEngine] | None = None
        self._making: threading.Thread | None = None

    def keep(self, limit: int) -> int:
        """Take what has changed; return how many items. A lost or broken index is made anew in the background."""
        if not by_files():
            return _fill(limit)
        with _locked("lock"):
            try:
                taken, whole = self._take(*self._writing(), limit)
            except (ValueError, OSError) as error:
                self._drop()
                if "LockBusy" in str(error):  # another process of this node writes
                    return 0
                logger.warning("index: %s, making it anew", error)
                taken, whole = 0, False
        if not whole:
            self._make()
        return taken

    def _writing(self) -> tuple[TantivyEngine, Path]:
        path = _named()
        if path is None:
            raise ValueError("no index")
        if self._open and (self._open[0] != path or not (path / "meta.json").exists()):
            self._drop()
        if self._open is None:
            opened, place = _open(path), Place.read(path)
            held = Item.objects.filter(position__lte=place.position).count()
            if opened.documents < held:
                raise ValueError(f"{opened.documents} documents of {held}")
            self._open = path, opened
        return self._open[1], path

    def _take(self, index: TantivyEngine, path: Path, limit: int) -> tuple[int, bool]:
        """Take what has changed; False where words were hidden, which stay in the files until they are made anew."""
        place, taken, hidden = Place.read(path), 0, False
        while taken < limit and (found := documents.after_position(place.position, min(_APPLY, limit - taken))):
            index.apply(found)
            place.position = found[-1].position
            place.write(path)
            taken += len(found)
            hidden = hidden or any(not one.title for one in found)
        return taken, not hidden

    def _drop(self) -> None:
        self._open = None

    def _make(self) -> None:
        if self._making is None or not self._making.is_alive():
            self._making = threading.Thread(target=_make_quietly, name="dengji-reindex", daemon=True)
            self._making.start()

    def wait(self) -> None:
        """Wait until an index that is being made is there; for tests and a clean end."""
        if self._making is not None:
            self._making.join()


def _make_quietly() -> None:
    try:
        make()
    except DomainError as error:
        if error.code != "index_being_made":
            logger.warning("index: %s", error.code)
    except Exception as error:
        logger.warning("index: %s, trying again later", type(error).__name__)
    finally:
        connection.close()


def make(progress: Progress | None = None, *, fresh: bool = False) -> dict[str, Any]:
    """Make the index anew beside the one that serves, then swap; killed, the next call goes on where this one was.

    Returns {documents, generation}. Raises DomainError index_being_made where another process is at it.
    """
    if not by_files():
        return {"documents": _fill(None, progress, again=True), "generation": PostgresEngine.generation}
    with _locked("making", wait=False) as mine:
        if not mine:
            raise conflict("index_being_made", N_("检索索引正在重建"))
        path, index, place = _shadow(fresh)
        _read_all(path, index, place, progress)
        index.close()
        return _swap(path)


def _shadow(fresh: bool) -> tuple[Path, TantivyEngine, Place]:
    """The generation to be made: one that was begun and not ended, else a new one."""
    from .engines.tantivy import TantivyEngine

    serving = _named()
    for path in sorted(root().glob("g-*")):
        if path == serving:
            continue
        try:
            place = Place.read(path)
            if not fresh and not place.whole:
                return path, TantivyEngine.open(path, path.name), place
        except ValueError:
            pass
        shutil.rmtree(path, ignore_errors=True)
    path = root() / f"g-{uuid.uuid4().hex[:12]}"
    index = TantivyEngine.create(path, path.name)
    # Captured before the first item is read: whatever changes later is taken again at the end.
    last = Item.objects.order_by("-position").values_list("position", flat=True).first()
    place = Place(position=-1 if last is None else last)
    place.write(path)
    return path, index, place


def _read_all(path: Path, index: TantivyEngine, place: Place, progress: Progress | None) -> None:
    total = Item.objects.filter(number__gt=place.number).count()
    done = Item.objects.filter(number__lte=place.number).count() if progress and place.number else 0
    total += done
    # After a kill the index may hold more than the place says, as far as one commit reaches.
    again, waiting = place.number > 0 or index.documents > 0, 0
    with closing(preparing.written(_rows(place.number), total - done)) as batches:
        for found in batches:
            index.add_written((text for _, text in found), again=[n for n, _ in found] if again else ())
            place.number = found[-1][0]
            waiting += len(found)
            done += len(found)
            if waiting >= _COMMIT:
                index.commit()
                place.write(path)
                again, waiting = False, 0
            if progress:
                progress(done, max(total, done))
    index.commit()
    place.write(path)


def _rows(number: int) -> Iterator[list[tuple[Any, ...]]]:
    while found := documents.rows_after_number(number, _READ):
        yield found
        number = found[-1][0]


def _swap(path: Path) -> dict[str, Any]:
    """Take what changed while the shadow was made, then let it serve and remove all others."""
    from .engines.tantivy import TantivyEngine

    with _locked("lock"):
        index, place = TantivyEngine.open(path, path.name), Place.read(path)
        while found := documents.after_position(place.position, _APPLY):
            index.apply(found)
            place.position = found[-1].position
        place.whole = True
        place.write(path)
        held = index.documents
        index.close()
        fresh = root() / "current.new"
        fresh.write_text(path.name)
        fresh.replace(root() / "current")
    for other in root().glob("g-*"):
        if other != path:
            # Whoever reads it has its files open: on POSIX they stay until closed.
            shutil.rmtree(other, ignore_errors=True)
    return {"documents": held, "generation": path.name}


def _fill(limit: int | None, progress: Progress | None = None, *, again: bool = False) -> int:
    """Write the pairs of items changed since the last time, or of all again, for PostgreSQL; return how many."""
    from dengji.ledger.models import Cursor

    total = Item.objects.count() if progress else 0
    cursor, _ = Cursor.objects.get_or_create(consumer="catalogue-grams")
    done = 0
    if again:
        cursor.next_index = 0
    while (limit is None or done < limit) and (found := documents.after_position(cursor.next_index - 1, _APPLY)):
        PostgresEngine().apply(found)
        cursor.next_index = found[-1].position + 1
        cursor.save(update_fields=["next_index"])
        done += len(found)
        if progress:
            progress(done, max(total, done))
    return done


keeper = Keeper()
