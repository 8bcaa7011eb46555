"""The form of an entry and of a content object (design §5); pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dengji.core.canonical import canonical, digest, salted_digest, timestamp
from dengji.core.errors import N_

from .pure.errors import refuse
from .pure.tiles import MAX_ENTRY

SALT_BYTES = 32
VERSION = 1


@dataclass(frozen=True)
class Sealed:
    """A private statement with the salt that opens it; the log holds only their digest."""

    salt: bytes
    statement: Mapping[str, Any]

    @property
    def commitment(self) -> str:
        """`sha256:` of salt ‖ JCS(statement)."""
        return salted_digest(self.salt, dict(self.statement))


def new_salt() -> bytes:
    """Return 32 fresh random bytes."""
    return os.urandom(SALT_BYTES)


def entry_body(
    *,
    log: str,
    act: str,
    at: datetime,
    register: str,
    object_kind: str,
    object_id: UUID,
    n: int,
    public: Mapping[str, Any] | None = None,
    sealed: str | None = None,
    to: str | None = None,
    ref: str | None = None,
) -> bytes:
    """Return the canonical bytes of an entry; raises ValueError unless exactly one of public and sealed is given.

    Raises LedgerError entry_too_large beyond the 65 535 bytes that a bundle can hold (C2SP tlog-tiles): once placed,
    such an entry could never be served.
    """
    if (public is None) == (sealed is None):
        raise ValueError("an entry is either public or sealed")
    value: dict[str, Any] = {
        "v": VERSION,
        "log": log,
        "act": act,
        "at": timestamp(at),
        "register": register,
        "object": f"{register}/{object_kind}/{object_id}",
        "n": n,
    }
    if to is not None:
        value["to"] = to
    if ref is not None:
        value["ref"] = ref
    if public is not None:
        value["public"] = dict(public)
    else:
        value["sealed"] = sealed
    body = canonical(value)
    if len(body) > MAX_ENTRY:
        raise refuse("entry_too_large", N_("日志记录有 {size} 字节，超过 {limit}"), size=len(body), limit=MAX_ENTRY)
    return body


def content_body(salt: bytes, fields: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a content object {salt, fields}; the salt as lower-case hex."""
    return canonical({"salt": salt.hex(), "fields": dict(fields)})


def content_address(body: bytes) -> str:
    """Return the `sha256:` address of a content object."""
    return digest(body)
