"""Messages to followers, signed after RFC 9421 with HMAC-SHA256; the key is derived from the follower's id."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

from dengji.core.clock import real_now
from dengji.core.encryption import keyed_digest

TAG = "dengji-webhook"
COMPONENTS = ("@method", "@target-uri", "content-type", "dengji-delivery", "content-digest")
#: A message older than this is somebody's replay.
VALID = timedelta(minutes=5)


def secret(follower_id: UUID) -> str:
    """Return the key (64 hexadecimal digits, used as text) with which a follower checks that a message is ours."""
    return keyed_digest(b"webhook" + follower_id.bytes).hex()


def challenge(follower_id: UUID) -> str:
    """Return the word that an address sends back to confirm that it wants to be told."""
    return keyed_digest(b"webhook challenge" + follower_id.bytes).hex()[:32]


@dataclass
class _Request:
    """What the library signs."""

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


class _Key(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id: str) -> bytes:
        """Return the follower's key."""
        return secret(UUID(key_id)).encode()


def headers(follower_id: UUID, message_id: UUID, url: str, body: bytes) -> dict[str, str]:
    """Return the headers of one attempt: created now, valid for five minutes, the message's id as nonce.

    Every attempt of one message carries the same Dengji-Delivery, by which a receiver knows a repetition.
    """
    request = _Request(url, body)
    request.headers = {"Content-Type": "application/json", "Dengji-Delivery": str(message_id)}
    now = real_now()
    HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=_Key()).sign(
        request,
        key_id=str(follower_id),
        created=now,
        expires=now + VALID,
        nonce=message_id.hex,
        tag=TAG,
        covered_component_ids=COMPONENTS,
        body=body,
    )
    return dict(request.headers)
