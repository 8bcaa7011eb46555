"""What the catalogue does in the worker."""

from __future__ import annotations

from dengji.registration.services.clockwork import Round

from . import index


def keep(now: Round) -> int:
    """Bring the index up to the items; return how many it took."""
    return index.keeper.keep(now.limit)
