"""Identifiers: UUIDv7, whose order follows the time of creation."""

from __future__ import annotations

import uuid

import uuid_utils


def new_id() -> uuid.UUID:
    """Return a fresh UUIDv7 (RFC 9562)."""
    return uuid.UUID(int=uuid_utils.uuid7().int)
