"""Sealing (用印): by an adapter, by the test seal of a demonstration, or on paper, whose stamped scan is filed."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.module_loading import import_string
from pypdf import PdfReader, PdfWriter

from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, conflict
from dengji.core.ids import new_id
from dengji.core.node import identity
from dengji.law.rulebook import Rulebook, vocabulary
from dengji.ledger import keyring
from dengji.parties.actor import Actor
from dengji.registration import rules as rulebooks
from dengji.registration.files import recognise
from dengji.registration.services import Upload
from dengji.registration.services.engine import perform

from . import making, rendering, selectors, storing
from .models import Document, Seal, ServiceEvent
from .table import KINDS

#: What a scan of stamped paper may be; the rulebook's list of materials narrows it further.
SCANS = ("pdf", "png", "jpeg")
_MM = 72 / 25.4
_A4 = (595.276, 841.89)
#: The signature of a letter is centred in a box 78 mm wide that ends at the right margin of 26 mm.
_CENTRE = _A4[0] - (26 + 39) * _MM
_BELOW = 4 * _MM


class Adapter(Protocol):
    """A seal (电子印章): named by DENGJI_SEAL_ADAPTER, made without arguments."""

    def seal(self, pdf: bytes, document: Document) -> bytes:
        """Return the sealed bytes, PDF or OFD; raises any exception where it could not be sealed."""


class TestSeal:
    """A visible red stamp that says it has no legal force, with a detached signature by the node's key beside it."""

    __test__ = False  # for pytest the name begins like a test

    def seal(self, pdf: bytes, document: Document) -> bytes:
        """Return the PDF with the stamp over the place of the signature."""
        inputs = making.inputs_of(document)
        layout = KINDS[document.kind].layout
        page, _x, y = rendering.seal_place(layout, inputs) or (1, 0.0, _A4[1] - 60 * _MM)
        writer = PdfWriter(clone_from=io.BytesIO(pdf))
        writer.pdf_header = pdf[:8].decode("ascii", "replace")  # what is merged may need no older version
        size = writer.pages[page - 1].mediabox
        stamp = rendering.render(
            "stamp",
            {
                "agency": str(inputs["agency"]),
                "date": str(inputs["date"]),
                "mark": "测试印章",
                "warning": "无法律效力",
                "x": _CENTRE,
                "y": y + _BELOW,
                "width": float(size.width),
                "height": float(size.height),
            },
        )
        writer.pages[page - 1].merge_page(PdfReader(io.BytesIO(stamp)).pages[0])
        made = io.BytesIO()
        writer.write(made)
        return made.getvalue()


def signed_text(document_id: UUID, sha256: str) -> bytes:
    """Return the text a test seal signs: its name, the document, the digest of the sealed bytes."""
    return f"dengji test seal v1\n{document_id}\nsha256:{sha256}\n".encode()


def adapter() -> Adapter:
    """Return the seal in use; raises DomainError seal_missing (503) where none is set and this is no demonstration."""
    if settings.DENGJI_SEAL_ADAPTER:
        return cast(Adapter, import_string(settings.DENGJI_SEAL_ADAPTER)())
    if identity()[1]:
        return TestSeal()
    raise DomainError(
        "seal_missing",
        N_("本节点未接入电子印章：请打印、盖章后上传扫描件，或者由管理员设置 DENGJI_SEAL_ADAPTER"),
        status=503,
    )


def seal(*, actor: Actor, transaction_id: str, document_id: UUID) -> dict[str, Any]:
    """Put the seal in use on a made document (用印); what was made before stays stored.

    Raises DomainError not_found, document_not_sealable (409), seal_missing (503), seal_failed (502).
    """

    def put(document: Document, kept: list[str]) -> Seal:
        made_by = adapter()
        plain = storing.load(document.pk, document.storage_key, document.sha256)
        try:
            data = made_by.seal(plain, document)
        except DomainError:
            raise
        except Exception as error:
            raise DomainError(
                "seal_failed", N_("电子印章未能用印，请稍后再试，或者改用纸质用印"), status=502
            ) from error
        test = isinstance(made_by, TestSeal)
        row = _row(document, Seal.Kind.TEST if test else Seal.Kind.ADAPTER, data, media_type(data, ("pdf", "ofd")))
        if test:
            signer = keyring.signers()[0]
            signature = signer.signer.sign(signed_text(document.pk, row.sha256))
            told = {"signer": signer.name, "signature": base64.b64encode(signature).decode()}
            row.note = seal_json(told, context=row.pk.bytes)
        kept.append(storing.store(row.pk, data))
        return row

    return _sealed("seal_document", actor, transaction_id, document_id, {}, put)


def seal_on_paper(
    *, actor: Actor, transaction_id: str, document_id: UUID, upload: Upload, note: str = ""
) -> dict[str, Any]:
    """File the scan of a document that was printed and stamped (纸质用印); the unstamped bytes stay stored.

    Raises DomainError not_found, document_not_sealable (409), file_size, file_type.
    """

    def put(document: Document, kept: list[str]) -> Seal:
        content_type = checked_scan(upload, rulebooks.rules_of_register(document.register_id))
        row = _row(document, Seal.Kind.PAPER, upload.data, content_type)
        row.note = seal_json({"note": note[:2000]}, context=row.pk.bytes) if note.strip() else None
        kept.append(storing.store(row.pk, upload.data))
        return row

    request = {"sha256": hashlib.sha256(upload.data).hexdigest(), "note": note}
    return _sealed("seal_document_on_paper", actor, transaction_id, document_id, request, put)


def checked_scan(upload: Upload, rules: Rulebook) -> str:
    """Return the media type of a scan, by content; raises DomainError file_size, file_type."""
    limit = int(rules.get("materials.max_bytes"))
    if not upload.data or len(upload.data) > limit:
        raise DomainError("file_size", N_("文件为空或超过 {limit} 字节"), "file", params={"limit": limit})
    allowed = tuple(one for one in SCANS if one in rules.get("materials.content_types"))
    media = media_type(upload.data, allowed)
    if settings.DENGJI_MALWARE_HOOK:
        import_string(settings.DENGJI_MALWARE_HOOK)(upload.data)
    return media


def locked(actor: Actor, document_id: UUID) -> Document:
    """Lock and return a document that the actor handles; raises DomainError not_found."""
    selectors.get(document_id, actor, "handle")
    return Document.objects.select_for_update(of=("self",), no_key=True).get(pk=document_id)


def media_type(data: bytes, allowed: tuple[str, ...] = SCANS) -> str:
    """Return the media type of bytes by their content; raises DomainError file_type where it is none of these."""
    found = recognise(data)
    if found not in allowed:
        raise DomainError("file_type", N_("不接受此类文件：按文件内容识别，与扩展名无关"), "file")
    return str(vocabulary("content_type")[found]["mime"])


def _row(document: Document, kind: str, data: bytes, content_type: str) -> Seal:
    digest = hashlib.sha256(data).hexdigest()
    return Seal(id=new_id(), document=document, kind=kind, sha256=digest, size=len(data), content_type=content_type)


def _sealed(
    act: str,
    actor: Actor,
    transaction_id: str,
    document_id: UUID,
    request: dict[str, Any],
    put: Callable[[Document, list[str]], Seal],
) -> dict[str, Any]:
    kept: list[str] = []

    def work(at: datetime) -> dict[str, Any]:
        document = locked(actor, document_id)
        if document.state != Document.State.MADE:
            raise conflict("document_not_sealable", N_("只有已制作、尚未用印的文书可以用印"))
        row = put(document, kept)
        row.at, row.by, row.storage_key = at, actor.key, kept[-1]
        row.save(force_insert=True)
        document.state = Document.State.SEALED
        document.save(update_fields=["state"])
        if document.recipient_kind == "registrant":
            ServiceEvent.objects.create(
                document=document,
                channel=ServiceEvent.Channel.IN_SYSTEM,
                event=ServiceEvent.Event.DELIVERED,
                at=at,
                by=actor.key,
            )
        return {"id": str(document.pk), "state": document.state, "seal": row.kind, "sha256": row.sha256}

    return keeping(
        kept,
        lambda: perform(
            act, actor=actor, transaction_id=transaction_id, target=document_id, request=request, work=work
        ),
    )


def keeping(kept: list[str], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call; remove the bytes stored meanwhile where it failed, unless nobody can know whether it did."""
    try:
        return call()
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        for key in kept:
            storing.remove(key)
        raise
