"""What one adopted row becomes, as far as the row alone tells: everything that needs no database (Art. 14).

An import makes these in its checking process, so that the process that writes only fills in who decided and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import orjson

from dengji.core.canonical import canonical
from dengji.core.errors import N_, DomainError
from dengji.law import record
from dengji.law.codes import CodeError, check_code
from dengji.law.visibility import visible
from dengji.ledger.entries import content_address, content_body, new_salt

from .. import inspection
from ..models import Registration
from .batches import shown_ready
from .coding import page_public


@dataclass(frozen=True)
class AdoptedRow:
    """One registration of another platform, with what that platform gave it. Dates are Shanghai days."""

    content: Mapping[str, Any]
    code: str
    coded_on: date
    valid_to: date
    valid_from: date | None = None
    serial: str = ""
    agency_name: str = ""
    agency_level: str = ""
    platform_code: str = ""


@dataclass(frozen=True)
class Defaults:
    """What a row is given where it says nothing of its own, and whether the node is a demonstration."""

    agency_name: str
    agency_level: str
    platform_code: str
    demonstration: bool


class Prepared(NamedTuple):
    """One adopted registration ready to be written; dates as ISO text, `fields` and `stated` as JSON."""

    code: str
    data_type: str
    serial: str
    name: str
    registrant_name: str
    agency_name: str
    agency_level: str
    platform_code: str
    coded_on: str
    valid_from: str
    valid_to: str
    #: Credit code of the registrant, then what else the row tells of it, in the order of OF_REGISTRANT.
    credit_code: str
    registrant: tuple[str, ...]
    fields: str
    body: bytes
    content: str
    exact: bytes
    bands: str
    stated: bytes
    shown: bytes


#: Column of an organisation, field of the record that tells it, length of the column.
OF_REGISTRANT = (
    ("name", "registrant_name", 200),
    ("kind", "registrant_type", 30),
    ("region_code", "registrant_region", 6),
    ("address", "registrant_address", 200),
)


class Preparer:
    """Prepares the rows of one register, one after another."""

    def __init__(self, defaults: Defaults) -> None:
        self.defaults = defaults
        self._row = Registration(adopted=True, version=1)

    def __call__(self, given: AdoptedRow) -> Prepared:
        """Return a row ready to be written; raises DomainError code_invalid, dates_reversed."""
        row = self._fill(given, self._check(given))
        fields = record.split_personal(given.content)[0]
        body = content_body(new_salt(), visible(fields, "page"))
        address = content_address(body)
        coded_on, valid_from, valid_to = (day.isoformat() for day in (row.coded_on, row.valid_from, row.valid_to))
        data = {
            "code": row.code,
            "version": 1,
            "coded_on": coded_on,
            "valid_from": valid_from,
            "valid_to": valid_to,
            "content": address,
        }
        exact, bands = inspection.name_keys(given.content)
        return Prepared(
            row.code,
            row.data_type,
            row.serial,
            row.name,
            row.registrant_name,
            row.agency_name,
            row.agency_level,
            row.platform_code,
            coded_on,
            valid_from,
            valid_to,
            str(given.content.get("registrant_credit_code", "")).strip().upper(),
            tuple(str(given.content.get(name) or "")[:length] for _, name, length in OF_REGISTRANT),
            orjson.dumps(fields).decode(),
            body,
            address,
            exact,
            "{" + ",".join(map(str, bands)) + "}",
            canonical(data),
            shown_ready(page_public(row, fields, address, adopted=True)),
        )

    def code(self, text: str) -> str:
        """Return a code in normal form; raises DomainError code_invalid."""
        try:
            return check_code(text, demonstration=self.defaults.demonstration)
        except CodeError as error:
            raise DomainError("code_invalid", error.message, "code", article="13", params=error.params) from error

    def _check(self, row: AdoptedRow) -> str:
        code = self.code(row.code)
        if row.valid_to < (row.valid_from or row.coded_on) or (row.valid_from or row.coded_on) < row.coded_on:
            raise DomainError("dates_reversed", N_("赋码日期、有效期起止的先后顺序有误"), "valid_to", article="15")
        return code

    def _fill(self, given: AdoptedRow, code: str) -> Registration:
        """Set one registration's own columns on the row that serves them all."""
        row, content, defaults = self._row, given.content, self.defaults
        row.data_type = str(content.get("data_type") or "resource")
        row.serial, row.code = given.serial, code
        row.name = str(content.get("name", ""))[:200]
        row.registrant_name = str(content.get("registrant_name", ""))[:200]
        row.agency_name = given.agency_name or defaults.agency_name
        row.agency_level = given.agency_level or defaults.agency_level
        row.platform_code = given.platform_code or defaults.platform_code
        row.coded_on, row.valid_from, row.valid_to = given.coded_on, given.valid_from or given.coded_on, given.valid_to
        return row
