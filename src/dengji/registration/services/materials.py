"""Files: checked by content, digested, encrypted, stored; removed only from drafts and never overwritten (R51)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError
from django.utils.module_loading import import_string

from dengji.core.encryption import seal, seal_json, unseal, unseal_json
from dengji.core.errors import N_, DomainError, forbidden, not_found
from dengji.core.ids import new_id
from dengji.law.rulebook import Rulebook, vocabulary
from dengji.parties.access import log_read
from dengji.parties.actor import Actor

from .. import inspection, rules, selectors
from ..files import recognise
from ..models import Application, Decision, Material, Objection, Registration
from ..models.cases import CaseBase
from .engine import lock, perform, wrong_state

_REGISTRANT = frozenset({"clerk", "agent", "interested_party", "business_reviewer", "importer"})
#: Whoever prepares a file, or holds it jointly, sees what is not yet submitted.
_INSIDE = _REGISTRANT | {"co_registrant"}
#: The handling officers and the objector alone know who objects (design §4).
KNOW_OBJECTOR = frozenset({"objection_officer", "agency_supervisor", "objector"})
#: The material by which an agent proves its mandate (委托代理书).
_LETTER = "agency_letter"
_AGENCY_KINDS = frozenset({"revocation_investigation", "registrant_statement"})
_OWNERS: dict[str, type[CaseBase]] = {
    "application": Application,
    "registration": Registration,
    "objection": Objection,
}


@dataclass(frozen=True)
class Upload:
    """A file as it arrived: its name and its bytes."""

    name: str
    data: bytes


def describe(upload: Upload) -> dict[str, Any]:
    """Return {sha256, size} of an upload, what a decision may say of it."""
    return {"sha256": hashlib.sha256(upload.data).hexdigest(), "size": len(upload.data)}


def store(upload: Upload, *, kind: str, owner_kind: str, owner_id: UUID, actor: Actor, rules: Rulebook) -> Material:
    """Check, encrypt and store one file for an object; raises DomainError for kind, size, type or number of files.

    Only within `unstoring`, which removes the stored bytes again where the surrounding act fails.
    """
    if kind not in vocabulary("material"):
        raise DomainError("material_kind", N_("没有这种材料"), "kind")
    if not upload.data or len(upload.data) > int(rules.get("materials.max_bytes")):
        raise DomainError(
            "file_size",
            N_("文件为空或超过 {limit} 字节"),
            "file",
            params={"limit": int(rules.get("materials.max_bytes"))},
        )
    content_type = recognise(upload.data)
    if content_type not in rules.get("materials.content_types"):
        raise DomainError("file_type", N_("不接受此类文件：按文件内容识别，与扩展名无关"), "file")
    if Material.objects.filter(owner_id=owner_id, removed_at=None).count() >= int(rules.get("materials.max_files")):
        raise DomainError("file_count", N_("文件数量已达上限"), "file")
    if settings.DENGJI_MALWARE_HOOK:
        import_string(settings.DENGJI_MALWARE_HOOK)(upload.data)
    material = Material(
        id=new_id(),
        owner_kind=owner_kind,
        owner_id=owner_id,
        kind=kind,
        content_type=vocabulary("content_type")[content_type]["mime"],
        size=len(upload.data),
        sha256=hashlib.sha256(upload.data).hexdigest(),
        added_by=actor.key,
    )
    material.name_sealed = seal_json({"name": upload.name[:255]}, context=material.pk.bytes)
    path = f"{material.pk.hex[-2:]}/{material.pk.hex}"
    material.storage_key = default_storage.save(path, ContentFile(seal(upload.data, context=material.pk.bytes)))
    _stored.get().append(material.storage_key)
    material.save(force_insert=True)
    return material


_stored: ContextVar[list[str]] = ContextVar("files stored by the act under way")


@contextmanager
def unstoring() -> Iterator[None]:
    """Around an act that stores files: remove them again where the act fails.

    Where the server is lost nobody can know whether the act was done; then they stay, encrypted.
    """
    token = _stored.set([])
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        for key in _stored.get():
            default_storage.delete(key)
        raise
    finally:
        _stored.reset(token)


def _owner(owner_kind: str, owner_id: UUID, actor: Actor) -> CaseBase:
    model = _OWNERS.get(owner_kind)
    if model is None:
        raise not_found()
    return lock(model, owner_id, actor)


def _may_add(owner: CaseBase, kind: str, roles: frozenset[str]) -> None:
    if isinstance(owner, Application):
        if not roles & _REGISTRANT:
            raise forbidden(article="7")
        if owner.state not in ("DRAFT", "SUPPLEMENT", "BUSINESS_REVIEW"):
            raise wrong_state()
    elif isinstance(owner, Registration):
        allowed = {"agency_supervisor"} if kind in _AGENCY_KINDS else set()
        if kind == "registrant_statement":
            allowed |= {"clerk", "business_reviewer"}
        if not roles & allowed:
            raise forbidden(article="20")
    elif not roles & {"objection_officer", "objector"}:
        raise forbidden(article="12")
    elif owner.ended_at is not None:
        raise wrong_state()


def add_material(
    *, actor: Actor, transaction_id: str, owner_kind: str, owner_id: UUID, kind: str, upload: Upload
) -> dict[str, Any]:
    """Attach one file to an application, a registration or an objection (R51).

    Raises DomainError file_size, file_type, file_count, material_kind, forbidden, wrong_state, not_found.
    """

    def work(at: datetime) -> dict[str, Any]:
        owner = _owner(owner_kind, owner_id, actor)
        roles = selectors.fit_roles(actor, owner)
        if isinstance(owner, Registration) and owner.organisation_id in actor.organisations(
            "clerk", "business_reviewer"
        ):
            roles |= {"clerk"}
        _may_add(owner, kind, roles)
        rulebook = (
            rules.rules_of(owner) if isinstance(owner, Application) else rules.rules_of_register(owner.register_id)
        )
        row = store(upload, kind=kind, owner_kind=owner_kind, owner_id=owner_id, actor=actor, rules=rulebook)
        if kind == _LETTER and isinstance(owner, Application) and not owner.mandated:
            owner.mandated = True
            owner.save(update_fields=["mandated"])
        return {
            "id": str(row.pk),
            "kind": kind,
            "sha256": row.sha256,
            "size": row.size,
            "content_type": row.content_type,
        }

    with unstoring():
        return perform(
            "add_material",
            actor=actor,
            transaction_id=transaction_id,
            target=owner_id,
            request={"owner_kind": owner_kind, "kind": kind, "name": upload.name, **describe(upload)},
            work=work,
        )


def remove_material(*, actor: Actor, transaction_id: str, material_id: UUID) -> dict[str, Any]:
    """Take a file off a draft; versions that froze it keep it (R5). Raises DomainError wrong_state, not_found."""

    def work(at: datetime) -> dict[str, Any]:
        material = Material.objects.filter(pk=material_id, removed_at=None, owner_kind="application").first()
        if material is None:
            raise not_found()
        owner = lock(Application, material.owner_id, actor)
        _may_add(owner, material.kind, selectors.roles_for(actor, owner))
        material.removed_at = at
        material.save(update_fields=["removed_at"])
        _mandate_without(owner, material.kind)
        return {"id": str(material.pk), "removed": True}

    return perform(
        "remove_material", actor=actor, transaction_id=transaction_id, target=material_id, request={}, work=work
    )


def _mandate_without(owner: Application, kind: str) -> None:
    """A draft that an agent opened leaves the organisation's sight again with its last letter of authority."""
    if kind == _LETTER and owner.agent_id and not owner.version and _LETTER not in inspection.material_kinds(owner.pk):
        opened = Decision.objects.filter(object_id=owner.pk, act="create_application", role="agent")
        owner.mandated = not opened.exists()
        owner.save(update_fields=["mandated"])


def list_materials(*, actor: Actor, owner_kind: str, owner_id: UUID) -> list[dict[str, Any]]:
    """Return what files an object holds, for those who may see the object.

    Outside the registrant, an application holds what was last submitted. The name an objector gave to a file may tell
    who objects: it is shown to those alone who may know (design §4).
    """
    model = _OWNERS.get(owner_kind)
    if model is None:
        raise not_found()
    owner = selectors.get(model, owner_id, actor)
    roles = selectors.fit_roles(actor, owner)
    held = Material.objects.filter(owner_id=owner_id)
    if isinstance(owner, Application) and not roles & _INSIDE:
        held = held.filter(pk__in=_frozen(owner, number=owner.version))
    else:
        held = held.filter(removed_at=None)
    named = not isinstance(owner, Objection) or bool(roles & KNOW_OBJECTOR)
    return [
        {
            "id": str(m.pk),
            "kind": m.kind,
            "name": _name(m) if named else "",
            "content_type": m.content_type,
            "size": m.size,
            "sha256": m.sha256,
            "added_at": m.added_at,
        }
        for m in held.order_by("pk")
    ]


def _name(material: Material) -> str:
    """The name a file came with; none once it is suppressed."""
    if material.suppressed_at is not None:
        return ""
    return str(unseal_json(material.name_sealed, context=material.pk.bytes).get("name", ""))


def _frozen(owner: Application, **which: int) -> set[str]:
    """The ids of the files that the submitted versions of an application hold, of all or of one."""
    versions = owner.versions.filter(**which).values_list("materials", flat=True)
    return {file["id"] for files in versions for file in files}


def read_material(*, actor: Actor, material_id: UUID) -> tuple[Mapping[str, Any], bytes]:
    """Return (description, plain bytes) of a file; the reading is logged (R62). Raises DomainError not_found.

    An objector's evidence is seen only by the handling officers and the objector (design §4); files of an application,
    outside the registrant, once they are submitted.
    """
    material = Material.objects.filter(pk=material_id).first()
    if material is None or material.owner_kind not in _OWNERS:
        raise not_found()
    owner = selectors.get(_OWNERS[material.owner_kind], material.owner_id, actor)
    roles = selectors.fit_roles(actor, owner)
    if isinstance(owner, Objection) and not roles & KNOW_OBJECTOR:
        raise not_found()
    if isinstance(owner, Application) and not roles & _INSIDE and str(material.pk) not in _frozen(owner):
        raise not_found()
    if material.suppressed_at is not None:
        raise DomainError("file_suppressed", N_("此文件已依法屏蔽"), status=410, article="4")
    log_read(
        actor=actor.key,
        what="material",
        object_id=material.pk,
        object_kind="material",
        register_id=owner.register_id,
    )
    with default_storage.open(material.storage_key) as file:
        data = unseal(file.read(), context=material.pk.bytes)
    if hashlib.sha256(data).hexdigest() != material.sha256:
        raise DomainError("file_damaged", N_("文件已损坏：与登记时的摘要不符"), status=500)
    return {"name": _name(material), "content_type": material.content_type, "kind": material.kind}, data
