"""The receipt that a confirmation sheet carries (确认单所附回执), taken out of a file that may be anything."""

from __future__ import annotations

import io
import logging

from pypdf import PdfReader

from dengji.core.errors import N_
from dengji.ledger.pure.errors import refuse
from dengji.ledger.pure.receipts import MAX_BYTES

#: The one attachment of a sheet.
NAME = "receipt.json"


def is_sheet(data: bytes) -> bool:
    """Tell whether a file says that it is a PDF."""
    return data[:5] == b"%PDF-"


def receipt_in(pdf: bytes) -> bytes:
    """Return the receipt inside a confirmation sheet; nothing of it is verified yet.

    Raises LedgerError sheet_malformed for what is no readable PDF or carries anything but one receipt.
    """
    if len(pdf) > MAX_BYTES:
        raise refuse("sheet_malformed", N_("不是本平台出具的确认单：文件过大"))
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells of every oddity of a hostile file
    try:
        found = {name: list(parts) for name, parts in PdfReader(io.BytesIO(pdf)).attachments.items()}
    except Exception as error:  # a hostile PDF may raise anything
        raise refuse("sheet_malformed", N_("不是可以读取的 PDF 文件")) from error
    if set(found) != {NAME} or len(found[NAME]) != 1:
        raise refuse("sheet_malformed", N_("不是本平台出具的确认单：其中没有附带唯一的登记回执"))
    return bytes(found[NAME][0])
