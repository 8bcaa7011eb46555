"""Bytes of documents, seals and proofs of service: encrypted where materials lie, in a folder of their own."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from dengji.core.encryption import seal, unseal
from dengji.core.errors import N_, DomainError

_FOLDER = "documents"


def store(owner: UUID, data: bytes) -> str:
    """Store bytes under the id of their row, encrypted with it as context; return the storage key."""
    path = f"{_FOLDER}/{owner.hex[-2:]}/{owner.hex}"
    return str(default_storage.save(path, ContentFile(seal(data, context=owner.bytes))))


def load(owner: UUID, storage_key: str, sha256: str) -> bytes:
    """Return the plain bytes; raises DomainError file_damaged where they are not what was stored."""
    with default_storage.open(storage_key) as file:
        data = unseal(file.read(), context=owner.bytes)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DomainError("file_damaged", N_("文件已损坏：与登记时的摘要不符"), status=500)
    return data


def remove(storage_key: str) -> None:
    """Remove stored bytes; nothing happens where they are gone."""
    if storage_key:
        default_storage.delete(storage_key)
