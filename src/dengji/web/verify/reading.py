"""What somebody wants verified, read from what they typed, scanned or uploaded; nothing of it is stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest

from dengji.core.errors import DomainError
from dengji.documents import carried, sheets
from dengji.ledger.pure.errors import LedgerError
from dengji.registration import queries, receipts

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: Longest text taken: the address in a QR code.
MAX_TEXT = 600


@dataclass(frozen=True)
class Asked:
    """A code, the version it was shown with, and the host of the address it came in where that is not this node."""

    code: str
    version: int | None = None
    elsewhere: str = ""


def own_host(request: HttpRequest) -> str:
    """Return the host under which this node is known: of DENGJI_PUBLIC_URL, else the one that was asked."""
    return urlsplit(settings.DENGJI_PUBLIC_URL).netloc.lower() or request.get_host().lower()


def read(text: str, host: str) -> Asked:
    """Return what a typed or scanned text asks for: a code, or an address with one in it.

    An address in another host's name is never followed; a look-alike shows as what it is, by its ASCII form (IDNA).
    """
    text = "".join(unicodedata.normalize("NFKC", text).split())[:MAX_TEXT]
    if not _ADDRESS.match(text):
        return Asked(text.strip("/").upper()[:64])
    try:
        parts = urlsplit(text)
        found = parts.netloc.lower()
        query = parse_qs(parts.query, max_num_fields=20)
    except ValueError:
        return Asked("", elsewhere=text[:100])
    code = query.get("code", [""])[0] or unquote(parts.path.rpartition("/r/")[2])
    elsewhere = "" if found == host else (_ascii(found) or text[:100])
    return Asked(code.upper()[:64], number(query.get("version", [""])[0]), elsewhere)


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host.encode("unicode_escape").decode()


def number(text: str) -> int | None:
    """Return a version's number, None for what is none."""
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,8}", text, re.ASCII) else None


def standing(code: str, version: int | None) -> tuple[str, Mapping[str, Any]] | None:
    """Return (how a registration stands now, its page) by code; None for a code this node has not given.

    One of suppressed, revoked, cancelled, expired, superseded (a newer version than `version` is shown), valid.
    """
    if not code or "\0" in code:
        return None
    try:
        found = queries.registration(code)
    except DomainError:
        return None
    if found["state"] in ("REVOKED", "CANCELLED"):
        return str(found["state"]).lower(), found
    if found["suppressed"]:
        return "suppressed", found
    if found["expired"]:
        return "expired", found
    return ("superseded" if version is not None and version < found["version"] else "valid"), found


@dataclass(frozen=True)
class Proof:
    """What a receipt proves (sentences as message and values), or why it proves nothing."""

    good: bool
    code: str
    sentences: tuple[tuple[str, Mapping[str, Any]], ...]
    entry: Mapping[str, Any]
    stamped: bool = False
    size: int = 0
    root: str = ""
    #: Of a confirmation sheet: whether this node issued these very bytes; None for a receipt alone.
    issued: bool | None = None

    @property
    def public(self) -> Mapping[str, Any]:
        """What the entry says in public."""
        found = self.entry.get("public")
        return found if isinstance(found, Mapping) else {}


def prove(data: bytes) -> Proof:
    """Verify the file of a receipt, or of a confirmation sheet with the receipt in it, by this node's keys."""
    try:
        sheet = carried.is_sheet(data)
        report, _receipt, stamped = receipts.check(carried.receipt_in(data) if sheet else data)
    except LedgerError as error:
        return Proof(False, error.code, ((error.message, error.params),), {})
    said = tuple((one.message, one.params) for one in report.statements)
    checkpoint = report.checkpoint
    issued = sheets.issued(data, report.index) if sheet else None
    return Proof(True, "", said, report.entry, stamped, checkpoint.size, checkpoint.root.hex(), issued)


def prove_code(code: str, version: int | None) -> Proof | None:
    """Verify the receipt of a registration (of one version, or as it stands); None while it is being made."""
    try:
        return prove(receipts.of_registration(code, version=version).data)
    except DomainError as error:
        if error.status < 500:
            return None
        return Proof(False, error.code, ((error.message, error.params),), {})
