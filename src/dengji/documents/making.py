"""Makes what has been drawn up: renders, stores, notes digest, size and pages; harmless twice and after any crash."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from pypdf import PdfReader

from dengji.core.clock import real_now
from dengji.core.encryption import unseal_json

from . import rendering, storing
from .drawing import redraw
from .gathering import Gone
from .models import Document
from .table import KINDS

logger = logging.getLogger(__name__)

#: Makes the bytes of a document from its row and inputs; returns them with the code of what was amiss, if anything.
Maker = Callable[[Document, Mapping[str, Any]], tuple[bytes, str]]
#: After so many failures a document waits for a person (`dengji documents make`), who sees its error.
MOST_ATTEMPTS = 8
#: Codes by which a document waits for something that will come by itself: no failure.
_WAITING = frozenset({"receipt_pending", "renderer_missing", "font_missing"})


def _letter(document: Document, inputs: Mapping[str, Any]) -> tuple[bytes, str]:
    data, substituted = rendering.render_visibly("letter", inputs)
    return data, "glyph_missing" if substituted else ""


_MAKERS: dict[str, Maker] = {"letter": _letter}


def add_maker(layout: str, maker: Maker) -> None:
    """Let another module make documents of a layout; until then none of that layout are drawn up."""
    _MAKERS[layout] = maker


def can_make(layout: str) -> bool:
    """Tell whether documents of a layout can be made at all."""
    return layout in _MAKERS


def inputs_of(document: Document) -> dict[str, Any]:
    """Return the frozen inputs of a document, empty where they were lawfully removed."""
    if document.inputs is None:
        return {}
    found: dict[str, Any] = unseal_json(document.inputs, context=document.pk.bytes)
    return found


def make_due(limit: int = 50, *, again: bool = False) -> int:
    """Make what waits, the oldest first; return how many were made. What fails waits, and the others go on.

    `again` tries also what has failed too often to be tried by itself.
    """
    if rendering.missing() is not None:
        return 0
    waiting = Document.objects.filter(state=Document.State.MAKING)
    if not again:
        waiting = waiting.filter(attempts__lt=MOST_ATTEMPTS)
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])
    return sum(make_one(pk) for pk in ids)


def make_one(document_id: UUID) -> bool:
    """Make one document; return whether it was made. A failure is noted by its code, and tried again later."""
    try:
        return _make(document_id)
    except Exception as error:
        code = getattr(error, "code", None) or type(error).__name__
        logger.warning("documents: %s: %s", document_id, code)
        rows = Document.objects.filter(pk=document_id, state=Document.State.MAKING)
        rows.update(error=code[:60], attempts=F("attempts") + (0 if code in _WAITING else 1))
        return False


def _make(document_id: UUID) -> bool:
    stored = ""
    try:
        with transaction.atomic():
            rows = Document.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
            document = rows.filter(pk=document_id, state=Document.State.MAKING).first()
            if document is None:
                return False
            layout = KINDS[document.kind].layout
            if layout == "letter" and document.inputs is None and not redraw(document):
                return _gone(document)
            try:
                data, amiss = _MAKERS[layout](document, inputs_of(document))
            except Gone:
                return _gone(document)
            stored = _keep(document, data)
            document.error = amiss
            document.save()
    except (OperationalError, InterfaceError):
        raise  # nobody knows whether the row is there; bytes without a row are harmless, a row without bytes is not
    except Exception:
        storing.remove(stored)
        raise
    return True


def _gone(document: Document) -> bool:
    document.state, document.suppressed_at = Document.State.VOID, document.at
    document.save(update_fields=["state", "suppressed_at"])
    return False


def _keep(document: Document, data: bytes) -> str:
    """Store the bytes and note them in the row; what was there before goes once the row is certain."""
    if document.storage_key:
        transaction.on_commit(partial(storing.remove, document.storage_key), robust=True)
    document.storage_key = storing.store(document.pk, data)
    document.sha256 = hashlib.sha256(data).hexdigest()
    document.size = len(data)
    document.pages = len(PdfReader(io.BytesIO(data)).pages)
    document.state = Document.State.MADE
    document.made_at = real_now()
    return document.storage_key
