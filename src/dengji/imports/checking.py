"""From a file to checked rows, in batches: pure, so that it may run in a process of its own beside the one that writes.

Only what the register already holds (duplicates, codes taken) is left to the writer.
"""

from __future__ import annotations

import copyreg
import multiprocessing
from array import array
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from dengji.core.errors import N_, DomainError
from dengji.law import checks, record
from dengji.law.calendar import Calendar
from dengji.law.checks import Context, Finding
from dengji.law.checks.parties import CREDIT_CODE, valid_credit_code
from dengji.law.codes import CodeError, check_code
from dengji.law.rulebook import Rulebook
from dengji.law.similarity import exact_key, percent, signature

from . import faults
from .cells import ADOPTION
from .columns import Columns, Reading, map_headings, read_cells, read_object
from .readers import read

BATCH = 500
#: Findings of the law after which a row cannot be stored, not even as a draft.
UNSTORABLE = frozenset({"schema_rule", "unknown_field"})
#: Findings that say the record is there already (R48).
DUPLICATES = frozenset({"duplicate", "duplicate_in_file"})
#: What an adopted registration must say beside its code and dates.
_ADOPTED_NEEDS = ("name", "registrant_name", "registrant_credit_code")
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
    demonstration: bool = False
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
    threshold = int(plan.rulebook.get("record.near_duplicate_percent"))
    rows = (
        row
        for number, cells in table.rows
        if (row := _row(number, cells, columns, plan, context, names, threshold)) and number > plan.after
    )
    # The first batch carries the headings nobody knows, also where the file has no rows.
    head = Row(0, unknown=columns.unknown if columns else (), example=True)
    yield [head]
    while batch := list(islice(rows, plan.batch)):
        yield batch


def _row(
    number: int, cells: Any, columns: Columns | None, plan: Plan, context: Context, names: FileNames, threshold: int
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
    if plan.adoption:
        _check_adopted(row, plan)
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


def keys_of(content: Mapping[str, Any]) -> tuple[bytes, tuple[int, ...]]:
    """Return (exact key, band hashes) of a record's name (R48)."""
    name, registrant = str(content.get("name", "")), str(content.get("registrant_name", ""))
    exact = exact_key(name, str(content.get("registrant_credit_code", "")), content.get("coverage_regions") or ())
    return exact, signature(name, registrant)


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
        row.keys = keys_of(row.content)


def _check_adopted(row: Row, plan: Plan) -> None:
    """Check only what makes an adoption possible: it was reviewed where it was registered (Art. 14)."""
    row.content.setdefault("data_type", plan.data_type)
    content = {k: v for k, v in row.content.items() if k not in ADOPTION and k not in record.PERSONAL}
    given = {k: v for k, v in row.content.items() if k in ADOPTION}
    for name in _ADOPTED_NEEDS:
        if not content.get(name):
            row.findings.append(faults.REQUIRED.at(name, label=record.FIELDS[name].label))
    for name, (label, _en, _kind, required) in ADOPTION.items():
        if required and name not in given:
            row.findings.append(faults.REQUIRED.at(name, label=label))
    code = str(content.get("registrant_credit_code", ""))
    if code and not valid_credit_code(code):
        label = record.FIELDS["registrant_credit_code"].label
        row.findings.append(CREDIT_CODE.at("registrant_credit_code", label=label, place=""))
    row.findings += checks.schema_findings(content)
    if "code" in given:
        try:
            given["code"] = check_code(given["code"], demonstration=plan.demonstration)
        except CodeError as error:
            row.findings.append(faults.refusal(error, "code"))
    row.refused = any(f.severity == "error" for f in row.findings)
    row.content = {**content, **given}
    if not row.refused:
        row.keys = keys_of(content)


def in_process(path: Path, plan: Plan) -> Iterator[list[Row]]:
    """Yield the same batches, checked in a second process, so that checking and writing each have a core.

    The child waits when it is ahead, and ends by itself when this process is gone. Raises what `checked` raises.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(target=_feed, args=(theirs, str(path), plan), daemon=True)
    child.start()
    theirs.close()
    with closing(ours):
        try:
            while True:
                kind, value = ours.recv()
                if kind == "end":
                    return
                if kind == "error":
                    raise DomainError(**value)
                yield value
        except EOFError:
            raise faults.file_error(
                "check_process_died", N_("检查进程意外终止：请重新运行，将从中断处继续"), 500
            ) from None
        finally:
            child.kill()
            child.join()


def _feed(pipe: Any, path: str, plan: Plan) -> None:
    try:
        with Path(path).open("rb") as stream:
            for batch in checked(stream, plan):
                pipe.send(("rows", batch))
        pipe.send(("end", None))
    except DomainError as error:
        told = {"code": error.code, "message": error.message, "field": error.field}
        pipe.send(("error", told | {"status": error.status, "params": error.params}))
    except BrokenPipeError:  # nobody is writing any more
        pass
