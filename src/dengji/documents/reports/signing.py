"""What of a report is signed: a text of four lines, so that anybody with the log's published key can check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from dengji.core.canonical import canonical, digest


def digest_of(snapshot: Mapping[str, Any]) -> str:
    """Return `sha256:<hex>` of a snapshot's canonical JSON (RFC 8785)."""
    return digest(canonical(dict(snapshot)))


def note_text(report_id: UUID, snapshot: Mapping[str, Any]) -> bytes:
    """Return the text that is signed. Its first line is no log's origin and its second no size: never a checkpoint."""
    lines = (
        f"{snapshot['origin']}/report",
        f"report {report_id}",
        f"{snapshot['first_day']} {snapshot['last_day']}",
        digest_of(snapshot),
    )
    return ("\n".join(lines) + "\n").encode()
