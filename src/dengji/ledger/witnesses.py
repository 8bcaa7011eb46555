"""The client of C2SP tlog-witness: shows each new checkpoint to the witnesses and keeps their cosignatures."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from django.conf import settings

from . import checkpointing, outbound, proofs
from .models import SignedCheckpoint

_SIZE_DIGITS = 19
#: The size at which a witness last saw the log, by address; it tells again where this process does not know.
_seen: dict[str, int] = {}


def addresses() -> list[str]:
    """Return the witnesses' submission prefixes from DENGJI_WITNESS_URLS, one a word."""
    return [url.rstrip("/") for url in str(getattr(settings, "DENGJI_WITNESS_URLS", "") or "").split()]


def request_body(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the body of `add-checkpoint`: the size last seen, the proof from there, an empty line, the checkpoint."""
    lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{lines}\n".encode() + note


def ask(url: str, row: SignedCheckpoint) -> int:
    """Ask one witness to cosign a checkpoint; return how many cosignatures of configured witnesses were stored.

    A witness that knows another size answers 409 with it and is asked once more. Raises DomainError
    anchor_unreachable for every other answer, and what `accept_cosignatures` raises.
    """
    old = min(_seen.get(url, 0), row.size)
    reply = _submit(url, old, row)
    if reply.status == 409 and (known := _size(reply.body)) is not None and known <= row.size:
        old = known
        reply = _submit(url, old, row)
    if reply.status != 200:
        _seen.pop(url, None)
        raise outbound.unreachable()
    accepted = checkpointing.accept_cosignatures(bytes(row.note) + reply.body)
    _seen[url] = row.size
    return accepted


def _submit(url: str, old: int, row: SignedCheckpoint) -> outbound.Reply:
    # From nothing to something there is nothing to prove (C2SP tlog-witness).
    proof = proofs.consistency(old, row.size) if 0 < old < row.size else []
    return outbound.post(f"{url}/add-checkpoint", request_body(old, proof, bytes(row.note)), "text/plain")


def _size(body: bytes) -> int | None:
    text = body.decode("ascii", "replace").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _SIZE_DIGITS else None


def due(url: str, row: SignedCheckpoint) -> bool:
    """Whether a witness has not cosigned this checkpoint yet, as far as this process knows."""
    return _seen.get(url) != row.size


def forget() -> None:
    """Drop what this process knows of the witnesses."""
    _seen.clear()
