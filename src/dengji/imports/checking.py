"""From a file to checked rows, in batches, without the database: it may run in a process beside the one that writes.

Only what the register already holds (duplicates, codes taken) is left to the writer.
"""

from __future__ import annotations

import copyreg
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Any, BinaryIO
from uuid import UUID

from dengji.core.errors import DomainError
from dengji.core.tables import read
from dengji.law import checks, record
from dengji.law.calendar import Calendar
from dengji.law.checks import Context, Finding
from dengji.law.checks.parties import CREDIT_CODE, valid_credit_code
from dengji.law.codes import CodeError
from dengji.law.rulebook import Rulebook
from dengji.law.similarity import percent
from dengji.registration.inspection import name_keys
from dengji.registration.services.prepared import AdoptedRow, Defaults, Prepared, Preparer

from . import faults
from .cells import ADOPTION
from .columns import Columns, Reading, map_headings, read_cells, read_object

BATCH = 2000
#: Findings of the law after which a row cannot be stored, not even as a draft.
UNSTORABLE = frozenset({"schema_rule", "unknown_field"})
#: Findings that say the record is there already (R48).
DUPLICATES = frozenset({"duplicate", "duplicate_in_file"})
#: What an adopted registration must say beside its code and dates.
_ADOPTED_NEEDS = ("name", "registrant_name", "registrant_credit_code")
_ADOPTED_MUST = tuple((name, label) for name, (label, _en, _kind, required) in ADOPTION.items() if required)
_MADE_OF = frozenset(name for name, _ in _ADOPTED_MUST)
_SLOTS = 1 << 22


def _read_only(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


# Calendars hold read-only mappings, which pickle cannot carry to the second process by itself.
copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))


@dataclass(frozen=True)
class Plan:
    """What all rows of one import share; travels to the checking process."""

    adoption: bool
    data_type: str
    rulebook: Rulebook
    calendar: Calendar
    today: date
    prefill: Mapping[str, Any] = default(default_factory=dict)
    credit_code: str = ""
    #: Whose names a draft is compared with.
    register_id: UUID | None = None
    defaults: Defaults | None = None
    allow_duplicates: bool = False
    #: Rows up to this one are done; they are read only to know their names.
    after: int = 0
    batch: int = BATCH

    def context(self) -> Context:
        """Return the surroundings of a check; materials are attached to the draft later, so none counts as missing."""
        required = (self.rulebook.get(f"materials.required.first.{kind}", ()) for kind in checks.DATA_TYPES)
        attached = frozenset(material for kinds in required for material in kinds)
        return Context(self.rulebook, "first", self.today, None, attached, (), self.calendar)


@dataclass
class Row:
    """One row of the file as far as the file alone can tell; `refused` where it cannot become anything."""

    number: int
    content: dict[str, Any] = default(default_factory=dict)
    findings: list[Finding] = default(default_factory=list)
    refused: bool = False
    example: bool = False
    keys: tuple[bytes, tuple[int, ...]] | None = None
    unknown: tuple[str, ...] = ()
    #: What an adopted row is written as; its content is not wanted any more then.
    prepared: Prepared | None = None


class FileNames:
    """The names seen so far in one file, kept small: exact keys, and all bands in one array."""

    def __init__(self) -> None:
        self._exact: dict[bytes, int] = {}
        self._slots = array("I", bytes(4 * _SLOTS))
        self._names: dict[int, str] = {}

    def look(self, row: Row, threshold: int) -> None:
        """Add to a row what earlier rows of the file say about its name, then remember it."""
        if row.keys is None:
            return
        exact, bands = row.keys
        name = str(row.content.get("name", ""))
        first = self._exact.setdefault(exact, row.number)
        if first != row.number:
            row.findings.append(faults.DUPLICATE_IN_FILE.at("name", row=first))
            return
        likely = {self._slots[band % _SLOTS] for band in bands} - {0}
        best = max(((percent(name, self._names[other]), other) for other in likely), default=(0, 0))
        if best[0] >= threshold:
            row.findings.append(faults.NEAR_IN_FILE.at("name", row=best[1], percent=best[0]))
        for band in bands:
            self._slots[band % _SLOTS] = row.number
        self._names[row.number] = name


def checked(stream: BinaryIO, plan: Plan) -> Iterator[list[Row]]:
    """Yield the rows of a file in batches, checked; rows up to `plan.after` are left out. Raises what `read` raises."""
    table = read(stream)
    columns = None if table.form == "jsonl" else map_headings(table.headings, adoption=plan.adoption)
    context, names = plan.context(), FileNames()
    prepare = Preparer(plan.defaults) if plan.defaults else None
    threshold = int(plan.rulebook.get("record.near_duplicate_percent"))
    rows = (
        row
        for number, cells in table.rows
        if (row := _row(number, cells, columns, plan, context, names, threshold, prepare)) and number > plan.after
    )
    # The first batch carries the headings nobody knows, also where the file has no rows.
    head = Row(0, unknown=columns.unknown if columns else (), example=True)
    yield [head]
    while batch := list(islice(rows, plan.batch)):
        yield batch


def _row(
    number: int,
    cells: Any,
    columns: Columns | None,
    plan: Plan,
    context: Context,
    names: FileNames,
    threshold: int,
    prepare: Preparer | None,
) -> Row | None:
    done = number <= plan.after
    if done and plan.adoption:
        return None
    reading = _reading(cells, columns, plan)
    if reading is None:
        return Row(number, findings=[faults.NOT_AN_OBJECT.at()], refused=True)
    if not reading.content and not reading.findings:
        return Row(number, example=True, unknown=reading.unknown) if reading.example else None
    row = Row(number, reading.content, reading.findings, example=reading.example, unknown=reading.unknown)
    if row.example:
        return row
    row.refused = bool(row.findings)
    if prepare is not None:
        _check_adopted(row, plan, prepare)
        return row
    _check_draft(row, plan, context, done=done)
    if not row.refused:
        names.look(row, threshold)
        if not plan.allow_duplicates and any(f.code in DUPLICATES for f in row.findings):
            row.refused = True
    return row


def _reading(cells: Any, columns: Columns | None, plan: Plan) -> Reading | None:
    if columns is not None:
        return read_cells(columns, cells)
    if cells is None:
        return None
    try:
        return read_object(cells, adoption=plan.adoption)
    except DomainError as error:
        return Reading(findings=[faults.refusal(error)])


def _check_draft(row: Row, plan: Plan, context: Context, *, done: bool) -> None:
    row.content = {**plan.prefill, "data_type": plan.data_type, **row.content}
    code = row.content.get("registrant_credit_code")
    if code != plan.credit_code:
        params = {"value": str(code), "expected": plan.credit_code}
        row.findings.append(faults.OTHER_REGISTRANT.at("registrant_credit_code", **params))
        row.refused = True
    if not done:
        row.findings += checks.run(row.content, context)
        row.refused = row.refused or any(f.code in UNSTORABLE for f in row.findings)
    if row.content.get("name") and not row.refused:
        row.keys = name_keys(row.content)


def _check_adopted(row: Row, plan: Plan, prepare: Preparer) -> None:
    """Check only what makes an adoption possible: it was reviewed where it was registered (Art. 14)."""
    given = {name: row.content.pop(name) for name in ADOPTION if name in row.content}
    content, _personal = record.split_personal(row.content)
    content.setdefault("data_type", plan.data_type)
    for name in _ADOPTED_NEEDS:
        if not content.get(name):
            row.findings.append(faults.REQUIRED.at(name, label=record.FIELDS[name].label))
    for name, label in _ADOPTED_MUST:
        if name not in given:
            row.findings.append(faults.REQUIRED.at(name, label=label))
    code = str(content.get("registrant_credit_code", ""))
    if code and not valid_credit_code(code):
        label = record.FIELDS["registrant_credit_code"].label
        row.findings.append(CREDIT_CODE.at("registrant_credit_code", label=label, place=""))
    row.findings += checks.schema_findings(content)
    whole = given.keys() >= _MADE_OF and not any(f.severity == "error" for f in row.findings)
    try:
        if whole:
            row.prepared = prepare(_adopted(content, given))
        elif "code" in given:
            prepare.code(given["code"])
    except DomainError as error:
        of_code = error.__cause__
        found = faults.refusal(of_code, "code") if isinstance(of_code, CodeError) else faults.refusal(error)
        row.findings.append(found)
    row.refused = any(f.severity == "error" for f in row.findings)
    row.content = {}


def _adopted(content: Mapping[str, Any], given: Mapping[str, Any]) -> AdoptedRow:
    return AdoptedRow(
        content=content,
        code=str(given["code"]),
        coded_on=date.fromisoformat(given["coded_on"]),
        valid_from=date.fromisoformat(given["valid_from"]) if "valid_from" in given else None,
        valid_to=date.fromisoformat(given["valid_to"]),
        serial=given.get("serial", "")[:30],
        agency_name=given.get("agency_name", "")[:200],
        agency_level=given.get("agency_level", ""),
        platform_code=given.get("platform_code", "")[:20],
    )
