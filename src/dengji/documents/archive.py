"""The archive package of a finished application (归档包): all of its file in one ZIP that is read without Dengji.

A package is put together when asked for and not kept by the node, so nothing of it outlives a suppression here.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

from dengji.core.encryption import unseal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden
from dengji.parties.access import log_read
from dengji.parties.actor import Actor
from dengji.registration import receipts, rules, selectors
from dengji.registration.models import Application, Decision, DecisionDetail
from dengji.registration.services import materials
from dengji.registration.services.engine import refuse_own_file

from . import rules as settings
from . import selectors as papers
from . import services
from .models import Document

_WHEN = (1980, 1, 1, 0, 0, 0)
_README = """归档包 / Archive package

metadata.xml    案卷元数据 / what the case is (names of elements are our own / 元素名为软件自定)
decisions.json  全部行为，依次编号 / every act, in order
receipts/       每一行为的日志回执 / the receipt of each act in the log
documents/      制发的文书 / documents issued (PDF)
materials/      最后提交的材料 / materials as last submitted; materials.json: 原文件名 / their names
files.json      文件清单，SHA-256 / every other file with its digest
检查 / To check: python check_archive.py PACKAGE.zip
已依法屏蔽的内容不在包内 / What was lawfully suppressed is not in the package.
"""


def package(*, actor: Actor, application_id: UUID) -> tuple[str, bytes]:
    """Return (file name, ZIP) of a finished application, for the agency's supervisor; the reading is logged.

    The same case under the same checkpoint gives the same bytes. Raises DomainError not_found, forbidden, own_file,
    archive_not_due (409) while the case runs or documents are being made, receipt_pending.
    """
    row = selectors.get(Application, application_id, actor)
    if row.register_id not in actor.registers("agency_supervisor"):
        raise forbidden()
    refuse_own_file(actor, row)
    documents = Document.objects.filter(papers.scope(actor, "handle"), object_id=row.pk).order_by("pk")
    if row.ended_at is None or documents.filter(state=Document.State.MAKING).exists():
        raise conflict("archive_not_due", N_("当前状态下不能办理此事项"))
    log_read(actor=actor.key, what="archive", object_id=row.pk, object_kind="application", register_id=row.register_id)
    files = {"README.txt": _README.encode(), "metadata.xml": _metadata(row)}
    files |= _decisions(row, actor) | _materials(row, actor)
    for document in documents.exclude(state=Document.State.VOID):
        content_type, data = services.bytes_of(document)
        ending = {"application/pdf": "pdf"}.get(content_type, "bin")
        files[f"documents/{document.kind}-{document.pk}.{ending}"] = data
    listed = {name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()}
    files["files.json"] = _json(listed)
    return f"archive-{row.pk}.zip", _zip(files)


def _metadata(row: Application) -> bytes:
    root = ElementTree.Element("archive", {"version": "1"})
    retention = settings.retention_class(rules.rules_of(row), row.state)
    values = {
        "case": row.pk,
        "kind": row.kind,
        "title": row.name,
        "registrant": row.registrant_name,
        "register": row.register_id,
        "outcome": row.state,
        "code": row.code,
        "ended_at": row.ended_at.isoformat() if row.ended_at else "",
        "retention": retention,
    }
    for name, value in values.items():
        ElementTree.SubElement(root, name).text = str(value)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _decisions(row: Application, actor: Actor) -> dict[str, bytes]:
    files, told = {}, []
    for one in Decision.objects.filter(object_kind=row.OBJECT, object_id=row.pk).order_by("n"):
        made = receipts.of_decision(actor=actor, model=Application, object_id=row.pk, n=one.n)
        files[f"receipts/{one.n:04d}.json"] = made.data
        told.append(
            {
                "n": one.n,
                "object": f"{one.object_kind}/{one.object_id}",
                "act": one.act,
                "actor": one.actor,
                "role": one.role,
                "at": one.at.isoformat(),
                "from_state": one.from_state,
                "to_state": one.to_state,
                "rulebook": one.rulebook,
                "digest": one.digest,
                "words": _words(one),
            }
        )
    return {**files, "decisions.json": _json(told)}


def _words(decision: Decision) -> Any:
    detail = DecisionDetail.objects.filter(pk=decision.detail_id).first() if decision.detail_id else None
    return unseal_json(detail.data, context=decision.object_id.bytes) if detail is not None else None


def _materials(row: Application, actor: Actor) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    names = {}
    for one in materials.list_materials(actor=actor, owner_kind="application", owner_id=row.pk):
        path = f"materials/{one['id']}"
        try:
            files[path] = materials.read_material(actor=actor, material_id=UUID(one["id"]))[1]
        except DomainError as error:
            if error.code != "file_suppressed":
                raise
            continue
        names[path] = {"kind": one["kind"], "name": one["name"], "content_type": one["content_type"]}
    return {**files, "materials.json": _json(names)}


def _json(value: Mapping[str, Any] | list[Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _WHEN)
            info.create_system = 3
            archive.writestr(info, files[name])
    return out.getvalue()
