"""Made-up records for tests and benchmarks: any number, all different, valid, the same on every machine.

Nothing here stands for real data: units get credit codes whose inner check digit is wrong on purpose, so that they can
belong to nobody, contacts are 示例, and each record says 生成数据 in its other identifiers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib import resources
from itertools import islice
from math import gcd
from typing import TYPE_CHECKING, Any

from dengji.law.codes import DEMONSTRATION_PREFIX, DIVISIONS, format_serial, make_credit_code, regions

if TYPE_CHECKING:
    from collections.abc import Callable

    from dengji.parties.models import Register

_MASK = (1 << 64) - 1
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
#: GB 11714 weights of the organisation part of a credit code.
_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_FIRST_DAY = date(2025, 3, 3)
_CODED_DAYS = 540
_TERM_DAYS = 1095
#: So often may a place have the same title, each as a numbered issue.
_ISSUES = 10
#: Share of each data type in 16 records: nine resources, four products, three open data.
_TYPES = ("resource",) * 9 + ("product",) * 4 + ("open",) * 3
_FREQUENCIES = ("realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "irregular", "none")
_FORMATS = (["database"], ["spreadsheet"], ["spreadsheet", "text"], ["api"], ["vector_map"])
_FORMS = (("dataset", "file"), ("api", "api"), ("report", "report"), ("application", "sandbox"))


@dataclass(frozen=True)
class Topic:
    """One thing that data may be about, with its division and the unit and duty that produce the data."""

    name: str
    division: str
    division_name: str
    unit: str
    duty: str


@dataclass(frozen=True)
class _Words:
    topics: tuple[Topic, ...]
    kinds: tuple[str, ...]
    items: tuple[str, ...]
    uses: tuple[str, ...]
    places: tuple[tuple[str, str], ...]

    @property
    def titles(self) -> int:
        return len(self.topics) * len(self.kinds)


@cache
def _words() -> _Words:
    table = tomllib.loads(resources.files(__package__).joinpath("generator_words.toml").read_text("utf-8"))
    topics = tuple(
        Topic(name, row["code"], DIVISIONS[row["code"]].name, row["unit"], row["duty"])
        for row in table["divisions"]
        for name in row["topics"]
    )
    places = tuple((r.code, r.full_name) for r in regions() if r.level != "nation")
    return _Words(topics, tuple(table["kinds"]), tuple(table["items"]), tuple(table["uses"]), places)


def _mix(value: int) -> int:
    """Return 64 well-spread bits of an integer (splitmix64): the same everywhere, unlike `random` across versions."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def _stride(size: int, seed: int) -> int:
    """Return a step that visits every number below `size` once, chosen by the seed."""
    step = (_mix(seed) % size) | 1
    while gcd(step, size) != 1:
        step += 2
    return step


@lru_cache(maxsize=65536)
def unit_code(region: str, unit: str) -> str:
    """Return the credit code of a made-up unit: valid by GB 32100, impossible by GB 11714, so nobody's."""
    number = _mix(hash_text(region + unit)) % 10**8
    digits = f"{number:08d}"
    check = (11 - sum(int(d) * w for d, w in zip(digits, _WEIGHTS, strict=True)) % 11) % 11
    return make_credit_code(f"12{region if region.isdigit() else '620000'}{digits}{(check + 1) % 10}")


def hash_text(text: str) -> int:
    """Return 64 bits of a text, the same in every process."""
    value = 0
    for character in text:
        value = (value * 1000003 + ord(character)) & _MASK
    return value


@lru_cache(maxsize=8192)
def _day(offset: int) -> str:
    return (_FIRST_DAY + timedelta(days=offset)).isoformat()


def capacity() -> int:
    """Return how many different records there are."""
    words = _words()
    return words.titles * len(words.places) * _ISSUES


def generate(
    n: int, seed: int = 1, start: int = 0, *, registrant: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield records number `start` … `start + n - 1` of a seed: content by record.schema.json, without errors.

    `registrant` (name, credit_code, region) files all of them under one unit, as an import needs.
    Raises ValueError beyond `capacity()`.
    """
    words = _words()
    places, titles = len(words.places), words.titles
    if start + n > capacity():
        raise ValueError(f"only {capacity()} different records")
    place_step, title_step = _stride(places, seed), _stride(titles, seed + 1)
    for i in range(start, start + n):
        issue, within = divmod(i, places * titles)
        turn, at = divmod(within, places)
        # Each place walks through all titles, each from another beginning: no two records share place and title.
        place = (at * place_step + seed) % places
        title = (turn * title_step + _mix(place ^ seed)) % titles
        record = _record(words, i, seed, place, title, registrant)
        # Once every place has had every title, all of them are issued again.
        yield record | {"name": f"{record['name']}（第{issue + 1}期）"} if issue else record


def _record(
    words: _Words, i: int, seed: int, place: int, title: int, registrant: Mapping[str, str] | None
) -> dict[str, Any]:
    bits = _mix(i * 2 + (seed << 40))
    region, region_name = words.places[place]
    topic = words.topics[title // len(words.kinds)]
    kind = words.kinds[title % len(words.kinds)]
    name = f"{region_name}-{topic.division_name}-{topic.name}{kind}"
    unit = region_name + topic.unit
    code, home = unit_code(region, topic.unit), region
    if registrant:
        unit, code, home = registrant["name"], registrant["credit_code"], registrant["region"]
    items, uses = words.items, words.uses
    first, second = items[bits % len(items)], items[(bits >> 8) % (len(items) - 1)]
    if first == second:
        second = items[-1]
    use = uses[(bits >> 16) % len(uses)]
    data_type = _TYPES[(bits >> 24) & 15]
    digest = f"{bits:016x}{_mix(bits):016x}{_mix(bits ^ i):016x}{_mix(~bits & _MASK):016x}"
    record: dict[str, Any] = {
        "data_type": data_type,
        "name": name,
        "intro": f"该数据在{topic.duty}过程中产生，包含{topic.name}的{first}、{second}等信息，可用于{use}。",
        "registrant_name": unit,
        "registrant_credit_code": code,
        "registrant_type": "public_institution" if unit.endswith("中心") else "government_organ",
        "registrant_region": home,
        "contact_name": "示例经办人",
        "contact_phone": "13800000000",
        "collection_basis": f"《{topic.duty}办法》（示例）",
        "duty_basis": topic.duty,
        "source_mode": "produced",
        "within_authorised_operation": False,
        "industries": [topic.division],
        "coverage_regions": [region],
        "data_format": _FORMATS[(bits >> 28) % len(_FORMATS)],
        "update_frequency": _FREQUENCIES[(bits >> 32) & 7],
        "record_count": 1 + (bits >> 40) % 500_000,
        "contains_personal": False,
        "grade": "general",
        "evidence_method": "hash",
        "evidence_algorithm": "sm3" if bits & 1 else "sha256",
        "evidence_digest": digest,
        "evidence_time": "2025-01-02T03:04:05Z",
        "scenarios": use,
        "risk_assessment_date": "2025-01-02",
        "risk_assessment_conclusion": "风险可控",
        "alternative_identifiers": [f"生成数据-{seed}-{i}"],
    }
    _by_type(record, data_type, bits)
    return record


def _by_type(record: dict[str, Any], data_type: str, bits: int) -> None:
    if data_type == "resource":
        record["coverage_start"] = f"20{15 + (bits >> 48) % 10}-01-01"
    elif data_type == "product":
        record["product_form"], record["delivery_mode"] = _FORMS[(bits >> 48) & 3]
        record["no_source_reason"] = "示例产品，不对应已登记资源"
    if data_type == "open":
        record["access_mode"] = "open"
        record["open_url"] = f"https://open.example.com/{bits & 0xFFFFFF:06x}"
    else:
        record["access_mode"] = "apply"


def adoption_rows(n: int, seed: int = 1, start: int = 0, *, demonstration: bool = True) -> Iterator[dict[str, Any]]:
    """Yield already registered records: content with the original serial, code, coding day, validity and agency."""
    prefix = DEMONSTRATION_PREFIX if demonstration else ""
    for i, record in enumerate(generate(n, seed, start), start):
        offset = _mix(i ^ (seed << 32)) % _CODED_DAYS
        coded = _FIRST_DAY + timedelta(days=offset)
        province = record["registrant_region"][:2]
        yield record | {
            "serial": format_serial(coded, 1 + i % 999_999),
            "code": prefix + _code(i, seed),
            "coded_on": _day(offset),
            "valid_to": _day(offset + _TERM_DAYS),
            "agency_name": f"示例登记机构（{province}）",
            "agency_level": "province",
            "platform_code": f"P{province}",
        }


def _code(i: int, seed: int) -> str:
    """Return 16 characters in groups of four; a bijection of the number within a seed, so codes never repeat."""
    bits = _mix(i + (seed << 34)) | _mix(seed) % (1 << 16) << 64
    text = "".join(_ALPHABET[bits >> shift & 31] for shift in range(75, -5, -5))
    return f"{text[:4]}-{text[4:8]}-{text[8:12]}-{text[12:16]}"


def load(
    register: Register,
    n: int,
    seed: int = 1,
    *,
    start: int = 0,
    batch: int = 1000,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Adopt `n` made-up registrations into a register, for tests and benchmarks; return how many were added.

    Repeating it adds nothing. Raises what `adoption.adopt` raises.
    """
    from dengji.core.node import identity
    from dengji.parties.actor import importer

    from .services import adoption

    rows = adoption_rows(n, seed, start, demonstration=identity()[1])
    added = done = 0
    while chunk := list(islice(rows, batch)):
        records = [_adopted(row) for row in chunk]
        outcomes = adoption.adopt(actor=importer(register.pk), register_id=register.pk, records=records, example=True)
        done += len(chunk)
        added += sum(1 for outcome in outcomes if outcome.id and not outcome.known)
        if progress:
            progress(done)
    return added


def _adopted(row: dict[str, Any]) -> Any:
    from .services.prepared import AdoptedRow

    return AdoptedRow(
        serial=row.pop("serial"),
        code=row.pop("code"),
        coded_on=date.fromisoformat(row.pop("coded_on")),
        valid_to=date.fromisoformat(row.pop("valid_to")),
        agency_name=row.pop("agency_name"),
        agency_level=row.pop("agency_level"),
        platform_code=row.pop("platform_code"),
        content=row,
    )
