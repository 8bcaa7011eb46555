"""The few files that pages take from npm packages, under names of our own; nothing else of a package is served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.utils import matches_patterns
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

#: Address below STATIC_URL → file in DENGJI_FRONT_DIR.
FILES = {
    "vendor/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "vendor/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "vendor/echarts.min.js": "echarts/dist/echarts.common.min.js",
    "vendor/jsqr.js": "jsqr/dist/jsQR.js",
}


class FrontStorage(FileSystemStorage):
    """Reads the files of FILES where the packages have them."""

    def path(self, name: str) -> str:
        """Return the place of a file in its package; the name itself for any other."""
        return str(Path(settings.DENGJI_FRONT_DIR) / FILES.get(name, name))


class FrontFinder(BaseFinder):
    """Finds the files of FILES; those that are not installed are not found (`missing` tells which)."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Find nothing to complain of: a missing file is told when the node starts."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return the place of a file, as one or in a list; an empty list where there is none."""
        place = Path(settings.DENGJI_FRONT_DIR) / FILES[path] if path in FILES else None
        found = [str(place)] if place and place.is_file() else []
        return found if find_all or kwargs.get("all") or not found else found[0]

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FrontStorage]]:
        """Yield every file that is there."""
        storage = FrontStorage()
        ignored = [one for one in ignore_patterns or () if one]
        for name in FILES:
            if Path(storage.path(name)).is_file() and not matches_patterns(name, ignored):
                yield name, storage


def missing() -> list[str]:
    """Return the addresses of the files that pages need and that are not installed."""
    return [name for name, file in FILES.items() if not (Path(settings.DENGJI_FRONT_DIR) / file).is_file()]
