"""What `submit` freezes: the version, its digest, and the personal fields apart, under a salted digest of their own.

A version's digest covers fields, request, materials and the digest of the personal fields. That one's salt lies sealed
beside them: once they are lawfully deleted, what stays behind confirms no guess of a name or a telephone number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dengji.core.canonical import plain, salted_digest
from dengji.core.encryption import seal_json, unseal_json
from dengji.law import record
from dengji.ledger.entries import new_salt

from .models import Application, Material, Version, VersionPrivate


def freeze(
    row: Application, content: Mapping[str, Any], request: Mapping[str, Any], number: int, at: datetime
) -> tuple[Version, VersionPrivate | None]:
    """Return a version and its sealed personal fields, not yet stored (R5)."""
    clear, private = record.split_personal(content)
    materials = [
        {"id": str(pk), "kind": kind, "sha256": sha256, "size": size}
        for pk, kind, sha256, size in Material.objects.filter(owner_id=row.pk, removed_at=None)
        .order_by("pk")
        .values_list("pk", "kind", "sha256", "size")
    ]
    version = Version(
        application=row,
        number=number,
        fields=clear,
        request=dict(request),
        materials=materials,
        salt=new_salt(),
        at=at,
    )
    sealed = None
    if private:
        salt = new_salt()
        version.private_digest = salted_digest(salt, plain(private))
        data = seal_json({"salt": salt.hex(), "fields": private}, context=row.pk.bytes)
        sealed = VersionPrivate(version=version, data=data)
    version.digest = digest_of(version)
    return version, sealed


def digest_of(version: Version) -> str:
    """Return the digest that a stored version should bear; meaningless once it is suppressed and its salt gone."""
    return _digest(version, version.private_digest or {})


def _digest(version: Version, private: str | Mapping[str, Any]) -> str:
    frozen = {
        "fields": version.fields,
        "private": private,
        "request": version.request,
        "materials": version.materials,
    }
    return salted_digest(bytes(version.salt), plain(frozen))


def personal_of(version: Version) -> dict[str, Any]:
    """Return the personal fields of a version, none where there are none or they were lawfully deleted."""
    row = VersionPrivate.objects.filter(version=version).first()
    return _opened(version, row)[1] if row else {}


def agrees(version: Version, sealed: VersionPrivate | None) -> bool:
    """Tell whether a version, not suppressed, is what its digest says; personal fields where they are still there.

    Of versions frozen before the personal fields had a digest of their own, only the whole can be told.
    """
    salt, fields = _opened(version, sealed) if sealed else (b"", {})
    if version.private_digest:
        same = sealed is None or salted_digest(salt, plain(fields)) == version.private_digest
        return same and digest_of(version) == version.digest
    return _digest(version, fields) == version.digest


def _opened(version: Version, row: VersionPrivate) -> tuple[bytes, dict[str, Any]]:
    """The salt and the fields; versions without a digest of their own for them hold the fields alone."""
    held = unseal_json(row.data, context=version.application_id.bytes)
    return (bytes.fromhex(held["salt"]), held["fields"]) if version.private_digest else (b"", held)
