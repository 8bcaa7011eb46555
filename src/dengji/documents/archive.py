"""The archive package of a finished application (归档包): all of its file in one ZIP that is read without Dengji.

It is put together here; `filing` keeps it under its number and removes it when a suppression reaches the case.
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
from dengji.core.errors import N_, DomainError, conflict
from dengji.law.calendar import shanghai_date
from dengji.parties.actor import Actor
from dengji.registration import receipts
from dengji.registration.models import Application, Decision, DecisionDetail, Objection
from dengji.registration.models.cases import CaseBase
from dengji.registration.services import materials

from . import rules as settings
from . import selectors as papers
from . import services
from .composing import clean
from .models import Document

_WHEN = (1980, 1, 1, 0, 0, 0)
_README = """归档包 / Archive package

metadata.xml    案卷元数据 / what the case is (terms of DA/T 46 as far as known / 按所知采用 DA/T 46 的元素名)
decisions.json  全部行为，依次编号 / every act, in order
receipts/       每一行为的日志回执 / the receipt of each act in the log
documents/      制发的文书 / documents issued (PDF)
objections/     异议，各自成卷 / objections, each with decisions, receipts, materials of its own
materials/      最后提交的材料 / materials as last submitted; materials.json: 原文件名 / their names
files.json      文件清单，SHA-256 / every other file with its digest
检查 / To check: python check_archive.py PACKAGE.zip
已依法屏蔽的内容不在包内 / What was lawfully suppressed is not in the package.
"""


def assemble(actor: Actor, row: Application, number: str, retention: str) -> tuple[bytes, dict[str, Any]]:
    """Return (ZIP, {file: {sha256, size}}) of a finished application under its number (档号).

    The same case, number and checkpoint give the same bytes. Raises DomainError archive_not_due (409) while the case
    runs or documents are being made, receipt_pending.
    """
    documents = Document.objects.filter(papers.scope(actor, "handle")).filter(object_id__in=[row.pk, *_voices(row)])
    documents = documents.order_by("pk")
    if row.ended_at is None or documents.filter(state=Document.State.MAKING).exists():
        raise conflict("archive_not_due", N_("案卷尚未办结或者文书尚在制作，不能归档"))
    files = {"README.txt": _README.encode()} | _of_case(row, actor, "application", "")
    for pk in _voices(row):
        files |= _of_case(Objection.objects.get(pk=pk), actor, "objection", f"objections/{pk}/")
    for document in documents.exclude(state=Document.State.VOID):
        content_type, data = services.bytes_of(document)
        ending = {"application/pdf": "pdf"}.get(content_type, "bin")
        files[f"documents/{document.kind}-{document.pk}.{ending}"] = data
    files["metadata.xml"] = _metadata(row, number, retention)
    listed = {name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()}
    files["files.json"] = _json(listed)
    return _zip(files), listed


def _voices(row: Application) -> list[UUID]:
    return list(Objection.objects.filter(application_id=row.pk).order_by("pk").values_list("pk", flat=True))


def _of_case(row: CaseBase, actor: Actor, kind: str, folder: str) -> dict[str, bytes]:
    """Decisions, receipts and materials of a case, and of an objection what was said and by whom."""
    files = _decisions(row, actor, folder) | _materials(row, actor, kind, folder)
    if isinstance(row, Objection):
        told = {
            "objector_kind": row.objector_kind,
            "identity": _unsealed(row, row.identity),
            "grounds": _unsealed(row, row.grounds),
            "relation": row.relation,
            "lodged_at": row.lodged_at.isoformat(),
            "outcome": row.state,
        }
        files[f"{folder}objection.json"] = _json(told)
    return files


def _unsealed(row: Objection, sealed: bytes | memoryview | None) -> Any:
    return unseal_json(sealed, context=row.pk.bytes) if sealed is not None else None


def _metadata(row: Application, number: str, retention: str) -> bytes:
    """What the case is: our own terms, and those of DA/T 46 for electronic records as far as known (assumed)."""
    root = ElementTree.Element("archive", {"version": "2"})
    ended = row.ended_at
    values = {
        "number": number,
        "case": row.pk,
        "kind": row.kind,
        "title": row.name,
        "registrant": row.registrant_name,
        "register": row.register_id,
        "outcome": row.state,
        "code": row.code,
        "ended_at": ended.isoformat() if ended else "",
        "retention": retention,
    }
    terms = {
        "聚合层次": "卷",
        "立档单位名称": row.register.agency.name,
        "档号": number,
        "年度": shanghai_date(ended).year if ended else "",
        "保管期限": settings.retention_label(retention),
        "题名": row.name,
        "文件编号": row.serial,
        "责任者": row.registrant_name,
        "日期": shanghai_date(ended).isoformat() if ended else "",
        "计算机文件格式": "ZIP",
    }
    for name, value in values.items():
        ElementTree.SubElement(root, name).text = clean(str(value))
    described = ElementTree.SubElement(root, "described", {"terms": "DA/T 46", "sure": "assumed"})
    for name, value in terms.items():
        ElementTree.SubElement(described, "term", {"name": name}).text = clean(str(value))
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _decisions(row: CaseBase, actor: Actor, folder: str) -> dict[str, bytes]:
    files, told = {}, []
    for one in Decision.objects.filter(object_kind=row.OBJECT, object_id=row.pk).order_by("n"):
        made = receipts.of_decision(actor=actor, model=type(row), object_id=row.pk, n=one.n)
        files[f"{folder}receipts/{one.n:04d}.json"] = made.data
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
    return {**files, f"{folder}decisions.json": _json(told)}


def _words(decision: Decision) -> Any:
    detail = DecisionDetail.objects.filter(pk=decision.detail_id).first() if decision.detail_id else None
    return unseal_json(detail.data, context=decision.object_id.bytes) if detail is not None else None


def _materials(row: CaseBase, actor: Actor, kind: str, folder: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    names = {}
    for one in materials.list_materials(actor=actor, owner_kind=kind, owner_id=row.pk):
        path = f"{folder}materials/{one['id']}"
        try:
            files[path] = materials.read_material(actor=actor, material_id=UUID(one["id"]))[1]
        except DomainError as error:
            if error.code != "file_suppressed":
                raise
            continue
        names[path] = {"kind": one["kind"], "name": one["name"], "content_type": one["content_type"]}
    return {**files, f"{folder}materials.json": _json(names)}


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
