"""Rulebooks: the law as data, typed, versioned and inherited nation → province → city (Measures Art. 22, R74–R76).

A rulebook file holds values, each with its citation and how sure we are of it. `rulebooks/keys.toml` is the list of
all keys: type, label, unit, and the direction in which a sub-rulebook may move a value without loosening the law.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from .rulebooks.keys import DAY, FITS, KEYS, LOOSER, SHIPPED, Key, RulebookError, fail, is_list, vocabulary

__all__ = [
    "KEYS",
    "MISSING",
    "Key",
    "Rulebook",
    "RulebookError",
    "Value",
    "explain",
    "freeze",
    "ids",
    "load",
    "load_from",
    "thaw",
    "vocabulary",
]

MISSING: Final = object()
SURE: Final = ("read", "excerpt", "assumed")
STATUS: Final = ("partly_verified", "verified")

_TOP_REQUIRED = {"id", "version", "title", "title_en", "instrument", "region", "status"}
_TOP_OPTIONAL = {"parent", "effective_from", "effective_to", "notes", "values"}
_ENTRY = {"value", "none", "cite", "sure", "note"}
_REGION = re.compile(r"[0-9A-Z]{6}")


@dataclass(frozen=True)
class Value:
    """One setting: its value (lists are tuples, tables read-only mappings), citation, certainty, and who set it."""

    key: str
    value: Any
    cite: str
    sure: str
    note: str
    set_by: str

    @property
    def label(self) -> Mapping[str, str]:
        """The setting's name in Chinese and English; a setting that this release no longer has keeps its key."""
        key = KEYS.get(self.key)
        return {"zh": key.zh, "en": key.en} if key else {"zh": self.key, "en": self.key}


def freeze(value: Any) -> Any:
    """Return a read-only copy: lists become tuples, dicts read-only mappings."""
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    if isinstance(value, Mapping):
        return MappingProxyType({name: freeze(item) for name, item in value.items()})
    return value


def thaw(value: Any) -> Any:
    """Return a copy made of plain lists and dicts, ready for JSON."""
    if isinstance(value, tuple | list):
        return [thaw(item) for item in value]
    if isinstance(value, Mapping):
        return {name: thaw(item) for name, item in value.items()}
    return value


@dataclass(frozen=True, eq=False)
class Rulebook:
    """A resolved rulebook: every setting of a jurisdiction at one version (R74, R75).

    `parents` runs from the nation down to the nearest parent. Equal content has an equal `digest`.
    """

    id: str
    version: str
    parents: tuple[str, ...]
    region: str
    title: str
    title_en: str
    instrument: str
    effective_from: str | None
    effective_to: str | None
    status: str
    notes: tuple[str, ...]
    values: Mapping[str, Value]

    def get(self, key: str, default: Any = MISSING) -> Any:
        """Return a setting's value; None means the law gives none.

        A snapshot pinned by an earlier release may lack a newer key: then `default`. Raises RulebookError
        `unknown_key` for a name no release has, `missing_key` without a default.
        """
        found = self.values.get(key)
        if found is not None:
            return found.value
        if default is MISSING or key not in KEYS:
            fail("missing_key" if key in KEYS else "unknown_key", file=self.id, key=key)
        return default

    def value(self, key: str) -> Value:
        """Return a setting with its citation; raises RulebookError as `get` does."""
        if key not in self.values:
            fail("missing_key" if key in KEYS else "unknown_key", file=self.id, key=key)
        return self.values[key]

    def items(self) -> Iterator[Value]:
        """Yield every setting in the order of keys.toml."""
        return iter(self.values.values())

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the whole resolved content, citations included: it identifies what a case is pinned to."""
        text = json.dumps(self._content(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def _content(self) -> dict[str, Any]:
        top = {name: thaw(self.__dict__[name]) for name in self.__dataclass_fields__ if name != "values"}
        rows = [
            {"key": v.key, "value": thaw(v.value), "cite": v.cite, "sure": v.sure, "note": v.note, "set_by": v.set_by}
            for v in self.values.values()
        ]
        return {**top, "values": rows}

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready snapshot that `from_dict` restores exactly (R75)."""
        return {**self._content(), "digest": self.digest}

    @classmethod
    def from_dict(cls, snapshot: Mapping[str, Any]) -> Rulebook:
        """Restore a pinned snapshot, of this or an earlier release; raises RulebookError `digest_mismatch`."""
        content = {name: freeze(item) for name, item in snapshot.items() if name not in ("digest", "values")}
        values = {row["key"]: Value(**{**row, "value": freeze(row["value"])}) for row in snapshot["values"]}
        book = cls(**content, values=MappingProxyType(values))
        if book.digest != snapshot["digest"]:
            fail("digest_mismatch", id=book.id)
        return book

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rulebook) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return Rulebook.from_dict, (self.to_dict(),)


def _entry(file: str, name: str, raw: Any, rulebook_id: str) -> Value:
    """Check one entry of a file against its key; raises RulebookError."""
    key = KEYS.get(name) or fail("unknown_key", file=file, key=name)
    if not isinstance(raw, dict):
        fail("wrong_type", file=file, key=name, type="table")
    for field in sorted(raw.keys() - _ENTRY):
        fail("unknown_field", file=file, key=name, field=field)
    if not isinstance(raw.get("cite"), str) or not raw["cite"].strip():
        fail("missing_cite", file=file, key=name)
    if raw.get("sure") not in SURE:
        fail("bad_sure", file=file, key=name)
    if ("value" in raw) == (raw.get("none") is True) or raw.get("none", True) is not True:
        fail("value_or_none", file=file, key=name)
    fits = FITS[key.type.removesuffix("?")](key, raw["value"]) if "value" in raw else key.type.endswith("?")
    if not fits or not isinstance(raw.get("note", ""), str):
        fail("wrong_type", file=file, key=name, type=key.type)
    return Value(name, freeze(raw.get("value")), raw["cite"], raw["sure"], raw.get("note", ""), rulebook_id)


def _check_override(file: str, old: Value, new: Value) -> None:
    """Refuse an override that loosens the parent's rule without right (R74); raises RulebookError."""
    key = KEYS[new.key]
    seen = new.sure != "assumed" and "《" in new.cite
    if key.national and not seen:
        fail("uncited_national", file=file, key=new.key)
    if LOOSER[key.direction](key, old.value, new.value):
        if key.loosen == "never":
            fail("forbidden_loosening", file=file, key=new.key)
        if not seen:
            fail("uncited_loosening", file=file, key=new.key)


def _read(path: Path) -> dict[str, Any]:
    """Read one file and check its head; raises RulebookError."""
    file = path.name
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulebookError("bad_toml", {"file": file, "reason": str(error)}) from error
    for field in sorted(raw.keys() - _TOP_REQUIRED - _TOP_OPTIONAL):
        fail("unknown_field", file=file, key="", field=field)
    for field in sorted(_TOP_REQUIRED - raw.keys()):
        fail("missing_field", file=file, key="", field=field)
    if raw["id"] != path.stem:
        fail("id_mismatch", file=file, id=raw["id"])
    words, days = _TOP_REQUIRED | ({"parent"} & raw.keys()), {"effective_from", "effective_to"} & raw.keys()
    good = {field: isinstance(raw[field], str) and bool(raw[field]) for field in words}
    good |= {field: isinstance(raw[field], str) and bool(DAY.fullmatch(raw[field])) for field in days}
    good["notes"] = is_list(raw.setdefault("notes", []), lambda note: isinstance(note, str))
    good["values"] = isinstance(raw.setdefault("values", {}), dict)
    good["region"] = good["region"] and bool(_REGION.fullmatch(raw["region"]))
    good["status"] = raw["status"] in STATUS
    for field in sorted(field for field, ok in good.items() if not ok):
        fail("bad_field", file=file, key="", field=field, value=raw[field])
    return raw


def _find(rulebook_id: str, directory: Path) -> Path:
    known = {p.stem: p for folder in (SHIPPED, directory) for p in folder.glob("*.toml") if p.name != "keys.toml"}
    return known.get(rulebook_id) or fail("unknown_rulebook", id=rulebook_id)


def _resolve(rulebook_id: str, directory: Path, below: tuple[str, ...] = ()) -> Rulebook:
    """Read a rulebook and lay it over its parents; raises RulebookError."""
    if rulebook_id in below:
        fail("parent_cycle", chain=" → ".join((*below, rulebook_id)))
    path = _find(rulebook_id, directory)
    raw = _read(path)
    parent = _resolve(raw["parent"], directory, (*below, rulebook_id)) if "parent" in raw else None
    merged: dict[str, Value] = dict(parent.values) if parent else {}
    for name, entry in raw["values"].items():
        value = _entry(path.name, name, entry, rulebook_id)
        if name in merged:
            _check_override(path.name, merged[name], value)
        merged[name] = value
    for name in KEYS:
        if name not in merged:
            fail("missing_key", file=path.name, key=name)
    return Rulebook(
        id=rulebook_id,
        version=raw["version"],
        parents=(*parent.parents, parent.id) if parent else (),
        region=raw["region"],
        title=raw["title"],
        title_en=raw["title_en"],
        instrument=raw["instrument"],
        effective_from=raw.get("effective_from"),
        effective_to=raw.get("effective_to"),
        status=raw["status"],
        notes=tuple(raw["notes"]),
        values=MappingProxyType({name: merged[name] for name in KEYS}),
    )


def load_from(directory: Path) -> dict[str, Rulebook]:
    """Load every rulebook of a directory; parents may lie there or among the shipped ones. Raises RulebookError."""
    names = sorted(p.stem for p in directory.glob("*.toml") if p.name != "keys.toml")
    return {name: _resolve(name, directory) for name in names}


@functools.cache
def load(rulebook_id: str) -> Rulebook:
    """Load a shipped rulebook, resolved through its parents; cached. Raises RulebookError `unknown_rulebook`."""
    return _resolve(rulebook_id, SHIPPED)


def ids() -> list[str]:
    """Return the ids of the shipped rulebooks, sorted."""
    return sorted(p.stem for p in SHIPPED.glob("*.toml") if p.name != "keys.toml")


def explain(rulebook_id: str) -> list[Value]:
    """Return every setting of a shipped rulebook with citation, certainty and the rulebook that set it."""
    return list(load(rulebook_id).items())
