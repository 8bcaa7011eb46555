"""The confirmation sheet (登记确认单): printed from a receipt alone, which lies inside it (design §5).

Off in the national rulebook, on where a local rule has it; whoever holds a sheet can check it at /verify or offline.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import segno
from django.conf import settings
from django.db.models import Q

from dengji.core.errors import N_
from dengji.core.node import identity
from dengji.law.codes import CodeError, division, region
from dengji.law.record import FIELDS, Field
from dengji.ledger.pure.receipts import Receipt, parse_receipt
from dengji.ledger.pure.stamps import split_stamps
from dengji.registration import receipts
from dengji.registration.api.base import NOTICE

from . import rendering
from .composing import clean, english
from .drawing import freeze
from .gathering import Gone
from .models import Document
from .table import KINDS

STANDARD = "a-3b"
_TITLE = N_("公共数据资源登记确认单")
#: What stands above the items: name in the public part of the entry → label.
_HEAD = {
    "code": N_("登记结果查询码"),
    "serial": N_("登记流水号"),
    "version": N_("版本"),
    "coded_on": N_("赋码日期"),
    "valid": N_("有效期"),
}
_YES = {True: ("是", "yes"), False: ("否", "no")}


def make(document: Document, _inputs: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the sheet of a document's entry as PDF/A-3b, and glyph_missing where a character had to be numbered.

    Raises DomainError receipt_pending until a checkpoint covers the entry; Gone where the content was suppressed.
    """
    if document.entry_index is None:
        raise Gone
    data = receipts.of_entry(document.entry_index).data
    inputs = inputs_of(data, mark=str(document.pk), agency=document.register.agency.name)
    made, substituted = rendering.render_visibly("sheet", inputs, standard=STANDARD)
    freeze(document, inputs)
    document.layout_version = rendering.layout_version("sheet")
    return made, "glyph_missing" if substituted else ""


def inputs_of(data: bytes, *, mark: str, agency: str) -> dict[str, Any]:
    """Return what the layout is given for a receipt; raises Gone where the receipt holds no content (Art. 4)."""
    receipt = parse_receipt(data)
    if receipt.content is None:
        raise Gone
    public: Mapping[str, Any] = receipt.entry["public"]
    told = {**public, "valid": f"{public['valid_from']} – {public['valid_to']}"}
    address = address_of(str(public["code"]), int(public.get("version", 1)))
    return {
        "title": {"zh": _TITLE, "en": english(_TITLE)},
        "demonstration": identity()[1],
        "agency": agency,
        "date": str(public["coded_on"]),
        "short-id": mark,
        "foot": {"zh": NOTICE, "en": english(NOTICE)},
        "code": str(public["code"]),
        "address": address,
        "qr": _qr(address),
        "head": [
            {"zh": label, "en": english(label), "value": str(told[name])}
            for name, label in _HEAD.items()
            if told.get(name)
        ]
        + [{"zh": "登记机构", "en": english("登记机构"), "value": clean(agency)}],
        "rows": rows_of(receipt.content["fields"]),
        "proof": _proof(receipt),
        "receipt": data.decode(),
    }


def address_of(code: str, version: int) -> str:
    """Return what the QR code holds: the verification page of this node, or the code alone where it has no address."""
    base = settings.DENGJI_PUBLIC_URL.rstrip("/")
    return f"{base}/verify?{urlencode({'code': code, 'version': version})}" if base else code


def _qr(text: str) -> str:
    made = io.BytesIO()
    segno.make(text, error="m", micro=False).save(made, kind="svg", border=2, svgns=True, xmldecl=False)
    return made.getvalue().decode()


def rows_of(fields: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the public items in the order of the form: [{zh, en, value, value_en}], the last empty where the same."""
    found = []
    for name, field in FIELDS.items():
        value = fields.get(name)
        if value in (None, "", [], ()):
            continue
        zh, en = _both(name, field, value)
        found.append({"zh": field.label, "en": field.label_en, "value": zh, "value_en": en if en != zh else ""})
    return found


def _both(name: str, field: Field, value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        return _YES[value]
    many = value if isinstance(value, list | tuple) else [value]
    pairs = [_word(name, field, str(one)) for one in many]
    return clean("、".join(zh for zh, _ in pairs)), clean(", ".join(en for _, en in pairs))


def _word(name: str, field: Field, value: str) -> tuple[str, str]:
    if value in field.labels:
        return field.labels[value]["zh"], field.labels[value]["en"]
    try:
        if name == "industries":
            return division(value).name, division(value).name_en
        if name in ("coverage_regions", "registrant_region"):
            return region(value).name, region(value).name
    except CodeError:
        pass
    return value, value


def _proof(receipt: Receipt) -> list[dict[str, str]]:
    origin, size, root, *_rest = split_stamps(receipt.checkpoint)[0].decode().split("\n")
    told = (
        (N_("日志"), origin),
        (N_("记录序号"), str(receipt.index)),
        (N_("检查点条数"), size),
        (N_("检查点根摘要"), root),
    )
    return [{"zh": label, "en": english(label), "value": value} for label, value in told]


def issued(pdf: bytes, index: int) -> bool:
    """Tell whether these very bytes are a sheet that this node issued for an entry of its log, as made or as sealed."""
    digest = hashlib.sha256(pdf).hexdigest()
    kinds = [kind.name for kind in KINDS.values() if kind.layout == "sheet"]
    rows = Document.objects.filter(entry_index=index, kind__in=kinds)
    return rows.filter(Q(sha256=digest) | Q(seals__sha256=digest)).exists()
