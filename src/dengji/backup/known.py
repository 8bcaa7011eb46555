"""What others know of this node's log: checkpoints from files and addresses, entries from an export or a server."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dengji.core.errors import N_, DomainError
from dengji.ledger.pure.tiles import ENTRIES, WIDTH, Tile, decode_bundle

_MOST = 64 << 20
_SECONDS = 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A log is where the operator says, nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def _fetch(address: str) -> bytes | None:
    try:
        # http and https only, as `_is_address` found.
        with urllib.request.build_opener(_NoRedirect).open(address, timeout=_SECONDS) as answer:
            data: bytes = answer.read(_MOST + 1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            return None
        raise _unreachable(address) from error
    except OSError as error:
        raise _unreachable(address) from error
    if len(data) > _MOST:
        raise _unreachable(address)
    return data


def _unreachable(place: str) -> DomainError:
    return DomainError("source_unreachable", N_("无法读取 {place}"), status=503, params={"place": place})


def _read(place: str) -> bytes | None:
    if _is_address(place):
        return _fetch(place)
    path = Path(place).expanduser()
    return path.read_bytes() if path.is_file() else None


def checkpoint(place: str) -> bytes:
    """Return the signed note at a file or address, unverified; raises DomainError source_unreachable, OSError."""
    found = _read(place)
    if found is None:
        raise _unreachable(place)
    return found


@dataclass(frozen=True)
class Copy:
    """A copy of the log as static files: an export's directory, or the address of `/log` on a server that mirrors it.

    Nothing in it is trusted; entries are believed only once their root is that of a signed checkpoint.
    """

    place: str

    def _part(self, path: str) -> bytes | None:
        return _read(f"{self.place.rstrip('/')}/{path}")

    def checkpoint(self) -> bytes:
        """Return its newest checkpoint; raises DomainError source_unreachable."""
        return checkpoint(f"{self.place.rstrip('/')}/checkpoint")

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the entries from `start` to before `end`, the size of its checkpoint.

        Raises DomainError source_unreachable where one is missing, LedgerError bundle_malformed.
        """
        for n in range(start // WIDTH, -(-end // WIDTH)):
            width = min(WIDTH, end - n * WIDTH)
            tile = Tile(ENTRIES, n, width)
            data = self._part(tile.path)
            if data is None:
                raise _unreachable(f"{self.place.rstrip('/')}/{tile.path}")
            yield from decode_bundle(data, width)[max(0, start - n * WIDTH) :]

    def content(self, digest: str) -> bytes | None:
        """Return a content object by the hex of its digest, None where it is not there (suppressed, withheld)."""
        return self._part(f"content/{digest}")
